"""A collection of mem0 in pgvector, read: its memories as they are to stand here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID

from psycopg.rows import DictRow

from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.learning.insert import identity
from langchain_persistmem.postgres.queries import import_other_memories
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.privacy.import_entries import Cursor, Entry, Page
from langchain_persistmem.privacy.import_postgres_store import check_type, comparable, parse_json
from langchain_persistmem.store.ops import MAX_TEXT_CHARS
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.namespace import Namespace, encode, fill, placeholders
from langchain_persistmem.types.records import Candidate, Kind, Provenance, Vector
from langchain_persistmem.types.representation import cut
from langchain_persistmem.types.results import Refusal

_BEFORE_ALL = UUID(int=0)
_LONGEST_NAME = 200
_LONGEST_TEXT = 2**30
"""PostgreSQL holds no more; what is indexed of it is cut, the value stays whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Options of an import from mem0."""

    schema: str
    table: str
    takes_vectors: bool
    """Take the vectors as they are."""
    template: Namespace
    """Filled with what the payload has: ``user_id``, ``agent_id``, ``run_id``."""
    max_chars: int


@dataclass(frozen=True, slots=True)
class Mem0Source:
    """The table of a collection."""

    options: Options
    dimensions: int | None
    name: str = "mem0"

    async def count(self, tx: Transaction) -> int:
        return await import_other_memories.count_source(tx, self.options.schema, self.options.table)

    async def page(self, tx: Transaction, after: Cursor | None, *, limit: int) -> Page:
        (last,) = after or (_BEFORE_ALL,)
        rows = await import_other_memories.read_mem0(
            tx, self.options.schema, self.options.table, after=last, limit=limit
        )
        return Page([self.entry(row) for row in rows], (rows[-1]["id"],) if len(rows) == limit else None)

    def entry(self, row: DictRow) -> Entry | Refusal:
        """The memory in ``row``, or why it cannot be one."""
        key = str(row["id"])
        try:
            return self._entry(key, _payload(row), row)
        except InvalidInputError as error:
            return Refusal(namespace=(), key=key, reason=str(error))

    def _entry(self, key: str, payload: Mapping[str, Any], row: DictRow) -> Entry:
        namespace = _namespace(self.options.template, payload)
        text = validation.check_text(payload.get("data"), "payload.data", at_most=_LONGEST_TEXT)[:MAX_TEXT_CHARS]
        kind: Kind = "episodic" if payload.get("memory_type") == "procedural_memory" else "semantic"
        # The fingerprint is that of a statement made here, so that a later one confirms it instead of standing beside it.
        created_at, updated_at = _moment(payload, "created_at"), _moment(payload, "updated_at")
        candidate = Candidate(
            text=text,
            kind=kind,
            provenance=Provenance(source="import"),
            valid_from=created_at or datetime.min.replace(tzinfo=UTC),
        )
        return Entry(
            namespace=namespace,
            key=key,
            kind=kind,
            text=text,
            value=row["value"],
            texts=(text[: self.options.max_chars],),
            vectors=self._vectors(row),
            speaker=_speaker(payload),
            identity=identity(candidate),
            created_at=created_at,
            updated_at=updated_at or created_at,
            valid_from=created_at,
            expires_at=_expiry(payload),
        )

    def _vectors(self, row: DictRow) -> tuple[Vector, ...]:
        if not self.options.takes_vectors or row["vector"] is None:
            return ()
        return comparable([parse_json(row["vector"])], dimensions=self.dimensions)


async def open_mem0(tx: Transaction, model: EmbeddingModel | None, *, options: Options) -> Mem0Source:
    """The collection in a table.

    Raises:
        ConfigurationError: there is none.
        EmbeddingMismatchError: its vectors are to be kept, and have another dimension than those here.
    """
    columns = await import_other_memories.source_columns(tx, options.schema, options.table)
    if columns.get("id") != "uuid" or columns.get("payload") != "jsonb" or "vector" not in columns:
        raise ConfigurationError(
            f"there is no collection of mem0 at {cut(f'{options.schema}.{options.table}')}, which has the columns id, vector and "
            "payload; check conninfo, and pass table= with the collection's name and schema= if it is elsewhere"
        )
    if options.takes_vectors:
        check_type(columns["vector"], model)
    return Mem0Source(options, model and model.dimensions)


def _payload(row: DictRow) -> Mapping[str, Any]:
    payload = parse_json(row["payload"]) if row["payload"] is not None else None
    if not isinstance(payload, dict):
        raise InvalidInputError("payload is no JSON object; delete the row there")
    return validation.json_object(cast("object", payload), "payload")


def _namespace(template: Namespace, payload: Mapping[str, Any]) -> Namespace:
    missing = [name for name in placeholders(template) if payload.get(name) is None]
    if missing:
        raise InvalidInputError(f"payload has no {missing[0]}, and whose memory it is is not guessed; add it there")
    namespace = fill(template, payload)
    encode(namespace)
    return namespace


def _moment(payload: Mapping[str, Any], name: str) -> datetime | None:
    """A time of the payload; one without a time zone is of UTC."""
    text = payload.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
        return moments.aware(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC), name)
    except ValueError:  # as InvalidInputError is
        return None


def _expiry(payload: Mapping[str, Any]) -> datetime | None:
    """The end of its last day: a memory of mem0 lives until then."""
    try:
        last = date.fromisoformat(str(payload.get("expiration_date")))
        return moments.aware(datetime.combine(last + timedelta(days=1), time(tzinfo=UTC)), "expiration_date")
    except (ValueError, OverflowError):
        return None


def _speaker(payload: Mapping[str, Any]) -> str | None:
    name = payload.get("actor_id")
    return name if isinstance(name, str) and name.strip() and len(name) <= _LONGEST_NAME else None
