"""Long-term memory for LangChain and LangGraph agents, in PostgreSQL with pgvector."""

from typing import TYPE_CHECKING, Any

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
    ExtractionFailed,
    InvalidInput,
    MemoryNotFound,
    MissingDependency,
    ModelError,
    NamespaceMissing,
    PersistMemError,
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
from langchain_persistmem.nodes import MemoryState, extract_memory, load_memory, prompt_with_memory
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.profile import Profile
from langchain_persistmem.retriever import PersistMemRetriever, PersistMemSessionRetriever
from langchain_persistmem.settings import Ranking, Retention, Settings
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.sync_store import PersistMemStore
from langchain_persistmem.tools.memory_tools import memory_tools
from langchain_persistmem.types import (
    Change,
    CommandReply,
    Context,
    Explanation,
    GivenUp,
    Imported,
    LeftOut,
    Maintained,
    Memory,
    Observed,
    Period,
    Provenance,
    Receipt,
    Recollection,
    Refusal,
    Turn,
    Understood,
    Why,
    Worked,
)

if TYPE_CHECKING:
    from langchain_persistmem.middleware import PersistMemMiddleware

__all__ = [
    "AsyncPersistMemSaver",
    "AsyncPersistMemStore",
    "Change",
    "CommandReply",
    "CommandState",
    "ConcurrentUpdate",
    "ConfigurationError",
    "Context",
    "EmbeddingFailed",
    "EmbeddingMismatch",
    "Explanation",
    "ExtractionFailed",
    "GivenUp",
    "Imported",
    "InvalidInput",
    "LeftOut",
    "LocalEmbeddings",
    "Maintained",
    "Memory",
    "MemoryNotFound",
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
    "Profile",
    "Provenance",
    "Ranking",
    "Receipt",
    "Recollection",
    "Refusal",
    "Retention",
    "SchemaOutOfDate",
    "Settings",
    "StorageError",
    "StorageUnavailable",
    "Turn",
    "Understood",
    "UseAsyncMethod",
    "Why",
    "Worked",
    "abackfill",
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
