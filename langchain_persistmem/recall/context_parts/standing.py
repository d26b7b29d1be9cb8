"""The choice and the order of what stands before a model whatever is asked; pure.

Nothing here knows the message. The same memories are chosen from one message of a conversation to the next, so that the
text can stand in the cached part of a prompt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from langchain_persistmem.language.calendar.time_mentions import mentions_time
from langchain_persistmem.language.question import speaks_of_self
from langchain_persistmem.language.requests import is_request
from langchain_persistmem.language.small_talk import QUESTION_MARK
from langchain_persistmem.language.subjects import find_subject
from langchain_persistmem.language.trust import INSTRUCTORS
from langchain_persistmem.types.moments import in_zone
from langchain_persistmem.types.recall_results import StandingMemory
from langchain_persistmem.types.records import TURNS_EXTRACTOR, Memory

Standing = Literal["brief", "journal", "off"]
"""The standing part of a context: what is most important, all statements in the order of telling, or none."""
STANDINGS: tuple[Standing, ...] = ("brief", "journal", "off")

NAME = "fact:name"
"""The key of the user's name."""
_BELONGS_TO_PROFILE = ("preference", "goal")
_NO_STATEMENTS = ("store", "document")
"""Sources of material of the application; it is searched, but tells nothing of the user by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingChoice:
    """Memories in the order in which room is given to them."""

    document: Memory | None
    """The profile's document."""
    instructions: tuple[Memory, ...]
    statements: tuple[Memory, ...]
    turns: tuple[Memory, ...]
    """Turns of the user which say something and on which no statement rests."""
    earlier_turns: tuple[Memory, ...] = ()
    """Those of other conversations, so that what is said in this one changes nothing."""
    has_several_speakers: bool


def choose(
    entries: Sequence[StandingMemory], *, thread_id: str | None, message_ids: frozenset[str] | None
) -> StandingChoice:
    """Choose and order what may stand.

    What was told in the present conversation, and is still before the model, is left out, but for instructions.

    Args:
        entries: the memories, in any order.
        thread_id: the present conversation.
        message_ids: its messages that the model still sees; None means all.
    """
    candidates = [entry for entry in entries if not _is_seen(entry.memory, thread_id, message_ids)]
    memories = [entry.memory for entry in sorted(candidates, key=_priority)]
    instructions = [entry.memory for entry in entries if is_instruction(entry.memory)]
    turns = [memory for memory in memories if _tells(memory)]
    # What this conversation adds must not change which of the others stand.
    earlier = [turn for turn in turns if thread_id is None or turn.provenance.thread_id != thread_id]
    return StandingChoice(
        document=next((entry.memory for entry in entries if entry.memory.kind == "profile"), None),
        instructions=tuple(sorted(instructions, key=lambda memory: (-memory.importance, memory.id))),
        statements=tuple(memory for memory in memories if is_statement(memory)),
        turns=tuple(turns),
        earlier_turns=tuple(earlier),
        has_several_speakers=has_several_speakers(entry.memory.speaker for entry in entries),
    )


def by_importance(memories: Iterable[Memory]) -> list[Memory]:
    """The most important first; of equal ones the last that was told."""
    return sorted(
        memories, key=lambda memory: (round(-memory.importance, 1), -telling_time(memory).timestamp(), memory.id)
    )


def is_instruction(memory: Memory) -> bool:
    """Tell if it says how to behave, as the user and the operator may; from anybody else that is information."""
    return memory.kind == "procedural" and memory.provenance.source in INSTRUCTORS


def has_several_speakers(speakers: Iterable[str | None]) -> bool:
    """Tell if more than one name is among them; who has none may be anybody of these."""
    return len({speaker.casefold() for speaker in speakers if speaker}) > 1


def telling_time(memory: Memory) -> datetime:
    """The moment when it was said, as far as that is known."""
    return memory.told_at or memory.valid_from


def is_turn(memory: Memory) -> bool:
    """Tell if it is a turn as it was said; in older rows only the extractor tells."""
    return memory.is_turn or memory.provenance.extractor == TURNS_EXTRACTOR


def tells_of_user(turn: Memory) -> bool:
    """Tell if it is about the user and about what lasts, and asks nothing."""
    text = turn.text or ""
    if QUESTION_MARK.search(text) or mentions_time(turn) or not speaks_of_self(text):
        return False
    return find_subject(text).relation is None


def is_statement(memory: Memory) -> bool:
    """Tell if it is a fact or an event that tells of the user: no turn, and nothing of the application's material."""
    is_candidate = memory.kind in ("semantic", "episodic") and memory.provenance.source not in _NO_STATEMENTS
    return is_candidate and not is_turn(memory)


def _tells(memory: Memory) -> bool:
    return is_turn(memory) and memory.provenance.source == "user" and not is_request(memory.text or "")


def _is_seen(memory: Memory, thread_id: str | None, message_ids: frozenset[str] | None) -> bool:
    """Tell if the model has its turns before it. Words are not compared: a repetition must not change the standing part."""
    if thread_id is None or memory.provenance.thread_id != thread_id:
        return False
    return message_ids is None or (
        bool(memory.provenance.message_ids) and message_ids.issuperset(memory.provenance.message_ids)
    )


def _priority(entry: StandingMemory) -> tuple[int, float, int, float, str, str]:
    """The order of the standing part: who the user is, preferences and goals, then all else: by importance, and by the day of telling or of the last use.

    By the day, because uses within a conversation must not change its order, and what is new must have a chance beside
    what stands already and is used for that. What was told in one moment is ordered by its text: keys of turns are random.
    """
    memory = entry.memory
    category = memory.category or memory.value.get("type")
    rank = 0 if memory.key == NAME else 1 if category in _BELONGS_TO_PROFILE else 2
    moment = telling_time(memory)
    latest = max(moment, entry.used_at) if entry.used_at else moment
    day = in_zone(latest, UTC).toordinal()
    return rank, round(-memory.importance, 1), -day, -moment.timestamp(), memory.text or "", memory.key
