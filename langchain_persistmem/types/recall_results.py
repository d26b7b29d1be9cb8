"""The question to memory, and the results of recall: recollections with their scores, explanations and contexts; immutable."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from langchain_persistmem.types.records import DatePrecision, Kind, Memory, Source, fingerprint_of

Reason = Literal[
    "threshold", "min_score", "duplicate", "limit", "budget", "shown", "share", "model",
    "expired", "superseded", "archived", "quarantined", "not valid then", "filter",
]  # fmt: skip
"""The reason why a memory was not recalled, or did not enter a context."""

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
    """Number of instructions that come with it, whatever is asked."""
    own_view: bool = False
    """The person looks at their own memory, which they may whatever they allow."""

    @property
    def moment(self) -> datetime:
        """The moment that ages and dates are counted from."""
        return self.at or self.now


class RecallCandidate(NamedTuple):
    """A row of a search: the columns that ranking reads, and a function that builds the whole memory.

    A search ranks a hundred rows and returns ten. This is therefore a tuple, and the other columns are converted only
    on demand.
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
    """BM25 score; 0 when no term is shared."""
    uses: int
    position: int | None
    """Position of its turn in the thread; ranking compares it with the turns beside it."""
    always: bool
    """Fetched because of its kind, not because of the query."""
    is_turn: bool
    turn_ids: Sequence[UUID]
    """Of a statement: the turns among the candidates that it rests on."""
    past_quotes: Sequence[str]
    """Of a turn: its words on which statements rest that are not current; an empty one stands for words that nobody noted."""
    build_memory: Callable[[], Memory]
    """Builds the whole memory, anew with each call."""
    date_precision: DatePrecision | None = None
    """The precision of ``valid_from``."""

    @property
    def fingerprint(self) -> str:
        """See :attr:`Memory.fingerprint`."""
        return fingerprint_of(self.id, self.text, self.valid_from, self.speaker)


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """The candidates of one search, with the statistics that put their scores on one scale."""

    candidates: tuple[RecallCandidate, ...]
    count: int
    """Memories that were compared."""
    mean: float
    deviation: float
    lexical_max: float
    """BM25 score of a memory that has every term of the query."""
    is_read: bool = True
    """The embedding model reads the script of the query; if not, a cosine below the usual says nothing."""
    existing_terms: frozenset[str] = frozenset()
    """The terms of the query that memories here have, each with the other forms of its group."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreParts:
    """The parts of a score, in units of evidence. They add up to ``evidence``, from which the score is computed."""

    evidence: float
    meaning: float
    terms: float
    neighbours: float
    speaker: float
    period: float = 0.0
    question: float = 0.0
    telling: float = 0.0
    missing_answer: float = 0.0
    recency: float
    importance: float
    use: float
    similarity: float
    """The cosine from which ``meaning`` is computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recollection:
    """A recalled memory, with its score from 0 to 1 and the parts of that score."""

    memory: Memory
    score: float
    score_parts: ScoreParts
    excerpt: str | None = None
    """Words of the person that speak to the question: of the turn that a statement rests on, where the statement lacks them,
    or the best sentences of a long memory."""

    @property
    def text(self) -> str:
        """The memory's text."""
        return self.memory.text or ""


class RankedCandidate(NamedTuple):
    """A candidate with its score."""

    row: RecallCandidate
    score: float
    evidence: float
    parts: tuple[float, ...]
    """The summands of the evidence, from ``meaning`` to ``use``: see :class:`ScoreParts`."""
    excerpt: str | None = None
    """See :attr:`Recollection.excerpt`."""

    def recollection(self) -> Recollection:
        """Build the public record, with the whole memory."""
        meaning, words, neighbours, speaker, period, question, telling, lacking, recency, importance, use = self.parts
        why = ScoreParts(
            evidence=self.evidence,
            meaning=meaning,
            terms=words,
            neighbours=neighbours,
            speaker=speaker,
            period=period,
            question=question,
            telling=telling,
            missing_answer=lacking,
            recency=recency,
            importance=importance,
            use=use,
            similarity=self.row.similarity or 0.0,
        )
        return Recollection(memory=self.row.build_memory(), score=self.score, score_parts=why, excerpt=self.excerpt)


class Rerankable(NamedTuple):
    """The part of a memory that a re-ranker sees."""

    text: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """A stretch of time that a text speaks of: from ``start`` up to ``end``, which is not in it."""

    start: datetime
    end: datetime
    certainty: float
    """0 to 1: how sure it is that this time is meant, and no other year, no other Tuesday, no time before or after."""
    text: str
    """The part of the text that names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpretation:
    """The reading of a question, apart from its terms and its vector."""

    periods: tuple[Period, ...]
    """The periods that it mentions."""
    speakers: tuple[str, ...]
    """The speakers that it names; ranking uses them if there is exactly one."""
    is_about_user: bool
    """The question is about "I", and not about the words of the assistant."""
    is_about_present: bool
    """The question asks about the present: of two equally good memories the later one answers it."""
    is_about_assistant: bool = False
    """The question asks what the assistant said."""
    is_request: bool = False
    """It asks for help, such as a dinner to be suggested, rather than for something that was said."""
    asks_for: Literal["time", "number"] | None = None
    """The sort of answer: a time for "when", a number for "how many" or "how much"."""
    is_list: bool = False
    """The answer is in several memories: "which books", "how many times", "in what order". A context has more of them then."""
    is_order: bool = False
    """It asks for the order in which things happened: a context tells them in the order of time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Omission:
    """A memory that was not recalled, with the reason."""

    memory: Memory
    reason: Reason
    score: float
    score_parts: ScoreParts
    """For what the indexes do not hold (expired, superseded ...): the score it would have had, about."""
    replacement_key: str | None = None
    """The key of the memory recalled in its stead: the better duplicate, the successor or the summary; None without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A recall step by step: the question as it was read, the recollections, and the memories left out with the reasons."""

    query: str
    queries: tuple[str, ...]
    """All queries of the search: the question itself, and those added by ``expand``."""
    embedded_text: str
    """The text sent to the embedding model: the question without the persons that it asks about, or with "I" for who
    speaks here."""
    terms: Mapping[str, int]
    """The stemmed terms of the question, each with the number of memories that contain it."""
    interpretation: Interpretation
    recollections: tuple[Recollection, ...]
    """The same as recall() returns."""
    omissions: tuple[Omission, ...]
    """The other candidates, best first; then the nearest of the memories that are not in the indexes."""
    compared_count: int
    """Memories that the question was compared with."""
    candidate_count: int
    """Memories that were ranked."""
    threshold: float
    min_score: float
    limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingMemory:
    """A memory that may stand before a model whatever is asked."""

    memory: Memory
    used_at: datetime | None
    """Its last use in a context before the conversation began; None if there was none."""
    started_at: datetime
    """The beginning of the conversation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The text for the model's prompt, and the memories in it.

    It has two parts: one that stands whatever is asked, and one that fits the message.
    """

    text: str
    """Both parts, ready to be placed before the model; empty where there is neither."""
    tokens: int
    """Length of ``text``, by the token counter that was used."""
    recollections: tuple[Recollection, ...]
    """The memories that the text was made from, in its order; those of the standing part have a score only if the search
    found them too."""
    omission_count: int
    """Number of relevant memories that did not fit into the budget."""
    standing: str = ""
    """The standing part alone: the same bytes for every message while nothing changes, for the cached part of a prompt."""
    relevant: str = ""
    """The part alone that fits the message."""
    standing_count: int = 0
    """Number of ``recollections`` in the standing part; they come first."""
    explanation: Explanation | None = None
    """With ``explain=True``: the explanation of the recall."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the memories that are in the text."""
        return tuple(recollection.memory.key for recollection in self.recollections)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The memories of ``relevant`` in their present wording, for the argument ``shown`` of later calls of context()."""
        return tuple(recollection.memory.fingerprint for recollection in self.recollections[self.standing_count :])
