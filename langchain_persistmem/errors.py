"""Every error that this package raises.

    PersistMemError
    +-- ConfigurationError              the set-up is wrong; nothing was attempted
    |   +-- MissingDependencyError      an optional package is not installed
    |   +-- SchemaOutOfDateError        the database is older or newer than this code
    |   +-- EmbeddingMismatchError      the vectors in the database come from another model
    |   +-- OpenedElsewhereError        it was opened in another process, or on another event loop
    +-- NamespaceMissingError           the call names no user and no namespace
    +-- UseAsyncMethodError             a sync method on an object that was opened with aopen()
    +-- InvalidInputError               an argument cannot be stored or understood (a ValueError)
    +-- MemoryNotFoundError             no memory has that key (a LookupError)
    +-- RedactionError                  a detector of the application failed; nothing was stored
    +-- MemoryDisabledError             the person has not agreed to it; nothing was stored
    +-- StorageError                    PostgreSQL refused
    |   +-- StorageUnavailableError     PostgreSQL cannot be reached, or not in time
    |   |   +-- ReplicaError            the server only reads: it is a replica, or was the primary until now
    |   +-- ConcurrentUpdateError       somebody else changed the same rows; try again
    |   +-- ErasedError                 the person was erased since this began; nothing was written
    +-- ModelError                      an embedding or chat model failed
        +-- EmbeddingError              the model gave no usable vector
        +-- ExtractionError             the model gave no usable candidates

A class's docstring is its default message. A message ends with the fix. No message
carries the text of a memory: an error of PostgreSQL or of a model is reduced to its class and
code before it is chained. All of them survive pickling.
"""

import asyncio


class PersistMemError(Exception):
    """Memory failed; see the chained error for the reason."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class ConfigurationError(PersistMemError):
    """The set-up cannot work; correct the named setting."""


class MissingDependencyError(ConfigurationError):
    """An optional package is missing; install the extra that the message names."""


class SchemaOutOfDateError(ConfigurationError):
    """The database schema does not fit this version; call setup() once."""


class EmbeddingMismatchError(ConfigurationError):
    """The stored vectors come from another embedding model; use that model again."""


class OpenedElsewhereError(ConfigurationError):
    """This was opened in another process or on another event loop; open it in the one that uses it."""


class NamespaceMissingError(PersistMemError):
    """The call names no user and no namespace; pass user_id= or namespace=."""


class UseAsyncMethodError(PersistMemError, asyncio.InvalidStateError):
    """This object was opened with aopen(); await the method of the same name with an "a" before it."""


class InvalidInputError(PersistMemError, ValueError):
    """An argument cannot be stored as it is; correct the named field."""


class MemoryNotFoundError(PersistMemError, LookupError):
    """There is no such memory here; list() shows the keys that exist."""


class MemoryDisabledError(PersistMemError):
    """The person has paused memory and nothing was stored; set_consent("allowed") resumes."""


class RedactionError(PersistMemError):
    """A detector of Settings.redaction failed; nothing was stored, correct it and try again."""


class StorageError(PersistMemError):
    """PostgreSQL refused the statement; see the chained error's code."""

    nothing_was_done = False
    """True if the transaction is known to have left nothing behind, and trying again may succeed."""


class StorageUnavailableError(StorageError):
    """PostgreSQL cannot be reached; check the connection string and the server, then try again."""

    unanswered: object = False
    """True for a COMMIT without an answer, which may have been done; or the value by which the write can be looked up."""


class ReplicaError(StorageUnavailableError):
    """This server is a replica and only reads; give the primary's connection string, or name all servers with target_session_attrs."""


class ConcurrentUpdateError(StorageError):
    """Somebody else changed the same memories at the same moment; try again."""


class ErasedError(StorageError):
    """This memory was erased since the call or the run began, so nothing was written; start again if that is intended."""


class ModelError(PersistMemError):
    """A model failed; see the chained error for its class, and try again."""


class EmbeddingError(ModelError):
    """The embedding model gave no usable vector; nothing was stored, try again."""

    provider_failed = False
    """True if the model did not answer at all: it may do so later."""


class ExtractionError(ModelError):
    """The chat model gave no usable candidates; the turns stay stored and the next call tries again."""

    unusable_answer = False
    """True if the model answered, but cut short or in another shape: fewer turns at once may help."""
