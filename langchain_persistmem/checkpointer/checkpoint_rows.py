"""Conversion between LangGraph's checkpoints and rows of the database, for both savers."""

import json
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, Protocol, TypeVar, cast

import psycopg
from langchain_core.runnables import RunnableConfig as Config
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.base import DeltaChannelHistory as History
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage] - as upstream's savers do
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from langchain_persistmem.checkpointer import checkpoint_id_checks
from langchain_persistmem.checkpointer.checkpoint_id_checks import NamedId, Writes
from langchain_persistmem.checkpointer.concurrent_writes import continues_head
from langchain_persistmem.errors import (
    ConfigurationError,
    InvalidInputError,
    StorageUnavailableError,
)
from langchain_persistmem.postgres.queries import checkpoints
from langchain_persistmem.postgres.queries.checkpoint_retention import Retention
from langchain_persistmem.postgres.queries.checkpoints import Search
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.types import validation
from langchain_persistmem.types.representation import is_a, plain, represent

T = TypeVar("T")

Filter = dict[str, Any] | None
Serde = SerializerProtocol | None
MigrateSends = Callable[[list[tuple[bytes, bytes]], dict[str, Any], list[tuple[bytes, bytes, bytes]]], None]

BEGIN = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED")
"""As the locks want it, whatever the server's default is; with it and :data:`COMMIT` a pipeline is one transaction on Citus too."""
COMMIT = sql.SQL("COMMIT")
LOCK_PAUSE = 0.05  # seconds

_PARTS: Mapping[str, type[Any]] = {
    "id": str,
    "v": int,
    "ts": str,
    "channel_values": Mapping,
    "channel_versions": Mapping,
}
"""The parts of a checkpoint without which it could be stored and never read again."""
_METADATA = ("source", "step", "parents", "run_id")
"""LangGraph's own names in metadata, which an error may show."""
_MOST = 2**31 - 1
_LONGEST = 2**62
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # in JSON: an escape, and no backslash before it
_LAST_WITHOUT_SENDS = 3  # up to this version of checkpoints, pending sends are stored with the parent


class Begin(Protocol):
    """Begin a transaction, or single statements."""

    def __call__(self, *, atomic: bool = True) -> AbstractAsyncContextManager[Transaction]: ...


def search_one(config: Config) -> Search:
    """Build the search for the checkpoint that a config names, or the head."""
    ids = checkpoint_id_checks.ids_in(config)
    return Search(str(ids["thread_id"]), str(ids["checkpoint_ns"]), ids.get("checkpoint_id") or None, limit=1)


def search(config: Config | None, metadata: Filter, before: Config | None, limit: int | None) -> Search:
    """Build the search for the arguments of ``list``."""
    ids: Mapping[str, Any] = {}
    if config is not None:
        ids = checkpoint_id_checks.ids_in(checkpoint_id_checks.read_config(config, root=False))
    earlier: Mapping[str, Any] = {}
    if before is not None:
        before = checkpoint_id_checks.read_config(before, "before", thread=False)
        earlier = checkpoint_id_checks.ids_in(before)
    if metadata is not None:
        metadata = validation.json_object(metadata, "filter")
    return Search(
        str(ids["thread_id"]) if config is not None else None,
        ids.get("checkpoint_ns"),  # without one, those of all subgraphs
        ids.get("checkpoint_id") or None,
        metadata or None,
        earlier.get("checkpoint_id"),
        None if limit is None else validation.count(limit, "limit", at_most=_LONGEST),
    )


async def read(begin: Begin, select: str, search: Search, migrate_sends: MigrateSends) -> Sequence[DictRow]:
    """Read the rows from which upstream builds its tuples, newest first."""
    query, parameters = checkpoints.find_checkpoints(sql.SQL(cast("LiteralString", select)), search)
    async with begin(atomic=False) as tx:
        rows = await tx.fetch(query, parameters)
        old = [row for row in rows if row["checkpoint"]["v"] <= _LAST_WITHOUT_SENDS and row["parent_checkpoint_id"]]
        sends = await checkpoints.pending_sends(tx, old)
    by_parent: dict[tuple[str, str, str], list[DictRow]] = defaultdict(list)
    for row in old:
        by_parent[row["thread_id"], row["checkpoint_ns"], row["parent_checkpoint_id"]].append(row)
    for parent, parent_sends in sends.items():
        for row in by_parent[parent]:
            channels: list[tuple[bytes, bytes, bytes]] = row["channel_values"] or []
            row["channel_values"] = channels
            migrate_sends(parent_sends, row["checkpoint"], channels)
    return rows


def with_named_id(checkpoint: CheckpointTuple) -> CheckpointTuple:
    """Mark a checkpoint as named by the caller; a checkpoint picked from a list counts as named, too."""
    ids = checkpoint.config.get("configurable", {})
    configurable = {**ids, "checkpoint_id": NamedId(ids["checkpoint_id"])}
    return checkpoint._replace(config=cast("Config", {"configurable": configurable}))


def new_checkpoint(
    serde: SerializerProtocol,
    config: Config,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
) -> dict[str, object]:
    """Build the parameters of ``put_checkpoint``, without its mark: plain values stay in the checkpoint, others become blobs, as upstream does.

    Values that PostgreSQL's ``jsonb`` cannot hold, or would change, such as NaN, a text with NUL or with a lone surrogate, become blobs too.

    Raises:
        InvalidInputError: an id cannot be stored, a text is no Unicode, or a value cannot be serialised.
    """
    ids = checkpoint_id_checks.ids_in(config)
    parts = {name: plain(part) for name, part in validation.plain_dict(checkpoint, "checkpoint").items()}
    versions = validation.plain_dict(new_versions, "new_versions")
    for name, kind in _PARTS.items():
        if not is_a(parts.get(name), kind):
            raise InvalidInputError(f"checkpoint has no {name} that can be; pass a checkpoint as LangGraph makes it")
    if not _is_moment(parts["ts"]):
        raise InvalidInputError("checkpoint has a ts that is no date; pass a checkpoint as LangGraph makes it")
    checkpoint_id_checks.check_ids({**ids, "checkpoint_id": parts["id"]})
    inline = dict[str, Any]()
    blobs = dict[str, Any]()
    for channel, value in validation.plain_dict(parts["channel_values"], "checkpoint['channel_values']").items():
        checkpoint_id_checks.readable_id(channel, "the name of a channel")
        if _is_jsonb_safe(plain(value)):
            inline[channel] = plain(value)
        else:
            blobs[channel] = value
            # The marker by which upstream finds the nearest snapshot when it rebuilds a delta channel.
            if is_a(value, _DeltaSnapshot):
                inline[channel] = True
    # A channel without a new version has its blob in the table already, under the version of an earlier checkpoint.
    channels = [channel for channel in versions if channel in blobs]
    values = serialize(lambda: [serde.dumps_typed(blobs[channel]) for channel in channels], "checkpoint")
    return {
        "thread_id": ids["thread_id"],
        "checkpoint_ns": ids["checkpoint_ns"],
        "checkpoint_id": parts["id"],
        "parent_id": ids.get("checkpoint_id"),
        "continues_head": continues_head(config),
        "checkpoint": _jsonb({**parts, "channel_values": inline}, "checkpoint"),
        "metadata": _jsonb(_metadata(config, metadata), "metadata"),
        "channels": channels,
        "versions": [_version(versions[channel]) for channel in channels],
        "types": [type_ for type_, _ in values],
        "blobs": [blob for _, blob in values],
    }


def serialize(dump: Callable[[], T], where: str) -> T:
    """Return what LangGraph's serializer makes of values: it, and each value's own code, may raise anything.

    Raises:
        InvalidInputError: it failed; the message names ``where``.
    """
    return validation.call_foreign(dump, f"{where} has a value that cannot be serialized", "pass another")


def _is_moment(text: str) -> bool:
    """True for a date that PostgreSQL reads too: it reads those of all checkpoints where old ones are erased."""
    try:
        return "W" not in text and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _metadata(config: Config, metadata: object) -> dict[str, Any]:
    """The metadata of a checkpoint with what upstream adds to it of the config: texts and numbers, and nothing else."""
    entries = {name: _scalars(config.get(name) or {}) for name in ("metadata", "configurable")}
    own = validation.plain_dict(metadata, "metadata")
    own.pop("writes", None)  # of older versions; upstream does not store them either
    own = {name: plain(value) for name, value in own.items()}
    merged = get_serializable_checkpoint_metadata(cast("Config", entries), cast("CheckpointMetadata", _scalars(own)))
    return validation.plain_json({**own, **cast("dict[str, Any]", merged)}, "metadata", names=_METADATA)


def _scalars(entries: Mapping[str, object]) -> dict[str, object]:
    values = {name: plain(value) for name, value in entries.items()}
    return {name: value for name, value in values.items() if type(value) in (str, int, float, bool)}


def _version(version: object) -> str:
    """A channel's version as text."""
    version = plain(version)
    if type(version) is float:
        return str(version)
    return checkpoint_id_checks.storable_id(version, "new_versions")


def _is_jsonb_safe(value: object) -> bool:
    """Recognise a plain value that PostgreSQL's ``jsonb`` returns unchanged."""
    if type(value) is str:
        return "\x00" not in value and (value.isascii() or _is_unicode(value))
    if type(value) is float:  # a whole number with an exponent would be an int, and a zero has no sign there
        return math.isfinite(value) and "e+" not in repr(value) and repr(value) != "-0.0"
    return value is None or type(value) in (bool, int)


def _is_unicode(text: str) -> bool:
    """False for a text with a lone surrogate, which LangGraph's serializer replaces wherever else it stands."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _jsonb(value: object, where: str) -> Jsonb:
    """Convert a value to PostgreSQL's ``jsonb``.

    Raises:
        InvalidInputError: it has what JSON does not have, or a text with a lone surrogate or NUL.
    """
    content, problem = b"", ""
    validation.check_value_count(value, where)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        content = text.encode()
    except UnicodeEncodeError:
        problem = f"a text in the {where} has a lone surrogate; decode it properly"
    except Exception:  # noqa: BLE001 - a subclass of dict or str runs its own code
        problem = f"the {where} has a value that JSON does not have, such as NaN; pass text and finite numbers"
    if problem:
        raise InvalidInputError(problem)
    if b"\\u0000" in content and _NUL.search(content.decode()):
        raise InvalidInputError(f"a text in the {where} has a NUL character; remove it")
    return Jsonb(value, dumps=lambda _: content)


def new_writes(
    config: Config, rows: Sequence[tuple[str, str, str, str, str, int, str, str, bytes]], *, replace: bool
) -> dict[str, object]:
    """Build the parameters of ``put_checkpoint_writes`` from upstream's rows."""
    ids = config.get("configurable", {})
    return {
        "thread_id": ids["thread_id"],
        "checkpoint_ns": ids["checkpoint_ns"],
        "checkpoint_id": ids["checkpoint_id"],
        "task_id": rows[0][3],
        "task_path": rows[0][4],
        "indexes": [row[5] for row in rows],
        "channels": [row[6] for row in rows],
        "types": [row[7] for row in rows],
        "blobs": [row[8] for row in rows],
        "replace": replace,
    }


def are_replaceable(writes: Writes) -> bool:
    """Recognise writes, such as errors and interrupts, that later writes of their task replace, as upstream does."""
    return all(channel in WRITES_IDX_MAP for channel, _ in writes)


async def delta_histories(
    begin: Begin, serde: SerializerProtocol, config: Config, channels: Sequence[str]
) -> Mapping[str, History]:
    """Read the histories of delta channels, without upstream's assumption that parents have smaller ids."""
    channels = checkpoint_id_checks.storable_ids(channels, "channels")
    config = checkpoint_id_checks.read_config(config)
    if not channels:
        return {}
    search = search_one(config)
    thread_id, checkpoint_ns = cast("str", search.thread_id), cast("str", search.checkpoint_ns)
    async with begin(atomic=False) as tx:
        checkpoint_id = search.checkpoint_id or await checkpoints.head_of(tx, thread_id, checkpoint_ns)
        rows: Sequence[DictRow] = ()
        if checkpoint_id is not None:
            rows = await checkpoints.delta_history(tx, thread_id, checkpoint_ns, checkpoint_id, channels)
    return {channel: _history(serde, channel, rows) for channel in channels}


def _history(serde: SerializerProtocol, channel: str, rows: Sequence[DictRow]) -> History:
    writes = [row for row in rows if row["channel"] == channel and row["task_id"] is not None]
    writes.sort(key=lambda row: (-row["steps"], writes_sort_key(row["task_path"], row["task_id"], row["idx"])))
    history: History = {
        "writes": [(row["task_id"], channel, serde.loads_typed((row["type"], row["blob"]))) for row in writes]
    }
    for row in rows:
        if row["channel"] == channel and row["task_id"] is None:
            # a blob wins: for a snapshot the value in the checkpoint is a mere marker
            history["seed"] = row["inline"] if row["blob"] is None else serde.loads_typed((row["type"], row["blob"]))
    return history


def retention_rule(keep_latest: int | None, older_than: timedelta | None) -> Retention:
    """Check the arguments of ``retain``.

    Raises:
        InvalidInputError: neither was given, or one is out of range.
    """
    if keep_latest is None and older_than is None:
        raise InvalidInputError("neither keep_latest nor older_than was given; pass one of them, or both")
    if keep_latest is not None and not 1 <= keep_latest <= _MOST:
        raise InvalidInputError(
            f"keep_latest is {represent(keep_latest)}; give a number from 1, since a thread's head always stays"
        )
    if older_than is None:
        return Retention(latest=keep_latest)
    try:
        cutoff = datetime.now(UTC) - older_than
    except OverflowError:
        cutoff = None
    if cutoff is None or older_than < timedelta(0):
        raise InvalidInputError("older_than is out of range; give a positive timedelta of at most some centuries")
    return Retention(latest=keep_latest, cutoff=cutoff)


def check_autocommit(connection: psycopg.BaseConnection[Any]) -> None:
    """Require autocommit, which set-up needs for CREATE INDEX CONCURRENTLY.

    Raises:
        ConfigurationError: the connection has no autocommit.
    """
    if not connection.autocommit:
        raise ConfigurationError("the pool's connections need autocommit; make it with kwargs={'autocommit': True}")


def deadline_of(timeout: float) -> float:
    """Return the moment of the monotonic clock after ``timeout`` seconds."""
    return time.monotonic() + validation.seconds(timeout, "timeout")


def check_deadline(deadline: float) -> None:
    """End the wait for another set-up.

    Raises:
        StorageUnavailableError: it took too long.
    """
    if time.monotonic() >= deadline:
        raise StorageUnavailableError(
            "another process still sets up the checkpoints; try again, or pass a longer timeout="
        )
