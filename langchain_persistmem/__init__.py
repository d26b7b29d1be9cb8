"""Long-term memory for LangChain and LangGraph agents, in PostgreSQL with pgvector."""

from langchain_persistmem.checkpointer import AsyncPersistMemSaver, PersistMemSaver
from langchain_persistmem.commands import CommandState, answer_commands
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
from langchain_persistmem.local_embeddings import LocalEmbeddings
from langchain_persistmem.nodes import MemoryState, extract_memory, load_memory, prompt_with_memory
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.retriever import PersistMemRetriever
from langchain_persistmem.settings import Ranking, Retention, Settings
from langchain_persistmem.store import PersistMemStore
from langchain_persistmem.types import (
    CommandReply,
    Context,
    Maintained,
    Memory,
    Observed,
    Provenance,
    Receipt,
    Recollection,
    Turn,
    Why,
)

__all__ = [
    "AsyncPersistMemSaver",
    "CommandReply",
    "CommandState",
    "ConcurrentUpdate",
    "ConfigurationError",
    "Context",
    "EmbeddingFailed",
    "EmbeddingMismatch",
    "ExtractionFailed",
    "InvalidInput",
    "LocalEmbeddings",
    "Maintained",
    "Memory",
    "MemoryNotFound",
    "MemoryState",
    "MissingDependency",
    "ModelError",
    "NamespaceMissing",
    "Observed",
    "PersistMem",
    "PersistMemChatMessageHistory",
    "PersistMemError",
    "PersistMemRetriever",
    "PersistMemSaver",
    "PersistMemStore",
    "Provenance",
    "Ranking",
    "Receipt",
    "Recollection",
    "Retention",
    "SchemaOutOfDate",
    "Settings",
    "StorageError",
    "StorageUnavailable",
    "Turn",
    "UseAsyncMethod",
    "Why",
    "abackfill",
    "answer_commands",
    "backfill",
    "extract_memory",
    "load_memory",
    "prompt_with_memory",
]
