"""Personal data and secrets are taken out before anything is embedded, stored, sent to a model, or logged."""

import itertools
import json
import logging
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph

from langchain_persistmem import (
    ConfigurationError,
    InvalidInputError,
    LocalEmbeddings,
    MemoryState,
    PersistMem,
    PersistMemChatMessageHistory,
    PersistMemMiddleware,
    PersistMemRetriever,
    PersistMemSessionRetriever,
    Redaction,
    RedactionError,
    Settings,
    Span,
    extract_memory,
    load_memory,
    memory_tools,
)
from langchain_persistmem.redaction import CATEGORIES
from langchain_persistmem.redaction.checksums import (
    base58check,
    bech32,
    crc32_base62,
    ean13,
    luhn,
    mod11_10,
    mod97,
    verhoeff,
)
from langchain_persistmem.redaction.folding import fold
from tests.conftest import Either
from tests.support.measure_redaction import measure
from tests.support.redaction_cases import held_out, made, written
from tests.support.scripted import Scripted, answer, entry
from tests.support.traces import traces

KEY = "a secret of the application"
MARKER = "zzmarker77"
SECRET = f"{MARKER}@example.com"
KEYED = Redaction(pseudonym_key=KEY)
MARK = KEYED.redact(SECRET)


# what is found


@pytest.mark.parametrize("cases", [written, made], ids=["hand-written", "made"])
def test_the_floors_of_recall_and_of_false_alarms_hold(cases: Callable[[], Any]) -> None:
    result = measure(cases())
    for category, wanted in result.wanted.items():
        assert result.found[category] / wanted >= 0.95, (category, result.errors)
    assert result.found.total() / result.wanted.total() >= 0.99, result.errors
    assert result.false.total() / len(cases()) <= 0.01, result.errors


def test_lines_that_were_written_after_the_rules_are_found_nearly_as_well() -> None:
    result = measure(held_out())
    assert result.found.total() / result.wanted.total() >= 0.9, result.errors
    assert result.false.total() / len(held_out()) <= 0.02, result.errors


def test_the_corpus_is_as_large_as_its_page_says() -> None:
    assert len(written()) >= 600
    assert len(written()) + len(made()) >= 1500
    assert {category for case in written() for *_, category in case.spans} == set(CATEGORIES)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (luhn, "4111111111111111", "4111111111111112"),
        (mod97, "DE89370400440532013000", "DE88370400440532013000"),
        (ean13, "7569217076985", "7569217076984"),
        (mod11_10, "86095742719", "86095742718"),
        (verhoeff, "234123412346", "234123412345"),
        (base58check, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
        (bech32, "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp"),
        (bech32, "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr", "bc1pp"),
    ],
)
def test_a_checksum_tells_right_from_wrong(check: Callable[[str], bool], right: str, wrong: str) -> None:
    assert check(right)
    assert not check(wrong)


def test_the_checksum_of_a_token_is_that_of_its_vendor() -> None:
    body = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"  # from the vendor's own announcement
    assert crc32_base62(body, "0mLq17")
    assert not crc32_base62(body, "0mLq18")


def test_what_is_written_in_unicode_is_read_as_it_is_meant_and_cut_where_it_stands() -> None:
    assert fold("４１１１\u00a01111\u2011\u200b1").text == "4111 1111-1"
    redaction = Redaction()
    for written_as in (
        "４１１１　１１１１　１１１１　１１１１",
        "4111\u200b1111\u200b1111\u200b1111",
        "4111\u00a01111\u202f1111\u20091111",
        "4111\u20131111\u20141111\u22121111",
        "٤١١١ ١١١١ ١١١١ ١١١١",
        "4\u00ad111 1111 1111 1111",
    ):
        assert redaction.redact(f"«{written_as}» é") == "«[CARD]» é", written_as
    assert redaction.redact("ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ") == "[EMAIL]"


def test_a_value_has_one_pseudonym_per_key_in_every_notation() -> None:
    redaction = Redaction(pseudonym_key=KEY)
    for writings in (
        ("4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111", "４１１１１１１１１１１１１１１１"),
        ("ada@example.com", "ADA@Example.com", "ada (at) example (dot) com", "ad\u200ba@example.com"),
        ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("+49 171 3920012", "0049 171 3920012", "+49 (0)171 3920012", "+49/171-3920012"),
        ("212-555-0142", "+1 (212) 555-0142", "1-212-555-0142"),
        ("2001:db8::1", "2001:0db8:0:0:0:0:0:1"),
        ("00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e"),
    ):
        assert len({redaction.redact(each) for each in writings}) == 1, writings
    assert redaction.redact(SECRET) != Redaction(pseudonym_key=KEY + "!").redact(SECRET)
    assert redaction.redact(SECRET) == Redaction(pseudonym_key=KEY.encode()).redact(SECRET)
    assert redaction.redact("ada@example.com") != redaction.redact("bob@example.com")


@given(st.lists(st.sampled_from([SECRET, "4111 1111 1111 1111", "192.0.2.7", " ", "[", "a", "\u200b", "é", "١", "："])))
def test_what_was_redacted_stays_as_it_is(pieces: list[str]) -> None:
    for redaction in (Redaction(), Redaction(pseudonym_key=KEY)):
        once = redaction.redact(" ".join(pieces))
        assert redaction.redact(once) == once
        assert MARKER not in once


@given(st.text(), st.text())
def test_the_text_around_a_find_is_kept_to_the_letter(before: str, after: str) -> None:
    text = f"{before} \u00b6{SECRET}\u00b6 {after}"
    redacted = Redaction(categories=["EMAIL"]).redact(text)
    assert MARKER not in redacted
    if "@" not in before + after and "＠" not in before + after and "﹫" not in before + after:
        assert redacted.count("[EMAIL]") >= 1


@given(st.text(alphabet="4 01-.:@/+()ae[]\u200b", max_size=300))
@settings(max_examples=200)
def test_no_text_breaks_it_and_every_span_lies_in_the_text(text: str) -> None:
    spans = Redaction().find(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "4",
        "4 ",
        "a@",
        "@",
        "1.",
        "a:",
        "://a:",
        "password= ",
        "-----BEGIN PRIVATE KEY-----",
        "eyJhbGci.eyJ.",
        "+1",
    ],
)
@pytest.mark.timeout(60)  # a second is enough; a step that went over the text once for each character would take hours
def test_long_texts_made_to_be_slow_are_read_in_linear_time(piece: str) -> None:
    text = (piece * 300_000)[:300_000]
    assert len(Redaction().redact(text)) > 0


# what may be set


def test_a_setting_that_cannot_work_is_refused_with_its_name_and_without_its_key() -> None:
    for wrong, said in (
        ({"categories": ["EMAIL", "NAME"]}, "'NAME'"),
        ({"categories": "EMAIL"}, "pass a list"),
        ({"pseudonym_key": "short"}, "shorter than 16"),
        ({"detectors": [object()]}, "detect"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            Redaction(**wrong)  # type: ignore[arg-type]
    with pytest.raises(
        ConfigurationError, match=r"^Settings\.redaction is of type bool; pass an object of Redaction or None$"
    ):
        Settings(redaction=True)  # type: ignore[arg-type]
    assert KEY not in repr(Settings(redaction=Redaction(pseudonym_key=KEY)))
    with pytest.raises(InvalidInputError, match="5000000"):
        Redaction().redact("a" * 5_000_001)


def test_only_the_categories_that_were_named_are_looked_for() -> None:
    redaction = Redaction(categories=["CARD"])
    assert redaction.redact(f"{SECRET} 4111 1111 1111 1111") == f"{SECRET} [CARD]"
    assert Redaction(categories=[]).redact(SECRET) == SECRET


@dataclass
class Names:
    """A detector of an application's."""

    names: tuple[str, ...]

    def detect(self, text: str) -> list[tuple[int, int, str]]:
        return [
            (at, at + len(name), "PERSON")
            for name in self.names
            for at in range(len(text))
            if text.startswith(name, at)
        ]


def test_custom_detectors_redact_too_and_overlapping_spans_merge() -> None:
    redaction = Redaction(detectors=[Names(("Ada", "Ada Byron", "ada@"))], pseudonym_key=KEY)
    assert redaction.redact("Ada Byron met Ada Byron and Ada.").count("[PERSON:") == 3
    assert Redaction(detectors=[Names(("to ada",))]).redact("to ada@example.com") == "[EMAIL]"
    assert Redaction(detectors=[Names(("EMAIL", "["))]).redact("[EMAIL] [x]") == "[EMAIL] [PERSON]x]"


def test_a_detector_that_fails_lets_nothing_pass_and_quotes_nothing() -> None:
    class Broken:
        def detect(self, text: str) -> list[Span]:
            raise ValueError(text)

    class Absurd:
        def detect(self, text: str) -> list[Span]:
            return [Span(0, len(text) + 1, "PERSON")]

    for detector in (Broken(), Absurd()):
        with pytest.raises(RedactionError, match=type(detector).__name__) as caught:
            Redaction(detectors=[detector]).redact(SECRET)
        assert MARKER not in repr(caught.value)
        assert caught.value.__context__ is None
        pickle.dumps(caught.value)


# every entry point


@dataclass
class Watched:
    """Memory in one colour, with what its models were given and what was logged."""

    either: Either
    database: str
    embedded: list[str]
    prompts: list[Any]
    log: pytest.LogCaptureFixture

    def assert_unseen(self, marker: str = MARKER) -> None:
        assert traces(self.database, marker) == []
        assert not any(marker in text for text in self.embedded)
        assert marker not in str(self.prompts)
        assert marker not in self.log.text

    async def call(self, twin: Any, *args: Any, **kwargs: Any) -> Any:
        """``twin``: a pair of functions, or an object with ``invoke`` and ``ainvoke``."""
        if self.either.asynchronous:
            return await twin[1](*args, **kwargs)
        return twin[0](*args, **kwargs)


@pytest.fixture(params=["sync", "async"])
async def watched(
    request: pytest.FixtureRequest,
    database: str,
    embeddings: LocalEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[Callable[..., Any]]:
    caplog.set_level(logging.DEBUG)
    embedded: list[str] = []
    documents, query = LocalEmbeddings.embed_documents, LocalEmbeddings.embed_query
    monkeypatch.setattr(
        LocalEmbeddings, "embed_documents", lambda self, texts: (embedded.extend(texts), documents(self, texts))[1]
    )
    monkeypatch.setattr(
        LocalEmbeddings, "embed_query", lambda self, text: (embedded.append(text), query(self, text))[1]
    )
    async with AsyncExitStack() as stack:

        async def open_with(*answers: Any, redaction: Redaction | None = KEYED) -> Watched:
            prompts: list[Any] = []
            model = Scripted(answers=iter(answers), prompts=prompts) if answers else None
            if model is not None:
                model.prompts = prompts
            chosen: dict[str, Any] = {
                "embeddings": embeddings,
                "model": model,
                "settings": Settings(redaction=redaction, worker=False, quiet_seconds=0),
            }
            if request.param == "async":
                memory = await stack.enter_async_context(PersistMem.aopen(database, **chosen))
            else:
                memory = stack.enter_context(PersistMem.open(database, **chosen))
            return Watched(Either(memory, asynchronous=request.param == "async"), database, embedded, prompts, caplog)

        yield open_with


async def test_by_default_nothing_is_changed(either) -> None:
    kept = await either.remember(f"I am {SECRET}", user_id="ada")
    assert kept.text == f"I am {SECRET}"


async def test_text_value_and_speaker_are_redacted_and_found_again(watched) -> None:
    it = await watched()
    value = {"mail": SECRET, "deep": [{"x": [SECRET]}], SECRET: 1, "card": 4111111111111111, "n": 42}
    kept = await it.either.remember(f"Write to {SECRET}", value=value, speaker=SECRET, key="mine", user_id="ada")
    assert kept.text == f"Write to {MARK}"
    assert kept.speaker == MARK
    assert kept.value["mail"] == kept.value["deep"][0]["x"][0] == MARK
    assert kept.value[MARK] == 1
    assert str(kept.value["card"]).startswith("[CARD:")
    assert kept.value["n"] == 42
    again = await it.either.remember(
        f"Write  to {SECRET.upper()}", value=value, speaker=SECRET, key="mine", user_id="ada"
    )
    assert again.id == kept.id
    for query in (f"who is {SECRET}", f"{SECRET.upper()}?"):
        (found,) = await it.either.recall(query, limit=1, threshold=0.0, expand="rules", user_id="ada")
        assert found.memory.id == kept.id
    assert await it.either.list(filter={"mail": SECRET}, user_id="ada") == [again]
    assert len(await it.either.recall("mail", filter={"mail": {"$eq": SECRET}}, threshold=0.0, user_id="ada")) == 1
    assert MARKER not in (await it.either.context(f"mail {SECRET}", user_id="ada")).text
    receipt = await it.either.forget(query=f"my mail {SECRET}", user_id="ada")
    assert receipt.candidates
    it.assert_unseen()


CONVERSATION = [
    HumanMessage(
        [{"type": "text", "text": f"my card is 4111 1111 and {MARKER}"}, {"type": "text", "text": "@example.com"}],
        id="m1",
        name="Ada",
    ),
    AIMessage(
        "",
        id="m2",
        tool_calls=[{"name": "mail", "args": {"to": SECRET, "id": SECRET, "cc": [{"x": SECRET}]}, "id": "call_1"}],
        additional_kwargs={"function_call": {"name": "mail", "arguments": json.dumps({"to": SECRET})}},
        response_metadata={"echo": SECRET},
    ),
    ToolMessage(f"sent to {SECRET}", tool_call_id="call_1", id="m3", artifact={"raw": SECRET}),
    HumanMessage("4111 1111 1111 1111 is my card.", id="m4", name=SECRET),
    HumanMessage([{"type": "image", "base64": "A" * 400, "mime_type": "image/png"}, "look"], id="m5"),
]


async def test_a_conversation_is_redacted_in_all_its_parts_and_its_ids_stay(watched) -> None:
    it = await watched()
    stored = await it.either.observe(CONVERSATION, thread_id="t1", user_id="ada")
    assert stored.stored == 5
    assert (await it.either.observe(CONVERSATION, thread_id="t1", user_id="ada")).stored == 0
    first, call, result, last, picture = await it.either.conversations.messages("t1", user_id="ada")
    assert first.text == f"my card is 4111 1111 and {MARK}"
    assert first.content[1] == {"type": "text", "text": ""}
    assert call.tool_calls[0]["args"] == {"to": MARK, "id": MARK, "cc": [{"x": MARK}]}
    assert call.tool_calls[0]["id"] == result.tool_call_id == "call_1"
    assert json.loads(call.additional_kwargs["function_call"]["arguments"]) == {"to": MARK}
    assert last.name == MARK
    assert picture.content[0]["base64"] == "A" * 400
    it.assert_unseen()
    it.assert_unseen("4111 1111 1111 1111")


async def test_the_id_of_a_turn_is_stable_and_no_hash_of_the_secret(watched) -> None:
    it = await watched()
    turn = {"role": "user", "content": f"I am {SECRET}", "timestamp": "2026-01-05T10:00:00+00:00"}
    for expected in (1, 0):
        assert (await it.either.observe([turn], thread_id="t1", user_id="ada")).stored == expected
    other = await watched(redaction=None)
    assert (await other.either.observe([turn], thread_id="t2", user_id="ada")).stored == 1
    (one,), (two,) = [await it.either.conversations.turns(thread, user_id="ada") for thread in ("t1", "t2")]
    assert one.id != two.id


async def test_learning_sees_placeholders_for_turns_stored_before_too(watched) -> None:
    before = await watched(redaction=None)
    await before.either.conversations.add([HumanMessage(f"Old: {SECRET}", id="m0")], thread_id="t1", user_id="ada")
    given = answer(entry(f"The user's mail is {SECRET}", 1, quote=MARK), entry(f"Also {MARK}", 2))
    it = await watched(given)
    it.embedded.clear()
    await it.either.observe([HumanMessage(f"New: {SECRET}", id="m1")], thread_id="t1", background=True, user_id="ada")
    worked = await it.either.admin.process_pending()
    assert worked.added == 2
    assert MARKER not in str(it.prompts)
    assert str(it.prompts).count(MARK) == 2
    assert not any(MARKER in text for text in it.embedded)
    assert sorted(traces(it.database, MARKER)) == ["messages.content: 1", "messages.text: 1"]  # of the older turn


async def test_commands_and_what_they_say_back_are_redacted(watched) -> None:
    it = await watched()
    reply = await it.either.command(HumanMessage(f"Remember that my mail is {SECRET}"), thread_id="t1", user_id="ada")
    assert MARK in reply.text
    asked = await it.either.command(f"Forget that my mail is {SECRET}", thread_id="t1", user_id="ada")
    assert asked.needs_confirmation
    assert MARKER not in asked.text
    it.assert_unseen()


async def test_the_store_redacts_values_queries_and_filters_and_leaves_keys_alone(watched) -> None:
    it = await watched()
    store = it.either.memory.store
    put, get, search = (store.put, store.aput), (store.get, store.aget), (store.search, store.asearch)
    await it.call(put, ("memories", "ada"), "k1", {"text": f"mail {SECRET}", "tags": [SECRET], "who": SECRET})
    item = await it.call(get, ("memories", "ada"), "k1")
    assert item.value == {"text": f"mail {MARK}", "tags": [MARK], "who": MARK}
    (found,) = await it.call(search, ("memories", "ada"), query=f"mail {SECRET}", filter={"who": SECRET})
    assert found.key == "k1"
    it.assert_unseen()
    await it.call(put, ("memories", "ada"), SECRET, {"text": "a key is a name"})
    assert (await it.call(get, ("memories", "ada"), SECRET)).key == SECRET


async def test_the_profile_is_redacted(watched) -> None:
    it = await watched()
    await it.either.update_profile({"name": "Ada", "facts": {"mail": SECRET}}, user_id="ada")
    it.assert_unseen()


async def test_history_and_backfill_and_retrievers_are_entry_points_like_the_others(watched) -> None:
    it = await watched()
    memory = it.either.memory
    history = PersistMemChatMessageHistory(memory, "t1", user_id="ada")
    await it.call((history.add_messages, history.aadd_messages), [HumanMessage(f"I am {SECRET}", id="m1")])
    old = PersistMemChatMessageHistory(memory, "t1", user_id="ada")
    assert [each.text for each in await it.call((lambda: old.messages, old.aget_messages))] == [f"I am {MARK}"]

    class Elsewhere(PersistMemChatMessageHistory):
        messages = [HumanMessage(f"I was {SECRET}"), AIMessage("I see.")]  # type: ignore[assignment]  # noqa: RUF012

        async def aget_messages(self) -> Any:
            return self.messages

    elsewhere = Elsewhere(memory, "t2", user_id="ada")
    for expected in (2, 0):
        done = await it.either.conversations.backfill(elsewhere, thread_id="t2", user_id="ada")
        assert done.stored == expected
    for retriever in (
        PersistMemRetriever(memory=memory, user_id="ada", threshold=0.0),
        PersistMemSessionRetriever(memory=memory, user_id="ada", thread_id="t1"),
    ):
        documents = await it.call((retriever.invoke, retriever.ainvoke), f"who is {SECRET.upper()}?")
        assert MARK in documents[0].page_content
    it.assert_unseen()


async def test_a_graph_and_an_agents_tools_write_placeholders(watched) -> None:
    it = await watched()
    memory = it.either.memory
    builder = StateGraph(MemoryState)
    builder.add_node("load_memory", load_memory(memory, on_error="raise"))
    builder.add_node("model", lambda _: {"messages": [AIMessage(f"Noted, {SECRET}.")]})
    builder.add_node("extract_memory", extract_memory(memory, on_error="raise"))
    for one, other in ((START, "load_memory"), ("load_memory", "model"), ("model", "extract_memory")):
        builder.add_edge(one, other)
    builder.add_edge("extract_memory", END)
    graph = builder.compile()  # without a checkpointer: its state is the application's
    config = {"configurable": {"thread_id": "t1", "user_id": "ada"}}
    await it.call((graph.invoke, graph.ainvoke), {"messages": [HumanMessage(f"I am {SECRET}")]}, config)
    tools = {each.name.rsplit("_", 1)[0]: each for each in memory_tools(memory)}
    (remember,) = [each for name, each in tools.items() if "remember" in name]
    await it.call((remember.invoke, remember.ainvoke), {"text": f"The user's mail is {SECRET}"}, config)
    it.assert_unseen()
    assert len(await it.either.list(user_id="ada")) >= 2


async def test_the_middleware_learns_placeholders_and_checkpoints_stay_raw(watched) -> None:
    from langchain.agents import create_agent

    from tests.support.scripted_model import Scripted as ChatModel

    it = await watched()
    memory, model = it.either.memory, ChatModel()
    agent = create_agent(
        model, [], middleware=[PersistMemMiddleware(memory, on_error="raise")], checkpointer=memory.checkpointer
    )
    config = {"configurable": {"thread_id": "t1", "user_id": "ada"}}
    await it.call((agent.invoke, agent.ainvoke), {"messages": [HumanMessage(f"I am {SECRET}")]}, config)
    assert await it.either.list(user_id="ada")
    assert {each.split(".")[0] for each in traces(it.database, MARKER)} <= {
        "checkpoints",
        "checkpoint_blobs",
        "checkpoint_writes",
    }
    assert not any(MARKER in text for text in it.embedded)


async def test_what_an_export_brings_back_is_redacted_on_its_way(watched, tmp_path) -> None:
    before = await watched(redaction=None)
    await before.either.remember(f"Mail {SECRET}", value={"mail": SECRET}, user_id="ada")
    await before.either.conversations.add([HumanMessage(f"I am {SECRET}", id="m1")], thread_id="t1", user_id="ada")
    path = tmp_path / "ada.jsonl"
    await before.either.privacy.export(path, user_id="ada")
    await before.either.forget(everything=True, user_id="ada")
    it = await watched()
    it.embedded.clear()
    await it.either.privacy.import_file(path, user_id="ada")
    (kept,) = await it.either.list(user_id="ada")
    assert kept.text == f"Mail {MARK}"
    assert (await it.either.recall(f"Mail {SECRET}", threshold=0.0, user_id="ada"))[0].memory.id == kept.id
    it.assert_unseen()
