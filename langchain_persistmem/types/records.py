"""The records that pass between the rooms; all of them immutable.

What a recall finds is in ``recollections``, what the other verbs answer in ``outcomes``.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from langchain_persistmem.types.namespace import Namespace

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


def mark_of(id: UUID, text: str | None, valid_from: datetime, speaker: str | None) -> str:
    """See :attr:`Memory.mark`."""
    shown = "\x1f".join((text or "", valid_from.date().isoformat(), speaker or ""))
    return f"{id.hex}-{hashlib.sha256(shown.encode(errors='replace')).hexdigest()[:12]}"


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
        return mark_of(self.id, self.text, self.valid_from, self.speaker)


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
    """The result of ``privacy.verify_audit()``."""

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
