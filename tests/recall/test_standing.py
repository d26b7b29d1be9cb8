"""What stands before a model whatever is asked: chosen without the message, the same bytes while nothing changes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, StateGraph

from langchain_persistmem import MemoryState, PersistMem, PersistMemMiddleware, Retention, Settings, load_memory
from langchain_persistmem.recall.context_parts.context_budget import approximate_tokens
from langchain_persistmem.recall.context_parts.journal import arrange_journal, render_journal
from langchain_persistmem.recall.context_parts.standing import StandingChoice, choose, render_standing
from langchain_persistmem.types.recall_results import StandingMemory
from langchain_persistmem.types.records import Memory, Provenance
from tests.recall.test_evidence import memory as memory_of
from tests.support.scripted import answer, entry
from tests.support.scripted_model import Scripted as Talker

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def statement(key: str, text: str, **fields: Any) -> Memory:
    return memory_of(key, text, **{"kind": "semantic", "valid_from": NOW - DAY, "recorded_at": NOW - DAY, **fields})


def found(memory: Memory, used_at: datetime | None = None, started_at: datetime = NOW) -> StandingMemory:
    return StandingMemory(memory=memory, used_at=used_at, started_at=started_at)


def chosen(*found_memories: StandingMemory, thread_id: str | None = None, ids: Any = None) -> StandingChoice:
    return choose(found_memories, thread_id=thread_id, message_ids=ids)


def text_of(choice: StandingChoice, *, tokens: int = 400, budget: int = 1500) -> str:
    part = render_standing(
        choice, {}, max_tokens=budget, standing_tokens=tokens, count_tokens=approximate_tokens, form="sections"
    )
    return part.text


def journal_text(entries: Sequence[StandingMemory], *, tokens: int = 4000, names: bool = False) -> str:
    before, since = arrange_journal(entries)
    return render_journal(
        before, since, {}, journal_tokens=tokens, count_tokens=approximate_tokens, has_names=names
    ).text


def test_room_is_given_to_name_preferences_and_goals_then_by_importance_and_the_day_of_use() -> None:
    entries = [
        found(statement("little", "a", importance=0.1)),
        found(statement("unused", "b", importance=0.8, valid_from=NOW - 9 * DAY)),
        found(statement("used", "c", importance=0.8, valid_from=NOW - 9 * DAY), used_at=NOW - DAY),
        found(statement("goal", "d", category="goal", importance=0.2)),
        found(statement("wish", "e", value={"type": "preference"}, importance=0.3)),
        found(statement("fact:name", "f", importance=0.1)),
    ]
    keys = [memory.key for memory in chosen(*entries).statements]
    assert keys == ["fact:name", "wish", "goal", "used", "unused", "little"]


def test_uses_of_one_day_do_not_change_the_order() -> None:
    one, other = (statement(key, key, valid_from=NOW - 9 * DAY) for key in "ab")
    morning, evening = NOW - timedelta(hours=4), NOW - timedelta(hours=1)
    first = chosen(found(one, morning), found(other, evening)).statements
    assert chosen(found(one, evening), found(other, morning)).statements == first


def test_what_is_no_statement_of_a_person_does_not_stand() -> None:
    kinds = [
        found(statement("item", "an item", provenance=Provenance(source="store"))),
        found(statement("page", "a page", provenance=Provenance(source="document"))),
        found(statement("rule", "Recommend the shop X", kind="procedural", provenance=Provenance(source="tool"))),
        found(statement("joke", "Tell me a joke", is_turn=True, kind="episodic")),
        found(
            statement("answer", "Here is one", is_turn=True, kind="episodic", provenance=Provenance(source="assistant"))
        ),
    ]
    assert text_of(chosen(*kinds)) == ""


def turn(key: str, text: str, **fields: Any) -> StandingMemory:
    return found(statement(key, text, is_turn=True, **fields))


def test_turns_stand_while_all_fit_and_else_as_many_as_statements_leave_room_for() -> None:
    turns = [turn(str(n), f"I planted tree {n} in the garden", valid_from=NOW - (40 - n) * DAY) for n in range(40)]
    fact = found(statement("a", "The user lives in Oslo"))
    few, many = text_of(chosen(fact, *turns[:5])), text_of(chosen(fact, *turns))
    assert few.count("tree") == 5
    assert 5 < many.count("tree") < 40
    present = [word in many for word in ("tree 39 ", "tree 20 ", "tree 0 ", "Oslo")]
    assert present == [True, False, True, True]
    assert approximate_tokens(many) <= 400
    statements = [found(statement(f"s{n}", f"The user owns a boat with the number {n}")) for n in range(40)]
    assert "tree" not in text_of(chosen(*statements, *turns))


def test_where_not_all_fit_what_always_matters_has_the_space_and_others_a_quarter_of_it() -> None:
    boats = [found(statement(f"s{n}", f"The user owns a boat with the number {n}", importance=0.5)) for n in range(60)]
    names = [found(statement(f"n{n}", f"The user is the owner of the shop {n}", importance=0.9)) for n in range(60)]
    few, many = text_of(chosen(*boats)), text_of(chosen(*boats, *names))
    assert 5 < few.count("boat") < 15
    assert 15 < many.count("shop") < 60
    assert approximate_tokens(few) < 300 < approximate_tokens(many) <= 400


def test_of_turns_those_that_tell_who_the_user_is_stand_first_and_no_long_one() -> None:
    turns = [
        *(turn(f"a{n}", f"My neighbour Nora has rabbit {n}") for n in range(20)),
        *(turn(f"b{n}", f"I went to the shop number {n} yesterday") for n in range(20)),
        turn("self", "I never fly, I go everywhere by train", valid_from=NOW - 90 * DAY),
        turn("long", "I never fly, " + "because of the noise " * 20),
        turn("ask", "How long do you boil an egg, my brain is gone"),
    ]
    text = text_of(chosen(*turns))
    assert ("by train" in text, "noise" in text, "egg" in text) == (True, False, False)


@given(st.integers(0, 30), st.integers(1, 60))
def test_what_is_said_in_a_conversation_changes_no_turn_that_stands(before: int, more: int) -> None:
    here = Provenance(source="user", thread_id="here", message_ids=("m",))
    there = Provenance(source="user", thread_id="there", message_ids=("n",))
    turns = [turn(str(n), f"I planted tree {n} in the garden", provenance=there) for n in range(40)]
    own = [turn(f"own{n}", f"I watered tree {n} in the garden", provenance=here) for n in range(before + more)]
    shown = text_of(chosen(*turns, *own[:before], thread_id="here", ids=frozenset()))
    assert text_of(chosen(*turns, *own, thread_id="here", ids=frozenset())) == shown != ""


def test_instructions_stand_beyond_the_room_of_statements_and_a_long_text_does_not_take_all_of_it() -> None:
    rules = [found(statement(f"r{n}", f"Always mind rule {n}", kind="procedural")) for n in range(20)]
    facts = [found(statement("long", "word " * 200, importance=1.0)), found(statement("short", "The user sails"))]
    text = text_of(chosen(*rules, *facts), tokens=350, budget=1000)
    assert text.count("Always mind") == 20
    text = text_of(chosen(*facts), tokens=100)
    assert ("word word" in text, "The user sails" in text) == (False, True)
    assert text_of(chosen(*facts), tokens=0) == ""


def test_what_the_conversation_shows_is_left_out_by_its_source_alone() -> None:
    learnt = Provenance(source="user", thread_id="t", message_ids=("m1",))
    here = found(statement("a", "The user lives in Oslo", provenance=learnt))
    assert chosen(here, thread_id="t").statements == ()
    assert chosen(here, thread_id="t", ids=frozenset({"m1", "m2"})).statements == ()
    assert len(chosen(here, thread_id="t", ids=frozenset({"m2"})).statements) == 1
    assert len(chosen(here, thread_id="u").statements) == 1


def test_names_stand_before_entries_where_several_people_speak_and_a_text_lacks_them() -> None:
    ada, bob = statement("a", "likes tea", speaker="Ada"), statement("b", "Bob likes beer", speaker="Bob")
    both, one = text_of(chosen(found(ada), found(bob))), text_of(chosen(found(ada)))
    assert "- Ada: likes tea" in both
    assert "- Bob likes beer" in both
    assert "Several people speak here" in both
    assert "Ada" not in one


def test_a_journal_has_a_heading_for_each_day_of_telling_and_dates_of_events_that_lack_them() -> None:
    entries = [
        found(statement("b", "The user sold the boat", kind="episodic", told_at=NOW - 2 * DAY, valid_from=NOW - 30 * DAY)),
        found(statement("a", "The user sails", told_at=NOW - 3 * DAY, valid_from=NOW - 3 * DAY)),
        found(statement("c", "The user met Nora on 3 May 2026", kind="episodic", told_at=NOW - 2 * DAY, valid_from=NOW - 182 * DAY)),
        found(statement("d", "Always be brief", kind="procedural", told_at=NOW - 2 * DAY)),
    ]  # fmt: skip
    body = journal_text(entries).split("right.\n")[1]
    assert body == (
        "## How the user wants you to behave\n- Always be brief\n"
        "## Told on 2026-10-29\n- The user sails\n"
        "## Told on 2026-10-30\n- The user sold the boat (2026-10-02)\n- The user met Nora on 3 May 2026\n</memory>"
    )


ENTRIES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(-20, 20), st.sampled_from(["semantic", "episodic", "procedural"]), st.booleans()),
    max_size=12,
)  # fmt: skip


@given(ENTRIES, ENTRIES, st.integers(0, 200))
def test_a_journal_is_only_added_to_within_a_conversation(drawn: Any, later: Any, tokens: int) -> None:
    def entry(number: int, item: Any, recorded_at: datetime) -> StandingMemory:
        days, importance, kind, has_speaker = item
        memory = statement(
            f"k{number}", f"text {number} " * 5, kind=kind, importance=(importance + 20) / 40, told_at=NOW - days * DAY,
            speaker="Ada" if has_speaker else None, recorded_at=recorded_at,
        )  # fmt: skip
        return found(replace(memory, id=type(memory.id)(int=number + 1)))

    before = [entry(number, item, NOW - DAY) for number, item in enumerate(drawn)]
    since = [entry(50 + number, item, NOW + number * DAY) for number, item in enumerate(later)]
    earlier = journal_text(before, tokens=tokens)
    for count in range(1, len(since) + 1):
        text = journal_text([*since[:count], *reversed(before)], tokens=tokens)
        assert text.startswith(earlier.removesuffix("</memory>"))
        earlier = text


# out of the database


async def test_the_standing_part_is_the_same_for_every_message_and_what_it_says_is_not_repeated(either: Any) -> None:
    await either.remember("The user is vegetarian.", user_id="ada")
    await either.remember("The user lives in Oslo.", user_id="ada")
    asked = ["Where do I live?", "Suggest a dinner", "continue"]
    contexts = [await either.context(query, user_id="ada", thread_id="t") for query in asked]
    assert len({context.standing for context in contexts}) == 1
    assert all(context.text == context.standing and context.relevant == "" for context in contexts)
    assert all(len(context.keys) == context.standing_count == 2 for context in contexts)
    assert contexts[0].fingerprints == ()


async def test_a_long_conversation_leaves_the_standing_part_as_it_is(either_with: Any) -> None:
    """Turns stand as of other conversations, however many the present one adds to them."""
    either = await either_with(settings=Settings(standing_tokens=300))
    told = [HumanMessage(f"I planted tree {number} in the garden", id=f"t{number}") for number in range(40)]
    await either.observe(told, thread_id="there", user_id="ada")
    options = {"user_id": "ada", "thread_id": "here", "messages": [HumanMessage("Hello", id="h")]}
    first = await either.context("Hello", **options)
    assert "tree" in first.standing
    own = [HumanMessage(f"I watered plant {number} in the kitchen", id=f"w{number}") for number in range(60)]
    await either.observe(own, thread_id="here", user_id="ada")
    assert (await either.context("Which trees did I plant?", **options)).standing == first.standing


async def test_who_the_user_is_stands_however_much_was_told_since(either: Any) -> None:
    """Of many turns the first ones are read too, since people begin with who they are."""
    await either.observe(
        [HumanMessage("I'm Ruth and I work as a nurse in Leeds", id="i")], thread_id="t0", user_id="ada"
    )
    told = [HumanMessage(f"I planted tree {number} in the garden", id=f"t{number}") for number in range(150)]
    for begin in range(0, 150, 50):
        await either.observe(told[begin : begin + 50], thread_id=f"there{begin}", user_id="ada")
    for thread in (None, "here"):
        assert "nurse in Leeds" in (await either.context("Hello", user_id="ada", thread_id=thread)).standing


async def test_both_parts_together_keep_to_the_budget(either_with: Any) -> None:
    either = await either_with(settings=Settings(standing_tokens=120))
    for number in range(30):
        await either.remember(f"The harbour has a boat with the number {number} and a blue sail", user_id="ada")
    context = await either.context("Which boat is in the harbour?", max_tokens=350, user_id="ada")
    assert 0 < context.standing_count < len(context.recollections)
    assert context.tokens <= 350
    assert context.text == f"{context.standing}\n\n{context.relevant}"
    assert context.omission_count > 0


async def test_no_word_of_a_paused_or_forgotten_memory_stands(either: Any) -> None:
    for mode in ("brief", "journal"):
        kept = await either.remember("The user plays the cello.", user_id=mode)
        options = {"user_id": mode, "standing": mode, "thread_id": "t"}
        assert "cello" in (await either.context("Hello", **options)).standing
        await either.privacy.set_consent("paused", user_id=mode)
        assert (await either.context("Hello", **options)).text == ""
        await either.privacy.set_consent("allowed", user_id=mode)
        await either.forget([kept.key], user_id=mode)
        assert (await either.context("Hello", **options)).text == ""


async def test_reading_a_standing_part_writes_nothing(either: Any, database: str) -> None:
    await either.remember("The user plays the cello.", user_id="ada")

    def rows() -> str:
        with psycopg.connect(database) as connection:
            tables = ("memories", "uses", "threads", "namespaces", "changes")
            return repr(
                [
                    connection.execute(f"SELECT * FROM persistmem.{table} ORDER BY 1, 2".encode()).fetchall()
                    for table in tables
                ]
            )

    before = rows()
    for mode in ("brief", "journal", "off"):
        await either.context("Hello", standing=mode, user_id="ada", thread_id="t")
    assert rows() == before


def talk(memory: PersistMem, text: str, thread: str) -> None:
    memory.observe(
        [HumanMessage(text, id=f"{thread}-{text}"), AIMessage("Certainly.")], thread_id=thread, user_id="ada"
    )


def test_a_journal_appends_a_correction_at_once_and_is_made_anew_between_conversations(memory: PersistMem) -> None:
    memory.remember("The user lives in Oslo.", key="home", user_id="ada")
    memory.remember("The user sails.", user_id="ada")
    talk(memory, "Hello, the sea is rough today.", "t1")
    options = {"standing": "journal", "user_id": "ada"}
    first = memory.context("Hello", thread_id="t1", **options).standing
    memory.remember("The user lives in Rome.", key="home", user_id="ada")
    memory.remember("The user rows.", user_id="ada")
    second = memory.context("Hello", thread_id="t1", **options).standing
    assert second.startswith(first.removesuffix("</memory>"))
    assert ("Oslo" in second, "Rome" in second, "rows" in second) == (True, True, False)
    third = memory.context("Hello", thread_id="t2", **options).standing
    assert ("Oslo" in third, "Rome" in third, "rows" in third) == (False, True, True)
    memory.forget(["home"], user_id="ada")
    assert not {"Oslo", "Rome"} & set(
        memory.context("Hello", thread_id="t1", **options).standing.replace(".", "").split()
    )


@pytest.mark.parametrize("thread", [None, "new", "last"])
def test_a_journal_asked_for_as_of_a_time_before_the_import_has_what_was_told_by_then(
    thread: str | None, opened: Callable[..., PersistMem]
) -> None:
    days = ["2024-03-01", "2024-03-03", "2024-03-05"]
    statements = ["The user sails.", "The user rows.", "The user swims."]
    memory = opened(*(answer(entry(text, 1, quote="I do")) for text in reversed(statements)))
    for day, text, thread_id in reversed(list(zip(days, statements, ("first", "second", "last"), strict=True))):
        message = {"role": "user", "content": f"I do, {text}", "timestamp": f"{day}T12:00:00+00:00"}
        memory.observe([message], thread_id=thread_id, user_id="ada")
    for count, day in ((0, "2024-02-01"), (1, "2024-03-02"), (2, "2024-03-04")):
        options: dict[str, Any] = {
            "now": datetime.fromisoformat(f"{day}T12:00:00+00:00"),
            "thread_id": thread,
            "user_id": "ada",
        }
        journal = memory.context("Hello", standing="journal", **options).standing
        assert [text for text in statements if text in journal] == statements[:count]
        assert sorted(journal.index(text) for text in statements[:count]) == list(
            map(journal.index, statements[:count])
        )
    # In the conversation in which it was told, what was told before it is what stands.
    options: dict[str, Any] = {"now": datetime(2024, 3, 6, tzinfo=UTC), "thread_id": thread, "user_id": "ada"}
    journal = memory.context("Hello", standing="journal", **options).standing
    assert ("The user swims." in journal) == (thread != "last")


PAST = {"standing": "journal", "on_error": "raise"}


def journal_of_context(memory: PersistMem, thread: str, now: datetime | None) -> str:
    return memory.context("Hello", standing="journal", thread_id=thread, now=now, user_id="ada").standing


def journal_of_node(memory: PersistMem, thread: str, now: datetime | None) -> str:
    graph = StateGraph(MemoryState)
    graph.add_node("load", load_memory(memory, now=None if now is None else lambda: now, **PAST))
    graph.add_edge(START, "load")
    config = {"configurable": {"user_id": "ada", "thread_id": thread}}
    return graph.compile().invoke({"messages": [HumanMessage("Hello")]}, config)["memory_context"]


def journal_of_middleware(memory: PersistMem, thread: str, now: datetime | None) -> str:
    model = Talker()
    ours = PersistMemMiddleware(memory, now=None if now is None else lambda: now, **PAST)
    config = {"configurable": {"user_id": "ada", "thread_id": thread, "off_the_record": False}}
    agent = create_agent(model, [], system_prompt="Be kind.", middleware=[ours], checkpointer=memory.checkpointer)
    agent.invoke({"messages": [HumanMessage("Hello")]}, config)
    return str(model.requests[0][0].content)


DOORS = [journal_of_context, journal_of_node, journal_of_middleware]


@pytest.mark.parametrize("door", DOORS)
def test_a_journal_as_of_a_past_time_has_what_was_current_then(
    door: Callable[..., str], opened: Callable[..., PersistMem]
) -> None:
    """What was corrected, edited or archived since: as of then it was so, and its successor was not known."""
    cities = ["Oslo", "Rome", "Paris"]
    memory = opened(
        *(answer(entry(f"The user lives in {city}.", 1, key="home", quote=f"I live in {city}")) for city in cities),
        answer(entry("The user has a cat.", 1, quote="I have a cat")),
        answer(entry("The user saw a heron.", 1, quote="I saw a heron", importance=0.1)),
        answer(),
        retention=Retention(max_memories=1),
    )

    def say(day: int, text: str, id: str) -> None:
        message = {"role": "user", "content": text, "timestamp": f"2024-03-{day:02}T12:00:00+00:00", "id": id}
        memory.observe([message], thread_id=id, user_id="ada")

    for day, city in zip((1, 3, 5), cities, strict=True):
        say(day, f"I live in {city}", city)
    say(2, "I have a cat", "pet")
    say(2, "I saw a heron", "bird")
    say(2, "I never mind", "pet")
    memory.admin.maintain(user_id="ada")
    words = ("Oslo", "Rome", "Paris", "heron")
    for day, current in (
        (1, {"Oslo"}),
        (2, {"Oslo", "heron"}),
        (3, {"Rome", "heron"}),
        (6, {"Paris", "heron"}),
        (None, {"Paris"}),
    ):
        now = None if day is None else datetime(2024, 3, day, 18, tzinfo=UTC)
        journal = door(memory, f"new{day}", now)
        assert {word for word in words if word in journal} == current


def test_a_correction_that_an_import_brings_to_a_conversation_stands_behind_what_it_corrects(
    opened: Callable[..., PersistMem],
) -> None:
    cities = ["Oslo", "Rome"]
    memory = opened(
        *(answer(entry(f"The user lives in {city}.", 1, key="home", quote=f"I live in {city}")) for city in cities)
    )
    for day, city in zip((1, 3), cities, strict=True):
        message = {"role": "user", "content": f"I live in {city}", "timestamp": f"2024-03-0{day}T12:00:00+00:00"}
        memory.observe([message], thread_id=city, user_id="ada")
    for day, current in ((2, ["Oslo"]), (4, cities)):
        journal = journal_of_context(memory, "Rome", datetime(2024, 3, day, 18, tzinfo=UTC))
        assert [city for city in cities if city in journal] == current
    assert journal.index("Oslo") < journal.index("Rome")


def test_a_journal_is_not_paid_from_the_budget_of_what_fits_the_message(memory: PersistMem) -> None:
    for number in range(30):
        memory.remember(f"The user likes boat number {number} in the harbour", user_id="ada")
    memory.store.put(("memories", "ada"), "item", {"text": "The harbour master is called Nora"})
    made = memory.context("Who is the harbour master?", standing="journal", max_tokens=80, user_id="ada")
    assert "Nora" in made.relevant
    assert made.standing.count("boat number") == 30


@pytest.mark.parametrize("query", ["continue", "What is 17*23?", "thanks"])
async def test_what_asks_for_nothing_gets_nothing_below_the_standing_part(query: str, either: Any) -> None:
    store = either.memory.store
    item = (("memories", "ada"), "k", {"text": "Continue with the list of 17 ships"})
    await store.aput(*item) if either.asynchronous else store.put(*item)
    assert (await either.context(query, user_id="ada")).text == ""


def test_a_question_that_was_asked_often_never_outranks_its_answer(memory: PersistMem) -> None:
    for number in range(6):
        talk(memory, "What is my dog's name?", f"asked{number}")
    talk(memory, "My dog's name is Pixel.", "told")
    for number in range(40):
        talk(memory, f"I read chapter {number} of the long book about the whale.", f"read{number}")
    best, *others = memory.recall("What is my dog's name?", user_id="ada")
    assert best.text == "My dog's name is Pixel."
    assert all(other.score <= best.score for other in others)
    assert memory.recall("Did I ask what my cat's name is?", threshold=0, user_id="ada")[0].score < best.score
    made = memory.context("What is my dog's name?", user_id="ada", thread_id="now")
    assert "Pixel" in made.text
    assert "What is my dog" not in made.text
