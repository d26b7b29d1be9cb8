"""The records that pass between the rooms; all of them immutable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from langchain_persistmem.namespace import Namespace

Kind = Literal["semantic", "episodic", "procedural", "profile"]
"""``semantic`` what is known, ``episodic`` what happened and when, ``procedural`` how to behave, ``profile`` the document."""
KINDS: tuple[Kind, ...] = ("semantic", "episodic", "procedural", "profile")

Source = Literal["user", "assistant", "tool", "document", "import", "operator", "store"]
"""Where a memory comes from: the person, the model, a tool, a document, an import, the application, or a store.put."""
SOURCES: tuple[Source, ...] = ("user", "assistant", "tool", "document", "import", "operator", "store")

Status = Literal["active", "superseded", "archived", "quarantined"]
"""``active`` is recalled; ``superseded`` was true once; ``archived`` lives on in a summary; ``quarantined`` waits for review."""

Vector = Sequence[float]
"""An embedding, of length 1 in the Euclidean norm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a memory comes from. Every memory has one."""

    source: Source
    thread_id: str | None = None
    message_ids: tuple[str, ...] = ()
    extractor: str | None = None
    """``turns`` (no model), ``model``, or whatever else made the memory out of its source."""
    model: str | None = None
    prompt_version: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One message of a conversation, as memory sees it."""

    id: str
    role: Literal["user", "assistant", "system", "tool"]
    text: str
    sent_at: datetime
    speaker: str | None = None
    content: Mapping[str, Any]
    """The whole message as LangChain serialises it, so that nothing is lost."""
    position: int | None = None
    """Its place in the stored thread, counted from 1; None before it is stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A statement that may become a memory."""

    text: str
    kind: Kind
    provenance: Provenance
    valid_from: datetime
    speaker: str | None = None
    key: str | None = None
    value: Mapping[str, Any] | None = None
    importance: float = 0.5
    confidence: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMemory:
    """A candidate that was decided upon: what the cellar writes."""

    id: UUID
    key: str
    identity: bytes
    candidate: Candidate
    vectors: tuple[Vector, ...]
    words: tuple[str, ...] = ()
    """Terms that PostgreSQL's parser cannot find, such as pairs of Chinese characters."""
    position: int | None = None
    """Place in the thread of the turn that it is, if it is one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """One remembered statement; the same row is a LangGraph store item."""

    namespace: Namespace
    id: UUID
    key: str
    kind: Kind
    status: Status
    text: str | None
    """What it is recalled by; None for a store item that was put with ``index=False``."""
    value: Mapping[str, Any]
    importance: float
    confidence: float
    confirmations: int
    """How often the same statement was made again."""
    speaker: str | None
    provenance: Provenance
    valid_from: datetime
    valid_until: datetime | None
    recorded_at: datetime
    updated_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A memory as the database found it, before it is ranked."""

    memory: Memory
    similarity: float
    """Cosine with the query, -1 to 1; the best of the memory's vectors."""
    lexical: float
    """BM25 score; 0 when no word is shared."""
    uses: int
    position: int | None
    """Place of its turn in the thread, for the neighbours' sake."""
    always: bool = False
    """Fetched because of its kind, not because of the query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What one search brought up, with the statistics that give its numbers a meaning."""

    found: tuple[Found, ...]
    count: int
    """Memories that were compared."""
    mean: float
    deviation: float
    lexical_max: float
    """BM25 score of a memory that has every word of the query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """The parts of a score, in evidence: they add up to ``evidence``, which the score is made from."""

    evidence: float
    meaning: float
    words: float
    neighbours: float
    speaker: float
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
    why: Why

    @property
    def text(self) -> str:
        """What was remembered."""
        return self.memory.text or ""


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

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the memories that are in the text."""
        return tuple(recollection.memory.key for recollection in self.recollections)


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """What came of a call of observe()."""

    stored: int
    """Turns that were new."""
    added: int
    """Memories that are new."""
    reinforced: int
    """Memories that were known and are confirmed."""
    skipped: int
    """Turns that held nothing worth remembering."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A row of another memory that was not brought over."""

    namespace: Namespace
    """Its namespace there; empty if it has none that can be named."""
    key: str
    reason: str
    """In words, and without content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What came of an import, in rows; or, with ``dry_run=True``, what would."""

    dry_run: bool
    total: int = 0
    """Rows in the source when the import began."""
    read: int = 0
    """Rows that were looked at; the counts below add up to it."""
    added: int = 0
    replaced: int = 0
    """Known here, but older than in the source."""
    unchanged: int = 0
    """Known here, and as new as in the source or newer."""
    duplicates: int = 0
    """The same statement as another memory of the same namespace; kept once."""
    expired: int = 0
    """Their time to live is over."""
    refused: int = 0
    """Cannot be stored here; each is in the log, with its reason."""
    embedded: int = 0
    """Texts that were given to the embedding model."""
    refusals: tuple[Refusal, ...] = ()
    """The first 1,000 of the refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What was erased, in numbers and without content; or, with ``erased=False``, what would be."""

    erased: bool
    counts: Mapping[str, int]
    """Rows by table."""
    not_reached: tuple[str, ...] = ()
    """Where traces may remain, in words."""
    candidates: tuple[Recollection, ...] = field(default=())
    """Only with ``erased=False``: the memories that the query found, best first."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The candidates' keys, to be handed to forget() once they have been looked at."""
        return tuple(candidate.memory.key for candidate in self.candidates)
