"""Results of all operations other than recall; immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import Recollection
from langchain_persistmem.types.records import Consent, Kind, Memory, SkipReason

ChangeKind = Literal["added", "reinforced", "superseded", "quarantined", "dropped", "archived", "purged"]
"""``dropped``: a statement that was found in a conversation, and is not stored. ``purged``: it would be erased for good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryChange:
    """One change of memory with its text, so that an application can show "Memory updated: lives in Rome"."""

    change: ChangeKind
    text: str
    reason: str | None = None
    """The reason, in words of this program; None for what is simply new."""
    key: str | None = None
    """The memory's key; None for what was dropped."""
    memory_id: UUID | None = None
    message_ids: tuple[str, ...] = ()
    """The messages that it rests on."""
    namespace: Namespace | None = None
    thread_id: str | None = None

    def __str__(self) -> str:
        return f"{self.change}: {self.text}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnOutcome:
    """The outcome of learning from one stored message."""

    message_id: str
    outcome: str | None
    """``learnt``, ``nothing``, ``small_talk``, ``asks``, ``assistant_only``, ``off_record`` or ``withheld``; None while it is open."""
    memories: tuple[Memory, ...] = ()
    """The statements that rest on it, current or not."""
    dropped: tuple[MemoryChange, ...] = ()
    """The statements that were found in it and not stored, with the reasons."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """A stored conversation in figures, without content."""

    thread_id: str
    messages: int
    started_at: datetime
    """The time of its first message, or, where none is stored, of its registration."""
    last_message_at: datetime | None
    """None where no message is stored, such as in a conversation off the record."""
    open: int
    """Messages that are not learnt from yet."""
    dead_letters: int
    """Messages from which no attempt could learn."""
    off_record: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ObserveResult:
    """The result of observe()."""

    stored: int
    """Turns that were new."""
    added: int
    """Memories that are new."""
    reinforced: int
    """Existing memories that were confirmed."""
    skipped: int
    """Turns that held nothing worth remembering."""
    superseded: int = 0
    """Memories whose validity ended, because something newer contradicts them."""
    quarantined: int = 0
    """Statements that wait for review and are not recalled."""
    pending: int = 0
    """Stored turns of the thread that are not processed yet."""
    cleaned: int = 0
    """Messages that were stored without something that cannot be stored, such as NUL."""
    left_out: int = 0
    """Messages that cannot be stored in any form."""
    dropped: int = 0
    """Statements that were found and not stored; ``changes`` has the reasons."""
    changes: tuple[MemoryChange, ...] = field(default=(), repr=False, compare=False)
    """Everything that became of memory, each with its text and its reason."""
    skip_reason: SkipReason | None = None
    """The reason why nothing was learnt; with ``"paused"`` and ``"off_record"`` nothing was stored either."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessResult:
    """The result of one round of background work."""

    threads: int = 0
    """Threads that were processed."""
    added: int = 0
    reinforced: int = 0
    superseded: int = 0
    quarantined: int = 0
    postponed: int = 0
    """Threads that failed, or met the daily cap, and are tried again later."""
    dead_letters: int = 0
    """Turns for which every attempt failed; ``admin.dead_letters()`` lists them."""
    vectors_added: int = 0
    """Memories that were stored without a vector, because the embedding model did not answer, and have one now."""
    dropped: int = 0
    """Statements that were found and not stored; ``changes`` has the reasons."""
    changes: tuple[MemoryChange, ...] = field(default=(), repr=False, compare=False)
    """Everything that became of memory, each with its namespace, its thread, its text and its reason."""
    rewrites: int = 0
    """Namespaces of an older database that have the present form now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """Turns of a thread for which every attempt failed. They stay stored, and can be retried."""

    namespace: Namespace
    thread_id: str
    messages: int
    failure: str
    """Class and status of the last failure, without its text."""
    failed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MaintainResult:
    """Counts of the changes by ``admin.maintain()``, or, with ``dry_run``, of the changes that it would make."""

    dry_run: bool = False
    namespaces: int = 0
    """Namespaces that were read."""
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
    """Groups of memories that stayed as they were because a model failed, or its answer was rejected."""
    postponed: int = 0
    """Namespaces that have had their model calls of today."""
    changes: tuple[MemoryChange, ...] = field(default=(), repr=False, compare=False)
    """The first 1,000 changes of memories, each with its text and its reason; in a dry run, those that would be made without asking
    a model, what would be erased for good among them."""
    rewrites: int = 0
    """Namespaces of an older database that were brought to the present form; in a dry run, those that wait for it."""
    turns: int = 0
    """Turns that were erased, because they are switched off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusResult:
    """The state of memory in figures and without content: of one namespace, or of the whole database."""

    counts: Mapping[str, int]
    """Rows: current ``memories``, ``messages``, and the ``threads`` of one namespace or the ``namespaces`` of all."""
    work: Mapping[str, int]
    """Work that waits: ``pending`` threads to learn from, of these ``due`` now and ``failing`` (they failed before),
    messages that became ``dead_letters``, and memories that wait for ``review``."""
    versions: Mapping[str, str]
    """Of the server: ``PostgreSQL`` and ``pgvector``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A namespace of the template's shape, with what it holds in figures."""

    user_id: str | None
    """The value in the place of ``{user_id}``; None where the template has other names only."""
    namespace: Namespace
    consent: Consent
    memories: int
    """Current ones."""
    review: int
    """Memories that wait for review."""
    messages: int
    threads: int
    used_at: datetime | None
    """The last time that a memory was changed or entered a context, or a message was stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """The additions to memory within one period."""

    start: datetime
    """The beginning of the period, in UTC."""
    memories: Mapping[Kind, int]
    """Current memories that were recorded in it, by kind; a kind without any is left out."""
    messages: int
    """Messages that were stored in it."""
    characters: int
    """The length of their texts, together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A row of another memory that was not imported."""

    namespace: Namespace
    """Its namespace there; empty if it has none that can be named."""
    key: str
    reason: str
    """A sentence without content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """Row counts of an import; with ``dry_run=True``, of the import that would take place."""

    dry_run: bool
    total: int = 0
    """Rows in the source when the import began."""
    read: int = 0
    """Rows that were read; the counts below add up to it."""
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
class ExportResult:
    """The result of an export."""

    counts: Mapping[str, int]
    """Lines by kind: namespaces, threads, messages, memories in every version, and changes."""
    sha256: str
    """Of all lines but the last, which names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFileResult:
    """Row counts of an import of an export file; with ``dry_run=True``, of the import that would take place."""

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
class ReembedResult:
    """The result of reembed(): new vectors by the present embedding model."""

    namespaces: int
    """Namespaces that were read."""
    memories: int
    """Memories that have their vectors now."""
    pending: int
    """Namespaces that are tried again later, by a worker or by the next call."""
    dropped: int
    """Vectors of other models that were deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """Row counts of an erasure, without content; with ``erased=False``, of an erasure that would take place."""

    erased: bool
    counts: Mapping[str, int]
    """Rows by table."""
    remaining_traces: tuple[str, ...] = ()
    """Places outside this database where traces may remain, as sentences."""
    by_namespace: Mapping[Namespace, Mapping[str, int]] = field(default_factory=dict[Namespace, Mapping[str, int]])
    """The same rows by namespace and table, where everything was meant."""
    ids: tuple[UUID, ...] = ()
    """The entries in the log of erasures, one for each namespace."""
    verified: bool = False
    """True if every table was searched afterwards and nothing was left, the checkpoints included of threads that others have too;
    those that an earlier erase has left are no longer known to be this person's."""
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


Command = Literal["remember", "forget", "show", "private", "pause"]
"""The commands of a user: store this, forget that, show the memories, leave this out, remember nothing from now on."""

COMMANDS: tuple[Command, ...] = ("remember", "forget", "show", "private", "pause")


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandReply:
    """The result of a command that a user gave in a conversation."""

    command: Command
    text: str
    """The reply to the user, in the language of the command."""
    language: str
    """Its code, such as ``en``."""
    keys: tuple[str, ...] = ()
    """The memories that were stored or erased; with ``needs_confirmation``, those that would be erased."""
    candidates: tuple[Memory, ...] = ()
    """The memories that the text lists, in its order."""
    needs_confirmation: bool = False
    """Nothing was erased yet: the user's next message decides."""
    question: Mapping[str, Any] | None = None
    """With ``needs_confirmation``: plain JSON to be given back as ``question`` with the user's next message."""
    ends_turn: bool = True
    """True if ``text`` answers the whole message; if not, the model has still something to answer."""
    receipt: Receipt | None = None
    """The receipt of an erasure."""
    failed: bool = False
    """True if the command could not be carried out; ``text`` says so."""
