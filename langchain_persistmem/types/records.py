"""The records that pass between the layers; all of them immutable.

The results of recall are in ``recall_results``, those of the other operations in ``results``.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from langchain_persistmem.types.namespace import Namespace

Kind = Literal["semantic", "episodic", "procedural", "profile"]
"""``semantic``: a fact. ``episodic``: an event with its time. ``procedural``: an instruction. ``profile``: the document."""

KINDS: tuple[Kind, ...] = ("semantic", "episodic", "procedural", "profile")

Source = Literal["user", "assistant", "tool", "document", "import", "operator", "store"]
"""The origin of a memory: the person, the model, a tool, a document, an import, the application, or a store.put."""

SOURCES: tuple[Source, ...] = ("user", "assistant", "tool", "document", "import", "operator", "store")

Status = Literal["active", "superseded", "archived", "quarantined", "withheld"]
"""``active`` is recalled; ``superseded`` was true once; ``archived`` is in a summary; ``quarantined`` waits for review.

A turn is ``withheld`` while a statement that rests on it waits for review, and for good once one was rejected."""

STATUSES: tuple[Status, ...] = ("active", "superseded", "archived", "quarantined", "withheld")

CATEGORIES: tuple[str, ...] = ("preference", "goal", "fact", "decision")
"""The categories that the package itself gives; an application may add its own."""

DatePrecision = Literal["told", "time", "day", "month", "season", "year", "about"]
"""The precision of ``valid_from``: ``told`` is the day of telling, where no date was named; ``about`` is roughly."""

Consent = Literal["allowed", "no_extract", "paused"]
"""The consent of a person: everything; storing, but no learning from conversations; or neither writing nor recalling."""

CONSENTS: tuple[Consent, ...] = ("allowed", "no_extract", "paused")

SkipReason = Literal["paused", "no_extract", "off_record"]
"""The reason why nothing is learnt from a conversation: the person's consent, or a thread off the record."""

UNSTORED_REASONS: tuple[SkipReason, ...] = ("paused", "off_record")
"""The reasons for which nothing is stored either."""

Relation = Literal["new", "same", "replaces"]
"""The relation of a statement to an existing one: something else, the same again, or its end."""

Vector = Sequence[float]
"""An embedding, of length 1 in the Euclidean norm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """The origin of a memory. Every memory has one."""

    source: Source
    thread_id: str | None = None
    message_ids: tuple[str, ...] = ()
    extractor: str | None = None
    """The extractor: ``turns`` and ``rules`` (no model), ``model``, ``summary``, ``habits``, or a name of the application's."""
    model: str | None = None
    prompt_version: str | None = None
    memory_ids: tuple[str, ...] = ()
    """The memories that a summary, or a preference drawn from habits, was made from."""


OFF_RECORD: Mapping[str, str] = {"persistmem": "off the record"}
"""In a message's ``response_metadata``: no provider is sent that field, and it goes wherever the message goes."""


def is_off_record_metadata(response_metadata: object) -> bool:
    """True if a message with this ``response_metadata`` is off the record."""
    if not isinstance(response_metadata, Mapping):
        return False
    metadata = cast("Mapping[str, object]", response_metadata)
    return all(metadata.get(name) == value for name, value in OFF_RECORD.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One message of a conversation, in the form that memory works on."""

    id: str
    role: Literal["user", "assistant", "system", "tool"]
    text: str
    sent_at: datetime
    speaker: str | None = None
    content: Mapping[str, Any]
    """The whole message as LangChain serialises it, so that nothing is lost."""
    position: int | None = None
    """Its position in the stored thread, counted from 1; None before it is stored."""
    utc_offset: int | None = None
    """Minutes from UTC of the sender's clock; None where nobody said. ``sent_at`` is at this offset."""
    has_id: bool = True
    """False where the id was made up: the stored thread tells whether the turn is new."""
    digest: bytes | None = None
    """4 bytes that name the rules of redaction, then 16 over role, speaker, text and content."""

    @property
    def is_off_record(self) -> bool:
        """True if the message carries the mark for off the record: it may be stored as a message, but is never learnt from."""
        data = self.content.get("data")
        metadata: object = (
            cast("Mapping[str, object]", data).get("response_metadata") if isinstance(data, Mapping) else None
        )
        return is_off_record_metadata(metadata)


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
    category: str | None = None
    """Preference, goal, fact, decision, or an application's own word."""
    told_at: datetime | None = None
    """The moment at which it was said; None means at ``valid_from``."""
    utc_offset: int | None = None
    """Minutes from UTC of the person who said it, at that time."""
    date_precision: DatePrecision | None = None
    quote: str | None = None
    """The person's own words on which it rests."""
    about: UUID | None = None
    """The existing memory to which the model relates it."""
    relation: Relation = "new"
    """Its relation to that memory, as the model says."""
    is_supported: bool = True
    """True if words of the person who said it have to do with it; else it confirms nothing."""
    doubt: str | None = None
    """The reason why somebody has to look at it before it is recalled, in words of this program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMemory:
    """An accepted candidate, ready to be inserted."""

    id: UUID
    key: str
    identity: bytes
    candidate: Candidate
    vectors: tuple[Vector, ...]
    position: int | None = None
    """Position of its turn in the thread; None for a statement that is no turn."""


def fingerprint_of(id: UUID, text: str | None, valid_from: datetime, speaker: str | None) -> str:
    """Hash the wording of a memory; see :attr:`Memory.fingerprint`."""
    wording = "\x1f".join((text or "", valid_from.date().isoformat(), speaker or ""))
    return f"{id.hex}-{hashlib.sha256(wording.encode(errors='replace')).hexdigest()[:12]}"


MODEL_EXTRACTOR = "model"
"""``Provenance.extractor`` of what a chat model has drawn out of turns."""
TURNS_EXTRACTOR = "turns"
"""``Provenance.extractor`` of turns, which no model has worked on."""
RULES_EXTRACTOR = "rules"
"""``Provenance.extractor`` of statements that rules found, without a model."""
SUMMARY_EXTRACTOR = "summary"
"""``Provenance.extractor`` of summaries."""
HABITS_EXTRACTOR = "habits"
"""``Provenance.extractor`` of preferences that were drawn from habits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """One remembered statement; the same row is a LangGraph store item."""

    namespace: Namespace
    id: UUID
    key: str
    kind: Kind
    status: Status
    text: str | None
    """The text that recall searches; None for a store item that was put with ``index=False``."""
    value: Mapping[str, Any]
    importance: float
    confidence: float
    confirmations: int
    """Number of times that the same statement was made again."""
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
    """The reason why a quarantined memory waits, in words of this program."""
    review_of: UUID | None = None
    """The memory that it would replace, if it were approved."""
    pinned: bool = False
    """True if it is to stay as it is: no rule archives it, and no model replaces it before somebody has agreed."""
    is_turn: bool = False
    """True for a turn of a conversation, which is a memory as it was said; False for a statement or a store item."""
    category: str | None = None
    """Preference, goal, fact, decision, or an application's own word; None where nobody said."""
    told_at: datetime | None = None
    """The moment at which it was said; None where that is not known apart from ``valid_from``."""
    utc_offset: int | None = None
    """Minutes from UTC of the person who said it, at that time."""
    date_precision: DatePrecision | None = None
    """The precision of ``valid_from``; None where nobody said."""

    @property
    def fingerprint(self) -> str:
        """A hash of the memory in its present wording; it changes with the text, the date and the speaker."""
        return fingerprint_of(self.id, self.text, self.valid_from, self.speaker)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change of a memory and its reason, in words of this program, without content. An added memory is its own record."""

    key: str
    memory_id: UUID
    change: Literal[
        "reinforced", "superseded", "quarantined", "approved", "rejected", "archived", "restored", "pinned", "unpinned"
    ]
    reason: str
    by_memory: UUID | None
    """The memory that caused it: a successor, or a summary."""
    changed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryRecord:
    """A memory with its origin and its changes; ``str()`` makes a readable text of it."""

    memory: Memory
    """The current version, or, where none is current, the latest."""
    messages: tuple[Turn, ...]
    """The stored messages behind its versions, oldest first."""
    quotes: tuple[tuple[str, ...], ...]
    """Of each of ``messages``, in their order: its words on which the memory rests, where they were noted."""
    missing_messages: tuple[str, ...]
    """The ids of messages behind it that are not stored, or not any more."""
    versions: tuple[Memory, ...]
    """Every version under its key, this one included, and what they replaced; the latest first."""
    changes: tuple[Change, ...]
    """Its changes and their reasons, newest first."""
    uses: int
    """Number of contexts that contained it, in whatever version."""
    used_at: datetime | None
    """The time of the last such context."""

    def __str__(self) -> str:
        memory, source = self.memory, self.memory.provenance
        about = [memory.kind, memory.status, *(["pinned"] if memory.pinned else [])]
        lines = [memory.text or memory.key, f"{', '.join(about)}; key {memory.key}"]
        lines.append(f"true since {_date(memory.valid_from)}, recorded {_date(memory.recorded_at)}")
        origin = f"from the {source.source}" + (f" ({memory.speaker})" if memory.speaker else "")
        lines.append(origin + (f", in thread {source.thread_id}" if source.thread_id else ""))
        makers = [part for part in (source.extractor, source.model, source.prompt_version) if part]
        lines += [f"made by {', '.join(makers)}"] if makers else []
        lines.append(f"confirmed {memory.confirmations} times, confidence {memory.confidence:.2f}")
        lines.append(f"in {self.uses} contexts" + (f", last {_date(self.used_at)}" if self.used_at else ""))
        lines += ["messages:"] if self.messages or self.missing_messages else []
        lines += [f"  {_date(turn.sent_at)} {turn.role}: {_line(turn.text)}" for turn in self.messages]
        lines += [f"  {id}: not stored" for id in self.missing_messages]
        other_versions = [version for version in self.versions if version.id != memory.id]
        lines += ["other versions:"] if other_versions else []
        lines += [
            f"  {_date(sibling.valid_from)} {sibling.status}: {_line(sibling.text or sibling.key)}"
            for sibling in other_versions
        ]
        lines += ["changes:"] if self.changes else []
        lines += [f"  {_date(change.changed_at)} {change.change}: {change.reason}" for change in self.changes]
        return "\n".join(lines)


Level = Literal["ok", "note", "warning", "error"]
"""The severity of a finding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A result of the diagnosis in one respect."""

    level: Level
    name: str
    """The respect, such as ``pgvector``; it stays the same from version to version."""
    what: str
    why: str
    """The consequence; empty if all is well."""
    fix: str | None
    """A command, an SQL statement, or a setting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """An entry of the audit log: actor, action, memories and time; no content."""

    number: int
    """Its position in the namespace's chain, counted from 1."""
    recorded_at: datetime
    """By the server's clock."""
    actor: str
    """See :func:`acting_as`."""
    action: str
    """The action, such as ``remembered`` or ``forgotten``."""
    memory_ids: tuple[UUID, ...]
    details: Mapping[str, Any]
    """Counts, and words of this program."""
    digest: str
    """SHA-256, in hexadecimal, over this entry and the digest before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFault:
    """A break in the chain of the audit log."""

    number: int
    """The entry."""
    what: str
    """A description of the break."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditCheck:
    """The result of ``privacy.verify_audit()``."""

    entries: int
    """Number of entries that were checked."""
    head: str | None
    """Number and digest of the last entry, to be stored elsewhere; None if there is no entry."""
    faults: tuple[AuditFault, ...]
    """The first 100; empty if the chain has no break."""

    @property
    def ok(self) -> bool:
        """True if the chain has no break."""
        return not self.faults


def _date(moment: datetime) -> str:
    return moment.date().isoformat()


def _line(text: str) -> str:
    return " ".join(text.split())
