"""A question to memory, what a recall finds, how it was weighed, and what a context was made of; immutable."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from langchain_persistmem.types.records import Kind, Memory, Source, mark_of

Reason = Literal[
    "threshold", "floor", "duplicate", "limit", "budget", "shown", "share", "model",
    "expired", "superseded", "archived", "quarantined", "not valid then", "filter",
]  # fmt: skip
"""Why a memory was not recalled, or did not enter a context."""

REASONS: tuple[Reason, ...] = get_args(Reason)


Expand = Literal["rules", "model"]
"""The source of further queries: what the rules of this package find, or what the chat model says."""

EXPANDS: tuple[Expand, ...] = get_args(Expand)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question to memory, with the bounds within which it is answered. Every level passes it on as it is."""

    query: str
    limit: int
    kinds: Sequence[Kind] | None = None
    filter: Mapping[str, Any] | None = None
    at: datetime | None = None
    """The moment whose truth is asked for, instead of what is true now."""
    expand: Expand | None = None
    """The source of further queries beside this one."""
    thread_id: str | None = None
    """The conversation that it is for: nothing is recalled into one that is off the record."""
    now: datetime
    instructions: int = 0
    """So many instructions come with it, whatever is asked."""
    own_view: bool = False
    """The person looks at their own memory, which they may whatever they allow."""

    @property
    def moment(self) -> datetime:
        """The moment that ages and dates are counted from."""
        return self.at or self.now


class RecallCandidate(NamedTuple):
    """A memory as the database found it: what ranking reads of it, and how to make the whole of it.

    A search brings up a hundred and returns ten. So this is a tuple, and the rest of a memory waits until it is wanted.
    """

    id: UUID
    key: str
    kind: Kind
    text: str | None
    speaker: str | None
    source: Source
    thread_id: str | None
    valid_from: datetime
    valid_until: datetime | None
    importance: float
    similarity: float | None
    """Cosine with the query, -1 to 1; the best of the memory's vectors."""
    lexical: float
    """BM25 score; 0 when no word is shared."""
    uses: int
    position: int | None
    """Place of its turn in the thread, for the neighbours' sake."""
    always: bool
    """Fetched because of its kind, not because of the query."""
    whole: Callable[[], Memory]
    """Makes the memory, anew with each call."""

    @property
    def mark(self) -> str:
        """See :attr:`Memory.mark`."""
        return mark_of(self.id, self.text, self.valid_from, self.speaker)


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """What one search brought up, with the statistics that give its numbers a meaning."""

    found: tuple[RecallCandidate, ...]
    count: int
    """Memories that were compared."""
    mean: float
    deviation: float
    lexical_max: float
    """BM25 score of a memory that has every word of the query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreParts:
    """The parts of a score, in evidence: they add up to ``evidence``, which the score is made from."""

    evidence: float
    meaning: float
    words: float
    neighbours: float
    speaker: float
    period: float = 0.0
    question: float = 0.0
    lacking: float = 0.0
    recency: float
    importance: float
    use: float
    similarity: float
    """The cosine that ``meaning`` was made from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recollection:
    """A memory that was recalled, with its score from 0 to 1 and why."""

    memory: Memory
    score: float
    why: ScoreParts

    @property
    def text(self) -> str:
        """What was remembered."""
        return self.memory.text or ""


class RankedCandidate(NamedTuple):
    """A candidate that was weighed."""

    found: RecallCandidate
    score: float
    evidence: float
    parts: tuple[float, ...]
    """What the evidence is the sum of, from ``meaning`` to ``use``: see :class:`ScoreParts`."""

    def recollection(self) -> Recollection:
        """What is returned or explained of it, with the whole memory."""
        meaning, words, neighbours, speaker, period, question, lacking, recency, importance, use = self.parts
        why = ScoreParts(
            evidence=self.evidence,
            meaning=meaning,
            words=words,
            neighbours=neighbours,
            speaker=speaker,
            period=period,
            question=question,
            lacking=lacking,
            recency=recency,
            importance=importance,
            use=use,
            similarity=self.found.similarity or 0.0,
        )
        return Recollection(memory=self.found.whole(), score=self.score, why=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """A stretch of time that a text speaks of: from ``start`` up to ``end``, which is not in it."""

    start: datetime
    end: datetime
    certainty: float
    """0 to 1: how sure it is that this time is meant, and no other year, no other Tuesday, no time before or after."""
    text: str
    """The words it was read from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpretation:
    """What was made of a question, apart from its words and its vector."""

    periods: tuple[Period, ...]
    """The times it speaks of."""
    named: tuple[str, ...]
    """The speakers it names; one only makes a difference."""
    about_user: bool
    """It is about "I", and not about what the assistant said."""
    present: bool
    """It asks what is so now: of two equally good memories the later one answers it."""
    asks_for: Literal["time", "number"] | None = None
    """What an answer tells: it asks when, or how many or how much."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Omission:
    """A memory that a question did not bring up."""

    memory: Memory
    reason: Reason
    score: float
    why: ScoreParts
    """For what the indexes do not hold (expired, superseded ...): the score it would have had, about."""
    instead: str | None = None
    """The key of the memory that stands for it, if that one was found: the better duplicate, the successor, the summary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What a question brought up, what it did not, and how that came about."""

    query: str
    queries: tuple[str, ...]
    """What was asked in all: the question itself, and others that ``expand`` found."""
    embedded: str
    """The question as the embedding model saw it: without the persons it asks about."""
    words: Mapping[str, int]
    """Its words, stemmed, each with the number of memories that have it."""
    understood: Interpretation
    recollections: tuple[Recollection, ...]
    """What recall() returns without ``explain``."""
    left_out: tuple[Omission, ...]
    """The other candidates, best first; then what the indexes do not hold and would have been the nearest."""
    compared: int
    """Memories that the question was compared with."""
    candidates: int
    """Memories that were ranked."""
    threshold: float
    floor: float
    limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What the model is shown."""

    text: str
    """Ready to be placed before the model; empty when nothing is relevant."""
    tokens: int
    """Length of ``text``, by the token counter that was used."""
    recollections: tuple[Recollection, ...]
    """What the text was made from, in the order of the text."""
    left_out: int
    """Relevant memories that did not fit into the budget."""
    explanation: Explanation | None = None
    """With ``explain=True``: how this came about."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the memories that are in the text."""
        return tuple(recollection.memory.key for recollection in self.recollections)

    @property
    def marks(self) -> tuple[str, ...]:
        """The memories in the text in their present wording, to be given as ``shown`` to later calls of context()."""
        return tuple(recollection.memory.mark for recollection in self.recollections)
