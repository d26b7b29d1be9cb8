"""What stands before a model whatever is asked: which memories and turns, in which order, and as text; pure.

Nothing here knows the message. The same memories are chosen from one message of a conversation to the next, so that the
text can stand in the cached part of a prompt.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import zip_longest
from typing import Any, Literal

from langchain_persistmem.language.calendar.time_expressions import mentions_time
from langchain_persistmem.language.question import speaks_of_self
from langchain_persistmem.language.requests import is_request
from langchain_persistmem.language.small_talk import QUESTION_MARK
from langchain_persistmem.language.statement_rulebook import BREAK
from langchain_persistmem.language.subjects import find_subject
from langchain_persistmem.language.trust import INSTRUCTORS
from langchain_persistmem.recall.context_parts.context_budget import (
    TokenCounter,
    count_within,
    longest_beginning,
)
from langchain_persistmem.recall.context_parts.context_text import (
    Form,
    ProfileLine,
    TextWriter,
    one_line,
    profile_lines,
    sort_key,
    telling_time,
)
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

_LONG, _SEVERAL = 3, 10
"""Where not all have space, a statement has at most this share of it, and so has a turn, of which most tell less."""
_OUTSTANDING = 0.8
"""The importance from which a statement always matters, as extraction is asked to say."""
_ORDINARY = 4
"""The share of the space that others have beside these: a quarter."""


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


def is_turn(memory: Memory) -> bool:
    """Tell if it is a turn as it was said; in older rows only the extractor tells."""
    return memory.is_turn or memory.provenance.extractor == TURNS_EXTRACTOR


def tells_of_user(turn: Memory) -> bool:
    """Tell if it is about the user and about what lasts, and asks nothing."""
    text = turn.text or ""
    if QUESTION_MARK.search(text) or mentions_time(turn) or not speaks_of_self(text):
        return False
    # "How long do I boil an egg, my brain's gone" asks, and what it tells is over by now.
    return find_subject(text).relation is None and not is_request(BREAK.split(text, maxsplit=1)[0])


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


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingPart:
    """The standing part of a context: its text, and the memories in it, in the order of the text."""

    text: str = ""
    memories: tuple[Memory, ...] = ()
    has_names: bool = False


def render_standing(
    choice: StandingChoice,
    document: Mapping[str, Any],
    *,
    max_tokens: int,
    standing_tokens: int,
    count_tokens: TokenCounter,
    form: Form,
    zone: tzinfo | None = None,
) -> StandingPart:
    """The profile's document, the instructions, and of the statements all that fit into ``standing_tokens``, as text.

    Where all statements fit, short turns of other conversations stand behind them in half of the space; else those that always
    matter, and a few others in a quarter of the space. Document and instructions stand there whatever they take, up to
    ``max_tokens``, the budget of the whole context; statements take half of that at most.
    """
    lines = profile_lines(document)
    names = choice.has_several_speakers
    always: list[ProfileLine | Memory] = [*lines, *choice.instructions]
    # What the document lists already is not said twice.
    profile_texts = {line.text for line in lines}
    statements = [memory for memory in choice.statements if memory.text not in profile_texts]

    writer = TextWriter(form=form, has_names=names, zone=zone)

    def fits(entries: Sequence[ProfileLine | Memory], most: int) -> bool:
        return count_tokens(writer.write(entries)) <= most

    limit = min(standing_tokens, max_tokens // 2)
    entries = [*always, *statements, *choice.turns]
    if not fits(entries, limit):
        entries = [*always, *statements, *choice.earlier_turns]
    if not fits(entries, limit):
        entries = longest_beginning(always, lambda part: fits(part, max_tokens))
        # Else what stands always takes all the space.
        has_space = len(entries) == len(always) and fits(always, limit)
        if has_space and fits([*always, *statements], limit):
            entries += statements
            # Most turns tell less than a statement, so that they take half of the space at most.
            turn_limit = min(limit, count_tokens(writer.write(entries)) + limit // 2)
            turns = _short_turns(choice.earlier_turns, count_tokens, limit // _SEVERAL)
            entries += longest_beginning(turns, lambda part: fits([*always, *statements, *part], turn_limit))
        elif has_space:
            entries += _most_important(statements, count_tokens, limit, lambda part: fits([*always, *part], limit))
    memories = [entry for entry in entries if isinstance(entry, Memory)]
    return StandingPart(text=writer.write(entries), memories=tuple(sorted(memories, key=sort_key)), has_names=names)


def _most_important(
    statements: Sequence[Memory],
    count_tokens: TokenCounter,
    limit: int,
    fits: Callable[[Sequence[Memory]], bool],
) -> list[Memory]:
    """The statements that stand where not all have space: those that always matter, and a few of the others.

    Which few of many equally important ones bear on a conversation nobody knows before it: the message brings up those that do.
    """
    costs = [(memory, count_tokens(one_line(memory.text or ""))) for memory in statements]
    # A long text takes the space of many: none may have more than a third of it.
    short = [(memory, cost) for memory, cost in costs if cost * _LONG <= limit]
    outstanding = [(memory, cost) for memory, cost in short if memory.importance >= _OUTSTANDING]
    ordinary = [(memory, cost) for memory, cost in short if memory.importance < _OUTSTANDING]
    # No more than can fit are counted as text.
    most = count_within(sorted(cost for _, cost in outstanding), limit)
    few = count_within([cost for _, cost in ordinary], limit // _ORDINARY)
    return longest_beginning([memory for memory, _ in (*outstanding[:most], *ordinary[:few])], fits)


def _short_turns(turns: Sequence[Memory], count_tokens: TokenCounter, most: int) -> list[Memory]:
    """The turns of at most so many tokens that tell of the user, the newest and the earliest in turn."""
    brief = [turn for turn in turns if count_tokens(one_line(turn.text or "")) <= most and tells_of_user(turn)]
    return _from_both_ends(brief)


def _from_both_ends(turns: Sequence[Memory]) -> list[Memory]:
    """The newest and the earliest in turn: what somebody tells of themselves first says who they are."""
    half = -(-len(turns) // 2)
    ends = zip_longest(turns[:half], reversed(turns[half:]))
    return [turn for pair in ends for turn in pair if turn is not None]
