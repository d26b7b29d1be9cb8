"""Long-term memory for LangChain and LangGraph agents, in PostgreSQL with pgvector."""

from typing import TYPE_CHECKING, Any

from langchain_persistmem.actor import acting_as
from langchain_persistmem.checkpointer.async_saver import AsyncPersistMemSaver
from langchain_persistmem.checkpointer.sync_saver import PersistMemSaver
from langchain_persistmem.commands import CommandState, answer_commands
from langchain_persistmem.ensemble.labelled import format_labelled
from langchain_persistmem.ensemble.retriever import PersistMemEnsembleRetriever
from langchain_persistmem.errors import (
    ConcurrentUpdate,
    ConfigurationError,
    EmbeddingFailed,
    EmbeddingMismatch,
    Erased,
    ExtractionFailed,
    InvalidInput,
    MemoryDisabled,
    MemoryNotFound,
    MissingDependency,
    ModelError,
    NamespaceMissing,
    PersistMemError,
    RedactionFailed,
    SchemaOutOfDate,
    StorageError,
    StorageUnavailable,
    UseAsyncMethod,
)
from langchain_persistmem.history import PersistMemChatMessageHistory, abackfill, backfill
from langchain_persistmem.importing.importers import (
    aimport_mem0,
    aimport_postgres_store,
    import_mem0,
    import_postgres_store,
)
from langchain_persistmem.local_embeddings import LocalEmbeddings
from langchain_persistmem.memory_record import MemoryRecord
from langchain_persistmem.nodes import MemoryState, extract_memory, load_memory, prompt_with_memory
from langchain_persistmem.outcomes import (
    CommandReply,
    Erasure,
    Exported,
    GivenUp,
    Imported,
    Maintained,
    Observed,
    Receipt,
    Reembedded,
    Refusal,
    Restored,
    Worked,
)
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.presidio import PresidioDetector
from langchain_persistmem.profile import Profile
from langchain_persistmem.recollections import Context, Explanation, LeftOut, Period, Recollection, Understood, Why
from langchain_persistmem.redaction import Detector, Redaction, Span
from langchain_persistmem.retriever import PersistMemRetriever, PersistMemSessionRetriever
from langchain_persistmem.settings import Ranking, Retention, Settings
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.sync_store import PersistMemStore
from langchain_persistmem.tools.memory_tools import memory_tools
from langchain_persistmem.types import AuditCheck, AuditEntry, AuditFault, Change, Finding, Memory, Provenance, Turn

if TYPE_CHECKING:
    from langchain_persistmem.middleware import PersistMemMiddleware

__all__ = [
    "AsyncPersistMemSaver",
    "AsyncPersistMemStore",
    "AuditCheck",
    "AuditEntry",
    "AuditFault",
    "Change",
    "CommandReply",
    "CommandState",
    "ConcurrentUpdate",
    "ConfigurationError",
    "Context",
    "Detector",
    "EmbeddingFailed",
    "EmbeddingMismatch",
    "Erased",
    "Erasure",
    "Explanation",
    "Exported",
    "ExtractionFailed",
    "Finding",
    "GivenUp",
    "Imported",
    "InvalidInput",
    "LeftOut",
    "LocalEmbeddings",
    "Maintained",
    "Memory",
    "MemoryDisabled",
    "MemoryNotFound",
    "MemoryRecord",
    "MemoryState",
    "MissingDependency",
    "ModelError",
    "NamespaceMissing",
    "Observed",
    "Period",
    "PersistMem",
    "PersistMemChatMessageHistory",
    "PersistMemEnsembleRetriever",
    "PersistMemError",
    "PersistMemMiddleware",
    "PersistMemRetriever",
    "PersistMemSaver",
    "PersistMemSessionRetriever",
    "PersistMemStore",
    "PresidioDetector",
    "Profile",
    "Provenance",
    "Ranking",
    "Receipt",
    "Recollection",
    "Redaction",
    "RedactionFailed",
    "Reembedded",
    "Refusal",
    "Restored",
    "Retention",
    "SchemaOutOfDate",
    "Settings",
    "Span",
    "StorageError",
    "StorageUnavailable",
    "Turn",
    "Understood",
    "UseAsyncMethod",
    "Why",
    "Worked",
    "abackfill",
    "acting_as",
    "aimport_mem0",
    "aimport_postgres_store",
    "answer_commands",
    "backfill",
    "extract_memory",
    "format_labelled",
    "import_mem0",
    "import_postgres_store",
    "load_memory",
    "memory_tools",
    "prompt_with_memory",
]


def __getattr__(name: str) -> Any:
    """What needs the extra ``[agents]`` is imported when it is asked for."""
    if name == "PersistMemMiddleware":
        from langchain_persistmem.middleware import PersistMemMiddleware

        return PersistMemMiddleware
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
