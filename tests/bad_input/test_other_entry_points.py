"""The entry points that are no methods: the command line, an embedding model that answers nonsense, a profile's own class."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import psycopg
import pytest
from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict

from langchain_persistmem import (
    InvalidInputError,
    LocalEmbeddings,
    PersistMem,
    PersistMemError,
    Redaction,
    Settings,
    __main__,
)
from langchain_persistmem.__main__ import main
from langchain_persistmem.runtime.models import local_embeddings
from tests.bad_input.corpus import FEW, FEW_NAMES, MARK, TEXTS, UNSTORABLE, VALUES
from tests.bad_input.hashed import Hashed, settings

USER = {"user_id": "somebody"}


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find vectors at once, and their options are described once."""
    monkeypatch.setattr(__main__, "_parser", cache(__main__._parser))
    hashed = Hashed()
    hashed.__class__ = type("LocalEmbeddings", (Hashed,), {})
    monkeypatch.setattr(local_embeddings, "LocalEmbeddings", lambda: hashed)


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "recall: user": lambda given: ["recall", "a", "--user", given],
    "recall: question": lambda given: ["recall", given, "--user", "somebody"],
    "list: namespace": lambda given: ["list", "--namespace", given],
    "list: limit": lambda given: ["list", "--user", "somebody", "--limit", given],
    "show: key": lambda given: ["show", given, "--user", "somebody"],
    "forget: key": lambda given: ["forget", "--user", "somebody", "--key", given, "--yes"],
    "audit: since": lambda given: ["audit", "--user", "somebody", "--since", given],
    "audit: head": lambda given: ["audit", "--user", "somebody", "--verify", "--head", given],
    "approve: id": lambda given: ["approve", given, "--user", "somebody"],
    "consent: user": lambda given: ["consent", "--user", given],
    "ingest: file": lambda given: ["ingest", given],
    "import: file": lambda given: ["import", given],
}
ARGUMENTS = [*FEW_NAMES.values(), "-1", "0", "1e9", "٣", "--", "-x", "--user", "1970-01-01", "0001-01-01", "9999-12-31"]


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_command_line_ends_with_0_1_or_2_and_one_sentence(
    command: Callable[[str], list[str]],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PERSISTMEM_DSN", database)
    codes: dict[str, Any] = {}
    for given in ARGUMENTS:
        try:
            codes[given] = main(command(given))
        except SystemExit as ended:
            codes[given] = ended.code
        except BaseException as error:  # noqa: BLE001 - that is the finding
            codes[given] = repr(error)[:200]
        said = capsys.readouterr()
        if "Traceback" in said.err or "\x1b[2J" in said.out + said.err:
            codes[given] = said.err[-300:]
    assert {given: code for given, code in codes.items() if code not in (0, 1, 2)} == {}


class Odd(Embeddings):
    """Answers what it is told to."""

    def __init__(self) -> None:
        self.answer: Any = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return Hashed().embed_documents(texts) if self.answer is None else self.answer(texts)

    def embed_query(self, text: str) -> list[float]:
        made = self.embed_documents([text])
        return made[0] if isinstance(made, list) and len(made) == 1 else made  # type: ignore[return-value]


def of(vector: Any) -> Callable[[Sequence[str]], Any]:
    return lambda texts: [vector] * len(texts)


NO_VECTORS: dict[str, Callable[[Sequence[str]], Any]] = {
    "None": lambda _: None,
    "none at all": lambda _: [],
    "too many": lambda texts: [[0.1] * 384] * (len(texts) + 1),
    "text": lambda _: "vector",
    "a number": lambda _: 7,
    "vectors of None": of(None),
    "vectors of text": of("0.1"),
    "empty": of([]),
    "one short": of([0.1] * 383),
    "one over": of([0.1] * 385),
    "NaN": of([math.nan] * 384),
    "one NaN": of([0.1] * 383 + [math.nan]),
    "infinity": of([math.inf] * 384),
    "zeros": of([0.0] * 384),
    "texts inside": of(["a"] * 384),
    "None inside": of([None] * 384),
    "nested": of([[0.1]] * 384),
    "too large": of([1e300] * 384),
    "very long": of([1e100] * 384),
    "very short": of([1e-60] * 384),
    "complex": of([1j] * 384),
    "a dict": of({"a": 1}),
}


@pytest.mark.parametrize("answer", NO_VECTORS.values(), ids=NO_VECTORS)
def test_what_is_no_vector_is_refused_and_never_stored(
    answer: Callable[[Sequence[str]], Any], database: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = Odd()
    with PersistMem.open(database, embeddings=model, settings=settings()) as memory:
        memory.remember("I keep bees", key="known", **USER)
        model.answer = answer
        for act in (
            lambda: memory.remember(TEXTS["Chinese"], **USER),
            lambda: memory.store.put(("memories", "somebody"), "k", {"text": TEXTS["Thai"]}),
            lambda: memory.recall(TEXTS["Korean"], **USER),
            lambda: memory.store.search(("memories", "somebody"), query=TEXTS["Korean"]),
        ):
            with pytest.raises(PersistMemError) as refused:
                act()
            assert MARK not in str(refused.value)
            assert not isinstance(refused.value.__cause__, psycopg.Error)
        assert [each.key for each in memory.list(**USER)] == ["known"]
    assert MARK not in caplog.text


class Strict(BaseModel):
    """A profile that takes nothing but a name."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None


def test_a_profile_of_ones_own_class_takes_what_fits_and_names_what_does_not(
    database: str, embeddings: LocalEmbeddings, caplog: pytest.LogCaptureFixture
) -> None:
    with PersistMem.open(database, embeddings=embeddings, profile=Strict, settings=Settings(worker=False)) as memory:
        memory.update_profile({"name": "Ada"}, **USER)
        for name, changes in VALUES.items():
            if isinstance(changes, dict) and not changes:
                continue
            with pytest.raises(InvalidInputError) as refused:
                memory.update_profile(changes, **USER)
            assert MARK not in str(refused.value), name
            assert MARK not in str(refused.value.__cause__), name
        for name, text in TEXTS.items():
            if name in UNSTORABLE:
                with pytest.raises(InvalidInputError, match=r"changes\.name"):
                    memory.update_profile({"name": text}, **USER)
            else:
                memory.update_profile({"name": text}, **USER)
                assert memory.profile(**USER).model_dump()["name"] == text
    assert MARK not in caplog.text


def test_with_redaction_on_every_text_is_stored_redacted_or_refused(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    redaction = Redaction()
    with PersistMem.open(database, embeddings=Hashed(), settings=settings(redaction=redaction)) as memory:
        for number, (name, text) in enumerate(FEW.items()):
            given, thread = f"{number} {text}", f"t{number}"
            if name in UNSTORABLE or len(given) > settings().max_text_chars:
                with pytest.raises(InvalidInputError, match=r"^text has") as refused:
                    memory.remember(given, **USER)
                assert MARK not in str(refused.value), name
                continue
            assert memory.remember(given, **USER).text == redaction.redact(given), name
            memory.observe([("user", given)], thread_id=thread, **USER)
            assert [each.content for each in memory.conversations.messages(thread, **USER)] == [
                redaction.redact(given)
            ], name
    assert MARK not in caplog.text
