"""PostgreSQL's errors as ours: typed, with the fix, and without the rows that they quote."""

import psycopg
import psycopg_pool
from psycopg import errors

from langchain_persistmem.errors import (
    ConcurrentUpdateError,
    ConfigurationError,
    ErasedError,
    PersistMemError,
    ReplicaError,
    SchemaOutOfDateError,
    StorageError,
    StorageUnavailableError,
)
from langchain_persistmem.postgres.connections.timeouts import DeadlineError, NoSessionError
from langchain_persistmem.postgres.retry import is_over

_PREPARED = (errors.DuplicatePreparedStatement, errors.InvalidSqlStatementName)
"""A pooler gave the next transaction another session than the one that had prepared the statement."""


def statement_failure(error: psycopg.Error) -> PersistMemError:
    """A failure of a statement, with what it says about its transaction."""
    failure = translate(error)
    if isinstance(failure, StorageError):
        failure.nothing_was_done = is_over(error)  # the transaction went with the connection
    return failure


def transaction_failure(error: psycopg.Error, *, is_begun: bool, signature: object) -> PersistMemError:
    """A failure of the pool, of BEGIN or of COMMIT; those of statements were translated where they ran."""
    failure = translate(error)
    if isinstance(failure, StorageError):
        failure.nothing_was_done = is_over(error) and (not is_begun or isinstance(failure, ConcurrentUpdateError))
    if isinstance(failure, StorageUnavailableError):
        failure.unanswered = signature or (is_begun and is_over(error))  # the COMMIT may have been done
    return failure


def translate(error: psycopg.Error) -> PersistMemError:
    """Our error for PostgreSQL's, chained to a copy of it that quotes no row."""
    diagnostic = error.diag
    code = error.sqlstate or "no SQLSTATE"
    location = ", ".join(
        f"{label} {name}"
        for label, name in (("table", diagnostic.table_name), ("constraint", diagnostic.constraint_name))
        if name
    )
    summary = f"{type(error).__name__} ({code}{', ' + location if location else ''})"
    clean = type(error)(summary)
    ours = _ours(error, summary)
    ours.__cause__ = clean
    return ours


def _is_farewell(error: psycopg.Error) -> bool:
    """Tell if a pooler ended the connection itself: with a code that PostgreSQL has for single statements only."""
    return isinstance(error, errors.ProtocolViolation) and error.diag.severity == "FATAL"


def _ours(error: psycopg.Error, summary: str) -> PersistMemError:
    if isinstance(error, (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn)):
        return SchemaOutOfDateError(f"a table of persistmem is missing: {summary}; call setup() once on this database")
    if isinstance(error, (errors.UndefinedObject, errors.UndefinedFunction)) or (
        isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None
    ):
        # UndefinedObject: an unknown text search configuration; without SQLSTATE: pgvector's type look-up
        return ConfigurationError(
            f"PostgreSQL lacks something that is needed: {summary}; call setup() once (it creates the extension "
            "vector), and check Settings.language against the text search configurations of the server"
        )
    if isinstance(error, _PREPARED):
        return ConfigurationError(
            f"a pooler does not keep prepared statements: {summary}; pass Settings(prepare_threshold=None), or "
            "prepare_threshold=None to from_conn_string() (PgBouncer from 1.21 on: set max_prepared_statements)"
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return ConfigurationError(
            f"the database role may not do this: {summary}; setup(), run by the owner of the tables, grants a role what it "
            "lacks (see docs/how-to/run-in-production.md); to set up, use a role that may create schemas and extensions"
        )
    if isinstance(error, (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation)):
        return ConcurrentUpdateError(f"somebody else changed the same memories: {summary}; try again")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return ReplicaError(
            "this server is a replica, or its transactions are read-only: nothing can be written here; give the primary's "
            "connection string, or name all servers: 'host=a,b target_session_attrs=read-write'"
        )
    if isinstance(error, errors.DivisionByZero):  # no other statement divides by what may be none
        return ErasedError()
    if isinstance(error, psycopg_pool.PoolClosed):
        return StorageUnavailableError(
            "the connections are closed, or not open yet: use what was opened within its `with` block, or open it again"
        )
    if isinstance(error, NoSessionError) or _is_farewell(error):
        return StorageUnavailableError(
            f"a pooler before PostgreSQL gave a connection no session in time: {summary}; in PgBouncer set pool_mode = "
            "transaction, or a default_pool_size of at least Settings.pool_max for each process; else check the server"
        )
    if isinstance(error, DeadlineError):
        return StorageUnavailableError(
            f"a statement was stopped: {error}; look in pg_stat_activity for what blocks it, or raise Settings.statement_seconds"
        )
    if isinstance(error, errors.ProtocolViolation):
        return StorageUnavailableError(
            f"PostgreSQL, or a pooler before it, did not understand: {summary}; try again, and behind a pooler that keeps no "
            "prepared statements pass Settings(prepare_threshold=None)"
        )
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) or (
        isinstance(error, psycopg.InternalError) and error.sqlstate is None
    ):
        return StorageUnavailableError(f"PostgreSQL is not available: {summary}; check the server, then try again")
    return StorageError(f"PostgreSQL refused: {summary}")
