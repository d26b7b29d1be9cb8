"""Long-term memory for LangChain and LangGraph agents, in PostgreSQL with pgvector."""

from typing import TYPE_CHECKING, Any

from langchain_persistmem.checkpointer.async_saver import AsyncPersistMemSaver
from langchain_persistmem.checkpointer.sync_saver import PersistMemSaver
from langchain_persistmem.client.admin import Admin
from langchain_persistmem.client.conversations import Conversations
from langchain_persistmem.client.history import History
from langchain_persistmem.client.importers import aimport_postgres_store, import_postgres_store
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.client.privacy import Privacy
from langchain_persistmem.client.review import Review
from langchain_persistmem.errors import (
    ConcurrentUpdateError,
    ConfigurationError,
    EmbeddingError,
    EmbeddingMismatchError,
    ErasedError,
    ExtractionError,
    InvalidInputError,
    MemoryDisabledError,
    MemoryNotFoundError,
    MissingDependencyError,
    ModelError,
    NamespaceMissingError,
    OpenedElsewhereError,
    PersistMemError,
    RedactionError,
    ReplicaError,
    SchemaOutOfDateError,
    StorageError,
    StorageUnavailableError,
    UseAsyncMethodError,
)
from langchain_persistmem.integrations.chat_history import PersistMemChatMessageHistory
from langchain_persistmem.integrations.command_node import CommandState, answer_commands, arun_command, run_command
from langchain_persistmem.integrations.ensemble_retriever import PersistMemEnsembleRetriever
from langchain_persistmem.integrations.labeled_documents import format_labelled
from langchain_persistmem.integrations.nodes import MemoryState, extract_memory, load_memory, prompt_with_memory
from langchain_persistmem.integrations.retriever import PersistMemRetriever, PersistMemSessionRetriever
from langchain_persistmem.integrations.tools.memory_tools import memory_tools
from langchain_persistmem.recall.context_parts.context_budget import approximate_tokens
from langchain_persistmem.redaction import Detector, Redaction, Span
from langchain_persistmem.redaction.presidio import PresidioDetector
from langchain_persistmem.runtime.models.local_embeddings import LocalEmbeddings
from langchain_persistmem.settings import Ranking, Retention, Settings
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.sync_store import PersistMemStore
from langchain_persistmem.types.actor import acting_as
from langchain_persistmem.types.erasure_log_line import Erasure
from langchain_persistmem.types.progress import Progress
from langchain_persistmem.types.recall_results import (
    Context,
    Explanation,
    Interpretation,
    Omission,
    Period,
    Recollection,
    ScoreParts,
)
from langchain_persistmem.types.records import (
    AuditCheck,
    AuditEntry,
    AuditFault,
    Change,
    Finding,
    Memory,
    MemoryRecord,
    Provenance,
    Turn,
)
from langchain_persistmem.types.results import (
    Activity,
    CommandReply,
    Conversation,
    DeadLetter,
    ExportResult,
    ImportFileResult,
    ImportResult,
    MaintainResult,
    MemoryChange,
    ObserveResult,
    Person,
    ProcessResult,
    Receipt,
    ReembedResult,
    Refusal,
    StatusResult,
    TurnOutcome,
)
from langchain_persistmem.types.user_profile import Profile

if TYPE_CHECKING:
    from langchain_persistmem.integrations.middleware import PersistMemMiddleware

__all__ = [
    "Activity",
    "Admin",
    "AsyncPersistMemSaver",
    "AsyncPersistMemStore",
    "AuditCheck",
    "AuditEntry",
    "AuditFault",
    "Change",
    "CommandReply",
    "CommandState",
    "ConcurrentUpdateError",
    "ConfigurationError",
    "Context",
    "Conversation",
    "Conversations",
    "DeadLetter",
    "Detector",
    "EmbeddingError",
    "EmbeddingMismatchError",
    "ErasedError",
    "Erasure",
    "Explanation",
    "ExportResult",
    "ExtractionError",
    "Finding",
    "History",
    "ImportFileResult",
    "ImportResult",
    "Interpretation",
    "InvalidInputError",
    "LocalEmbeddings",
    "MaintainResult",
    "Memory",
    "MemoryChange",
    "MemoryDisabledError",
    "MemoryNotFoundError",
    "MemoryRecord",
    "MemoryState",
    "MissingDependencyError",
    "ModelError",
    "NamespaceMissingError",
    "ObserveResult",
    "Omission",
    "OpenedElsewhereError",
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
    "Person",
    "PresidioDetector",
    "Privacy",
    "ProcessResult",
    "Profile",
    "Progress",
    "Provenance",
    "Ranking",
    "Receipt",
    "Recollection",
    "Redaction",
    "RedactionError",
    "ReembedResult",
    "Refusal",
    "ReplicaError",
    "Retention",
    "Review",
    "SchemaOutOfDateError",
    "ScoreParts",
    "Settings",
    "Span",
    "StatusResult",
    "StorageError",
    "StorageUnavailableError",
    "Turn",
    "TurnOutcome",
    "UseAsyncMethodError",
    "acting_as",
    "aimport_postgres_store",
    "answer_commands",
    "approximate_tokens",
    "arun_command",
    "extract_memory",
    "format_labelled",
    "import_postgres_store",
    "load_memory",
    "memory_tools",
    "prompt_with_memory",
    "run_command",
]


def __getattr__(name: str) -> Any:
    """Import the middleware, which needs the extra ``[agents]``, on first use."""
    if name == "PersistMemMiddleware":
        from langchain_persistmem.integrations.middleware import PersistMemMiddleware

        return PersistMemMiddleware
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
