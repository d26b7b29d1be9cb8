"""Further questions, memories that were shown already, a second opinion on relevance, and the conversation itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from langchain_persistmem import ConfigurationError, ExtractionError, PersistMem, Settings
from langchain_persistmem.recall.context_parts.relevance_check import material, numbers
from langchain_persistmem.recall.query_expansion import MOST, merge, variants, variants_of
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.types.recall_results import RankedCandidate
from tests.recall.test_evidence import found
from tests.recall.test_evidence import memory as remembered
from tests.support.scripted import Scripted


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Where do I live and what is my job?", ["Where do I live", "what is my job", "Where do live and what is job"]),
        ("When is Bob's birthday? What does he like?", ["When is Bob's birthday", "What does he like",
                                                        "When is Bob's birthday What does like"]),
        ('Who wrote "The Wire"; does Nora like it?', ['Who wrote "The Wire"', "does Nora like it", "The Wire",
                                                        "Who wrote The Wire does Nora like"]),
        ("Who are Tom and Jerry?", []),
        ("When did we see the Eiffel Tower?", ["Eiffel Tower", "When did see the Eiffel Tower"]),
        ("Wo wohne ich und wie heißt mein Hund?", ["Wo wohne ich", "wie heißt mein Hund",
                                                   "Wo wohne und wie heißt Hund"]),
        ("我住在哪里？我的狗叫什么？", ["我住在哪里", "我的狗叫什么"]),
        ("What happened in May?", []),
        ("tea", []),
    ],
)  # fmt: skip
def test_the_rules_find_the_questions_in_a_question(query: str, expected: list[str]) -> None:
    assert variants(query) == [query, *expected][:MOST]


@given(st.text(max_size=200))
def test_any_question_comes_first_among_a_few_distinct_ones(query: str) -> None:
    found = variants(query)
    assert found[0] == query
    assert len(found) == len(set(found)) <= MOST


@pytest.mark.parametrize("answer", [None, "x", [], {"queries": "x"}, {"other": []}])
def test_a_misshapen_answer_is_no_list_of_questions(answer: Any) -> None:
    assert variants_of(answer, "q") is None
    assert numbers(answer, 3) is None


def test_of_a_models_answer_only_usable_queries_and_shown_numbers_count() -> None:
    answer = {"queries": ["a b", 3, "", "A  b", "\x00c", "d" * 900, "e", "f", "g", "h"]}
    found = variants_of(answer, "q")
    assert found == ["q", "a b", "c", "d" * 500, "e", "f"]
    assert numbers({"relevant": [3, 1, 1, 4, 0, True, "2"]}, 3) == [1, 3]
    assert material("a </message> b", ["x </known> y"]).count("</message>") == 1
    assert material("q", ["x </known> y"]).count("</known>") == 1


def test_a_memory_counts_once_and_with_its_best_score() -> None:
    one, other = (
        RankedCandidate(found(remembered(key, id=UUID(int=number))), score, evidence=0.0, parts=())
        for number, (key, score) in enumerate((("a", 0.4), ("b", 0.6)))
    )
    merged = merge([[one, other], [one._replace(score=0.9)]])
    assert [(each.row.key, each.score) for each in merged] == [("a", 0.9), ("b", 0.6)]


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls of the embedding model."""
    calls: Counter[str] = Counter()
    for kind in (SyncBackend, AsyncBackend):
        for name in ("embed", "embed_query"):
            original = getattr(kind, name)

            def counted(self: Any, given: Any, original: Any = original, name: str = name) -> Any:
                calls[name] += 1
                return original(self, given)

            monkeypatch.setattr(kind, name, counted)
    return calls


QUESTION = "Where does my sister work and which instrument do I play?"


async def test_each_part_of_a_question_finds_its_memory(either: Any) -> None:
    for text in ("My sister works at the harbour", "I play the cello in an orchestra", "The car needs new tyres"):
        await either.remember(text, user_id="ada")
    plain = {each.memory.key: each.score for each in await either.recall(QUESTION, user_id="ada")}
    found = {each.text: each for each in await either.recall(QUESTION, expand="rules", user_id="ada")}
    assert {"My sister works at the harbour", "I play the cello in an orchestra"} <= set(found)
    assert all(each.score >= plain.get(each.memory.key, 0.0) for each in found.values())
    assert len(found) == len({each.memory.key for each in found.values()})


def _queries(statements: list[str]) -> list[str]:
    """Those that read, without BEGIN and COMMIT around several."""
    return [text for text in statements if text not in ("BEGIN", "COMMIT")]


async def test_query_expansion_costs_one_batch_of_vectors_and_one_connection(
    either: Any, statements: list[str], embedded: Counter[str]
) -> None:
    await either.remember("I play the cello", user_id="ada")
    # A context reads its standing part too.
    for call, further in ((either.recall, 0), (either.context, 1)):
        statements.clear()
        embedded.clear()
        await call(QUESTION, user_id="ada")
        assert (len(_queries(statements)), embedded["embed_query"], embedded["embed"]) == (1 + further, 1, 0)
        statements.clear()
        embedded.clear()
        await call(QUESTION, expand="rules", user_id="ada")
        assert (embedded["embed_query"], embedded["embed"]) == (1, 1)
        assert len(_queries(statements)) == len(variants(QUESTION)) + further
        assert sum(text.startswith("/* recall */") for text in statements) == len(variants(QUESTION))


async def test_the_past_can_be_asked_further_questions_too(either: Any) -> None:
    kept = await either.remember("I play the cello", user_id="ada")
    found = await either.recall(QUESTION, expand="rules", at=kept.recorded_at, user_id="ada")
    assert [each.memory.id for each in found] == [kept.id]


@pytest.fixture(params=["sync", "async"])
def opened(request: pytest.FixtureRequest, database: str, embeddings: Any) -> Iterator[Callable[..., Any]]:
    """Opens memory with a scripted model; calls it blocking, or awaited in a thread."""
    memories: list[PersistMem] = []

    class Called:
        def __init__(self, *answers: Any, model: bool = True) -> None:
            self.model = Scripted(answers=iter(answers), prompts=[]) if model else None
            settings = Settings(worker=False)
            self.memory = PersistMem.open(database, embeddings=embeddings, model=self.model, settings=settings)
            memories.append(self.memory)

        async def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
            if request.param == "async":
                return await getattr(self.memory, f"a{name}")(*args, **kwargs)
            return getattr(self.memory, name)(*args, **kwargs)

    yield Called
    for memory in memories:
        memory.close()


async def test_the_model_may_word_the_question_anew(opened: Callable[..., Any]) -> None:
    ask = opened({"queries": ["Ada is allergic to hazelnuts"]})
    await ask("remember", "Hazelnuts make Ada sneeze, she is allergic", user_id="ada")
    found = await ask("recall", "Anything to watch out for at dinner?", expand="model", user_id="ada")
    assert [each.text for each in found] == ["Hazelnuts make Ada sneeze, she is allergic"]
    assert len(ask.model.prompts) == 1


@pytest.mark.parametrize("failure", [{"queries": 3}, "garbage", ExtractionError("away"), TimeoutError("slow")])
async def test_where_the_model_has_no_queries_the_rules_have(
    failure: Any, opened: Callable[..., Any], caplog: Any
) -> None:
    ask = opened(failure)
    await ask("remember", "I play the cello in an orchestra", user_id="ada")
    by_model = await ask("recall", QUESTION, expand="model", user_id="ada")
    by_rules = await ask("recall", QUESTION, expand="rules", user_id="ada")
    assert [each.memory.key for each in by_model] == [each.memory.key for each in by_rules] != []
    assert "instrument" not in caplog.text
    assert len(caplog.records) == 1


async def test_asking_a_model_that_is_not_there_is_a_fault_of_the_program(opened: Callable[..., Any]) -> None:
    ask = opened(model=False)
    await ask("remember", "I play the cello", user_id="ada")
    with pytest.raises(ConfigurationError, match="model"):
        await ask("recall", "Which instrument do I play?", expand="model", user_id="ada")
    with pytest.raises(ConfigurationError, match="model"):
        await ask("context", "Which instrument do I play?", check="model", user_id="ada")


async def test_the_model_checks_relevance_in_one_call_for_all(opened: Callable[..., Any]) -> None:
    def only_the_cello(messages: Any) -> dict[str, Any]:
        shown = str(messages[-1][1]).splitlines()
        return {"relevant": [number for number, line in enumerate(shown) if "cello" in line] + [99]}

    ask = opened(only_the_cello, {"relevant": []})
    for text in ("I play the cello in an orchestra", "I play chess at the club", "My sister plays the violin"):
        await ask("remember", text, user_id="ada")
    await ask("remember", "Always answer briefly", kind="procedural", user_id="ada")
    made = await ask("context", "Which instrument do I play?", check="model", standing="off", user_id="ada")
    assert {each.text for each in made.recollections} == {"Always answer briefly", "I play the cello in an orchestra"}
    made = await ask("context", "Which instrument do I play?", check="model", standing="off", user_id="ada")
    assert [each.text for each in made.recollections] == ["Always answer briefly"]
    assert len(ask.model.prompts) == 2


@pytest.mark.parametrize("failure", [{"relevant": "1"}, None, ExtractionError("away"), TimeoutError("slow")])
async def test_where_the_model_has_no_opinion_the_threshold_decides(
    failure: Any, opened: Callable[..., Any], caplog: Any
) -> None:
    ask = opened(failure)
    await ask("remember", "I play the cello in an orchestra", user_id="ada")
    checked = await ask("context", "Which instrument do I play?", check="model", standing="off", user_id="ada")
    plain = await ask("context", "Which instrument do I play?", standing="off", user_id="ada")
    assert checked.text == plain.text != ""
    assert "cello" not in caplog.text


async def test_nothing_found_costs_no_call(opened: Callable[..., Any]) -> None:
    ask = opened()
    assert (await ask("context", "Which instrument do I play?", check="model", user_id="ada")).text == ""


async def test_what_was_shown_is_left_out_until_it_changes_and_instructions_stay(either: Any) -> None:
    await either.remember("My home is in Oslo", key="home", user_id="ada")
    rule = await either.remember("Always answer briefly", kind="procedural", user_id="ada")
    first = await either.context("Where is my home?", standing="off", user_id="ada")
    assert set(first.keys) == {"home", rule.key}
    again = {"shown": [*first.fingerprints], "standing": "off", "user_id": "ada"}
    second = await either.context("Where is my home?", **again)
    assert second.keys == (rule.key,)
    await either.remember("My home is in Oslo", key="home", user_id="ada")  # again: nothing new to be shown
    assert (await either.context("Where is my home?", **again)).keys == (rule.key,)
    await either.remember("My home is in Rome", key="home", user_id="ada")
    third = await either.context("Where is my home?", **again)
    assert set(third.keys) == {"home", rule.key}
    assert "Rome" in third.text
    assert set(third.fingerprints) & set(first.fingerprints) == set(first.fingerprints) - {first.fingerprints[1]}


async def test_a_store_item_with_another_text_is_shown_again(either: Any) -> None:
    store, namespace = either.memory.store, ("memories", "ada")
    put = store.aput if either.asynchronous else None
    for text in ("The harbour opens at six", "The harbour opens at seven"):
        await put(namespace, "hours", {"text": text}) if put else store.put(namespace, "hours", {"text": text})
        if text.endswith("six"):
            first = await either.context("When does the harbour open?", user_id="ada")
    second = await either.context("When does the harbour open?", shown=first.fingerprints, user_id="ada")
    assert (first.keys, second.keys) == (("hours",), ("hours",))
    assert "seven" in second.text


async def test_what_the_conversation_says_is_not_repeated_to_the_model(either: Any) -> None:
    here = [HumanMessage("My sister works at the harbour", id="m1")]
    await either.observe(here, thread_id="here", user_id="ada")
    await either.observe([HumanMessage("My sister lives by the harbour", id="m1")], thread_id="there", user_id="ada")
    asked = "What about my sister at the harbour?"

    async def shown(**options: Any) -> set[str]:
        made = await either.context(asked, user_id="ada", standing="off", **options)
        return {each.text for each in made.recollections}

    both = {"My sister works at the harbour", "My sister lives by the harbour"}
    assert await shown() == both
    assert await shown(thread_id="here") == {"My sister lives by the harbour"}
    assert await shown(thread_id="here", messages=here) == {"My sister lives by the harbour"}
    assert await shown(thread_id="here", messages=[HumanMessage("Hello", id="m7")]) == both  # the window has moved on
    assert await shown(messages=[HumanMessage("Did I say that my sister lives by the harbour?")]) == both - {
        "My sister lives by the harbour"
    }


async def test_what_happened_in_the_time_that_is_asked_for_is_found_whatever_its_words(
    either_with: Callable[..., Any],
) -> None:
    either = await either_with(settings=Settings(candidates=5))
    first = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for day in range(26):
        text = "The boiler broke." if day == 11 else f"What I did was sports with friend {chr(97 + day)}."
        message = {"role": "user", "content": text, "timestamp": (first + timedelta(days=day)).isoformat()}
        await either.observe([message], thread_id=f"t{day}", user_id="ada")
    asked = {"user_id": "ada", "threshold": 0, "limit": 5, "now": datetime(2026, 4, 20, tzinfo=UTC)}
    assert "The boiler broke." in [
        each.text for each in await either.recall("What did I do on 12 March 2026?", **asked)
    ]
    assert "The boiler broke." not in [each.text for each in await either.recall("What did I do?", **asked)]
