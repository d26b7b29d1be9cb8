"""The records that pass between the rooms; all of them immutable."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast, get_args
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

Consent = Literal["allowed", "no_extract", "paused"]
"""What a person allows: everything; keeping, but no learning from conversations; or neither writing nor recalling."""
CONSENTS: tuple[Consent, ...] = ("allowed", "no_extract", "paused")

Withheld = Literal["paused", "no_extract", "off_record"]
"""Why nothing is learnt from a conversation: what the person allows, or the thread that it is."""
UNSTORED: tuple[Withheld, ...] = ("paused", "off_record")
"""Where nothing is stored either."""

Relation = Literal["new", "same", "replaces"]
"""What a statement is to a known one: something else, the same again, or its end."""

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
    memory_ids: tuple[str, ...] = ()
    """The memories that a summary, or a preference drawn from habits, was made from."""


Reason = Literal[
    "threshold", "floor", "duplicate", "limit", "budget", "shown", "share", "model",
    "expired", "superseded", "archived", "quarantined", "not valid then", "filter",
]  # fmt: skip
"""Why a memory was not recalled, or did not enter a context."""
REASONS: tuple[Reason, ...] = get_args(Reason)

OFF_RECORD: Mapping[str, str] = {"persistmem": "off the record"}
"""In a message's ``response_metadata``: no provider is sent that field, and it goes wherever the message goes."""


def is_marked_off(response_metadata: object) -> bool:
    """Whether a message with this ``response_metadata`` was said off the record."""
    if not isinstance(response_metadata, Mapping):
        return False
    given = cast("Mapping[str, object]", response_metadata)
    return all(given.get(name) == value for name, value in OFF_RECORD.items())


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

    @property
    def is_off_record(self) -> bool:
        """Whether it was marked as said off the record: it may be kept as a message, and never be learnt from."""
        data = self.content.get("data")
        marks: object = (
            cast("Mapping[str, object]", data).get("response_metadata") if isinstance(data, Mapping) else None
        )
        return is_marked_off(marks)


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
    about: UUID | None = None
    """The known memory that the model relates it to."""
    relation: Relation = "new"
    """How it relates to that memory, as the model says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMemory:
    """A candidate that was decided upon: what the cellar writes."""

    id: UUID
    key: str
    identity: bytes
    candidate: Candidate
    vectors: tuple[Vector, ...]
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
    superseded_by: UUID | None = None
    """The memory that ended its validity, or the summary that it was archived into."""
    review: str | None = None
    """Why a quarantined memory waits, in the program's words."""
    review_of: UUID | None = None
    """The memory that it would replace, if it were approved."""
    pinned: bool = False
    """Whether it is to stay as it is: no rule archives it, and no model replaces it before somebody has agreed."""

    @property
    def mark(self) -> str:
        """This memory in its present wording: another once its text, its date or its speaker is another."""
        return _mark(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What changed a memory and why, in the program's words; no content. What was added is its own record."""

    key: str
    memory_id: UUID
    change: Literal[
        "reinforced", "superseded", "quarantined", "approved", "rejected", "archived", "restored", "pinned", "unpinned"
    ]
    reason: str
    by_memory: UUID | None
    """The memory that brought it about: a successor, or a summary."""
    changed_at: datetime


Level = Literal["ok", "note", "warning", "error"]
"""How bad a finding is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What the diagnosis found in one respect."""

    level: Level
    name: str
    """The respect, such as ``pgvector``; it stays the same from version to version."""
    what: str
    why: str
    """Why it matters; empty if all is well."""
    fix: str | None
    """A command, an SQL statement, or a setting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """Who did what to which memories when; no content."""

    number: int
    """Its place in the namespace's chain, counted from 1."""
    recorded_at: datetime
    """By the server's clock."""
    actor: str
    """See :func:`acting_as`."""
    action: str
    """What was done, such as ``remembered`` or ``forgotten``."""
    memory_ids: tuple[UUID, ...]
    details: Mapping[str, Any]
    """Counts, and words of the program."""
    digest: str
    """SHA-256, in hexadecimal, over this entry and the digest before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFault:
    """A place where the audit's chain does not fit."""

    number: int
    """The entry."""
    what: str
    """In words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditCheck:
    """What verify_audit() found."""

    entries: int
    """Entries that were gone through."""
    head: str | None
    """Number and digest of the last entry, to be kept elsewhere; None if there is no entry."""
    faults: tuple[AuditFault, ...]
    """The first 100; empty if the chain is whole."""

    @property
    def ok(self) -> bool:
        """Whether the chain is whole."""
        return not self.faults


class Found(NamedTuple):
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
        return _mark(self)


def _mark(memory: Memory | Found) -> str:
    shown = "\x1f".join((memory.text or "", memory.valid_from.date().isoformat(), memory.speaker or ""))
    return f"{memory.id.hex}-{hashlib.sha256(shown.encode(errors='replace')).hexdigest()[:12]}"


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
    why: Why

    @property
    def text(self) -> str:
        """What was remembered."""
        return self.memory.text or ""


class Ranked(NamedTuple):
    """A candidate that was weighed."""

    found: Found
    score: float
    evidence: float
    parts: tuple[float, ...]
    """What the evidence is the sum of, from ``meaning`` to ``use``: see :class:`Why`."""

    def recollection(self) -> Recollection:
        """What is returned or explained of it, with the whole memory."""
        meaning, words, neighbours, speaker, period, question, lacking, recency, importance, use = self.parts
        why = Why(
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
class Understood:
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
class LeftOut:
    """A memory that a question did not bring up."""

    memory: Memory
    reason: Reason
    score: float
    why: Why
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
    understood: Understood
    recollections: tuple[Recollection, ...]
    """What recall() returns without ``explain``."""
    left_out: tuple[LeftOut, ...]
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
    superseded: int = 0
    """Memories whose validity ended, because something newer contradicts them."""
    quarantined: int = 0
    """Statements that wait for review and are not recalled."""
    waiting: int = 0
    """Turns of the thread that are stored and not learnt from yet."""
    withheld: Withheld | None = None
    """Why nothing was learnt; ``"paused"`` and ``"off_record"`` say that nothing was stored either."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Worked:
    """What one round of background work did."""

    threads: int = 0
    """Threads that were dealt with."""
    added: int = 0
    reinforced: int = 0
    superseded: int = 0
    quarantined: int = 0
    postponed: int = 0
    """Threads that failed, or met the daily cap, and are tried again later."""
    given_up: int = 0
    """Turns that no attempt could be learnt from; dead_letters() lists them."""
    healed: int = 0
    """Memories that were kept without a vector, because the embedding model did not answer, and have one now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenUp:
    """Turns of a thread that no attempt could be learnt from. They are stored, and can be retried."""

    thread_id: str
    messages: int
    failure: str
    """Class and status of the last failure, without its text."""
    given_up_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Maintained:
    """What maintain() did, or, with ``dry_run``, would do; in numbers."""

    dry_run: bool = False
    namespaces: int = 0
    """Namespaces that were looked through."""
    summaries: int = 0
    """Summaries that were written."""
    compressed: int = 0
    """Memories that were archived into them."""
    archived: int = 0
    """Memories that were archived because of age, of disuse, or of the cap."""
    purged: int = 0
    """Superseded and archived memories that were erased for good."""
    messages: int = 0
    """Messages of old conversations that were erased."""
    checkpoints: int = 0
    """LangGraph's checkpoints that were erased, with their blobs and writes, which are not counted."""
    preferences: int = 0
    """Preferences that were drawn from habits; in a dry run, habits that the chat model would be asked about."""
    confirmed: int = 0
    """Preferences that gained evidence."""
    failed: int = 0
    """Groups of memories that stayed as they were because a model failed, or its answer was not believed."""
    postponed: int = 0
    """Namespaces that have had their model calls of today."""


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
class Exported:
    """What an export wrote."""

    counts: Mapping[str, int]
    """Lines by kind: namespaces, threads, messages, memories in every version, and changes."""
    sha256: str
    """Of all lines but the last, which names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What an import of an export brought back; or, with ``dry_run=True``, what the file holds."""

    dry_run: bool
    read: int
    """Rows that were looked at."""
    memories: int
    """Memories that are new here, in every version."""
    messages: int
    threads: int
    changes: int
    unchanged: int
    """Lines that changed nothing: here already, or in the way of something newer here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reembedded:
    """What came of making vectors with the present embedding model."""

    namespaces: int
    """Namespaces that were looked through."""
    memories: int
    """Memories that have their vectors now."""
    waiting: int
    """Namespaces that are tried again later, by a worker or by the next call."""
    dropped: int
    """Vectors of other models that were deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What was erased, in numbers and without content; or, with ``erased=False``, what would be."""

    erased: bool
    counts: Mapping[str, int]
    """Rows by table."""
    not_reached: tuple[str, ...] = ()
    """Where traces may remain, in words."""
    by_namespace: Mapping[Namespace, Mapping[str, int]] = field(default_factory=dict[Namespace, Mapping[str, int]])
    """The same rows by namespace and table, where everything was meant."""
    ids: tuple[UUID, ...] = ()
    """The entries in the log of erasures, one for each namespace."""
    verified: bool = False
    """Whether every table was looked through afterwards, and nothing was left."""
    candidates: tuple[Recollection, ...] = field(default=())
    """Only with ``erased=False``: the memories that the query found, best first."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The candidates' keys, to be handed to forget() once they have been looked at."""
        return tuple(candidate.memory.key for candidate in self.candidates)

    @property
    def id(self) -> UUID | None:
        """The first entry in the log of erasures; None if nothing was erased."""
        return self.ids[0] if self.ids else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """An entry in the log of erasures, by which a restored backup is erased again. It names nobody and has no content."""

    id: UUID
    incarnation: UUID
    """A random id of the life that the namespace had: a restored one has it again, a new one has another."""
    everything: bool
    memory_ids: tuple[UUID, ...]
    """The memories that went, where not everything did."""
    turns: tuple[str, ...]
    """SHA-256, in hexadecimal, over incarnation, thread and message id: the turns that went with them."""
    counts: Mapping[str, int]
    """Rows by table."""
    erased_at: datetime
    completed_at: datetime | None
    """None for an erasure that was interrupted; see resume_erasures()."""

    @property
    def line(self) -> str:
        """One line of JSON, as replay_erasures() takes it."""
        return json.dumps(
            {
                "id": str(self.id),
                "incarnation": str(self.incarnation),
                "everything": self.everything,
                "memory_ids": [str(id) for id in self.memory_ids],
                "turns": list(self.turns),
                "counts": dict(self.counts),
                "erased_at": self.erased_at.isoformat(),
                "completed_at": self.completed_at.isoformat() if self.completed_at is not None else None,
            }
        )


Command = Literal["remember", "forget", "show", "private"]
"""What a user may ask of the memory: keep this, forget that, show what is known, leave this out."""
COMMANDS: tuple[Command, ...] = ("remember", "forget", "show", "private")


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandReply:
    """What came of a command that a user gave in a conversation."""

    command: Command
    text: str
    """What to say to the user, in the language of the command."""
    language: str
    """Its code, such as ``en``."""
    keys: tuple[str, ...] = ()
    """The memories that were kept or erased; with ``needs_confirmation``, those that would be erased."""
    candidates: tuple[Memory, ...] = ()
    """What is known, or what would be erased, in the order of the text."""
    needs_confirmation: bool = False
    """Nothing was erased yet: the user's next message decides."""
    question: Mapping[str, Any] | None = None
    """With ``needs_confirmation``: plain JSON to be given back as ``question`` with the user's next message."""
    ends_turn: bool = True
    """Whether ``text`` answers the whole message; if not, the model has still something to answer."""
    receipt: Receipt | None = None
    """What was erased."""
    failed: bool = False
    """Nothing could be done; ``text`` says so."""
