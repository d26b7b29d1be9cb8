"""Life stories: dated conversations, the answers that a model gives to them, and what must be known at their end.

The stories are the JSON files of ``life_stories/``, one for each theme; its README says what the fields mean.
"""

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from langchain_persistmem import ExtractionError, PersistMem
from tests.support.material import known_in, users_turns_in
from tests.support.scripted import Scripted, answer, entry

Story = Mapping[str, Any]
FOLDER = Path(__file__).parent / "life_stories"
THEMES: Mapping[str, Sequence[Story]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
STORIES = [pytest.param(story, id=f"{theme}: {story['name']}") for theme, told in THEMES.items() for story in told]

_ROLES = {"U": "user", "A": "assistant", "T": "tool", "S": "system"}
_TURN = re.compile(r"([UATS])(?:\((.+?)\))?: (.*)", re.DOTALL)


class CutError(Exception):
    """Named below as a provider names it: the answer was longer than allowed."""


CutError.__name__ = "LengthFinishReasonError"


class Model:
    """A chat model that gives a story's answers, in order; it notes what it could not have answered."""

    def __init__(self) -> None:
        self.waiting: deque[Any] = deque()
        self.problems: list[str] = []
        self.chat = Scripted(answers=iter(lambda: self._answer, None), prompts=[])

    def _answer(self, messages: Any) -> Any:
        if not self.waiting:
            self.problems.append("the model was asked once too often")
            return answer()
        given = self.waiting.popleft()
        if given == "cut":
            return CutError()
        if given == "down":
            return ConnectionError()
        if given == "prose":
            return "I have noted everything."
        return answer(*(self._entry(each, messages[1][1]) for each in given))

    def _entry(self, given: Mapping[str, Any], material: str) -> dict[str, Any]:
        """One memory of the answer: words become message numbers and quotes, known texts become labels."""
        fields = dict(given)
        text, messages = fields.pop("text"), fields.pop("messages", [])
        if "said" in fields:
            said = fields.pop("said")
            messages = [turn.number for turn in users_turns_in(material) if _letters(said) in _letters(turn.text)]
            if not messages:
                self.problems.append(f"{said!r} was not shown")
            fields["quote"] = said
        for change in ("replaces", "same"):
            if change in fields:
                known = fields.pop(change)
                labels = [label for label, text_shown in known_in(material).items() if text_shown == known]
                if not labels:
                    self.problems.append(f"{known!r} was not shown as known")
                fields |= {"known": labels[0] if labels else "", "change": change}
        return entry(text, *messages, **fields)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def sessions(story: Story) -> list[dict[str, Any]]:
    """The sessions in the order in which they arrive, each with its user, its thread, its messages and its answers."""
    told: list[dict[str, Any]] = []
    for number, session in enumerate(story["sessions"], 1):
        for time in range(session.get("repeat", 1)):
            thread = session.get("thread", f"s{number}-{time}")
            start = datetime.fromisoformat(session["on"]) + timedelta(hours=time)
            told.append(
                {
                    "user": session.get("user", "ada"),
                    "thread": thread,
                    "messages": [_message(turn, start, place) for place, turn in enumerate(session["talk"])],
                    "answers": session["answers"],
                }
            )
    return told


def _message(turn: str, start: datetime, place: int) -> dict[str, Any]:
    match = _TURN.fullmatch(turn)
    assert match is not None, turn
    role = _ROLES[match[1]]
    message = {"role": role, "content": match[3], "timestamp": (start + timedelta(minutes=place)).isoformat()}
    return message | ({"name": match[2]} if match[2] else {}) | ({"tool_call_id": "call"} if role == "tool" else {})


def listen(memory: PersistMem, model: Model, session: Mapping[str, Any], *, suffix: str = "") -> None:
    """Observe a session inside the turn; what fails is tried again as long as the story has another answer."""
    model.waiting.extend(session["answers"])
    while True:
        try:
            memory.observe(session["messages"], thread_id=session["thread"], user_id=session["user"] + suffix)
        except ExtractionError:
            if not model.waiting:
                raise
        else:
            break
    assert (model.problems, list(model.waiting)) == ([], [])


def listen_later(
    memory: PersistMem, model: Model, session: Mapping[str, Any], database: str, *, suffix: str = ""
) -> None:
    """Observe a session in the background, and let a worker learn from it."""
    model.waiting.extend(session["answers"])
    whose = session["user"] + suffix
    memory.observe(session["messages"], thread_id=session["thread"], background=True, user_id=whose)
    while memory.admin.process_pending().postponed:
        with psycopg.connect(database) as connection:  # the pause after a failure is over
            connection.execute("UPDATE persistmem.pending_work SET due_at = now()")
    assert (model.problems, list(model.waiting)) == ([], [])


def state(memory: PersistMem, user: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is current, was current, or waits, without ids and clocks."""
    current = memory.list(limit=1000, user_id=user)
    versions = {each.id: each for known in current for each in memory.history.versions(known.key, user_id=user)}
    every = {
        "current": current,
        "past": [each for each in versions.values() if each.status == "superseded"],
        "review": memory.review.list(user_id=user),
    }
    return {
        name: sorted((m.text, m.kind, m.valid_from, m.valid_until or m.valid_from, m.confirmations) for m in found)
        for name, found in every.items()
    }


def check(memory: PersistMem, end: Mapping[str, Any], user: str) -> None:
    """What the story says of its end is so."""
    found = state(memory, user)
    texts = {name: [str(each[0]).casefold() for each in memories] for name, memories in found.items()}
    for part, among in (("remembered", "current"), ("past", "past"), ("review", "review")):
        for words in end.get(part, []):
            assert any(_has(text, words) for text in texts[among]), (part, words, found)
    for words in end.get("gone", []):
        assert not any(_has(text, words) for text in texts["current"]), ("gone", words, found)
    if "count" in end:
        assert len(texts["current"]) == end["count"], found
    for words, kind in end.get("kinds", {}).items():
        assert [each[1] for each in found["current"] if _has(each[0].casefold(), words)] == [kind]
    for words, day in end.get("dates", {}).items():
        assert [each[2].date().isoformat() for each in found["current"] if _has(each[0].casefold(), words)] == [day]
    for words, times in end.get("confirmations", {}).items():
        assert [each[4] for each in found["current"] if _has(each[0].casefold(), words)] == [times]


def _has(text: str, words: str | Sequence[str]) -> bool:
    return all(word.casefold() in text for word in ([words] if isinstance(words, str) else words))


def places(memory: PersistMem, question: Mapping[str, str], user: str) -> tuple[int | None, int | None]:
    """The places, counted from 1, at which the answer and its outdated version are recalled."""
    texts = [each.text.casefold() for each in memory.recall(question["q"], limit=10, user_id=user)]

    def place(words: str | None) -> int | None:
        return next((n for n, text in enumerate(texts, 1) if words and words.casefold() in text), None)

    return place(question["is"]), place(question.get("not"))
