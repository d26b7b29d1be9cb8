"""LangGraph's PostgresStore, read: its items as they are to stand here.

Its tables are those of langgraph-checkpoint-postgres: ``store``, and ``store_vectors`` where it was made
with an index.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langgraph.store.base import PutOp, get_text_at_path
from psycopg.rows import DictRow

from langchain_persistmem.errors import ConfigurationError, EmbeddingError, EmbeddingMismatchError, InvalidInputError
from langchain_persistmem.postgres.queries import import_other_memories
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.import_other_memories import StoreTables
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.privacy.import_entries import Cursor, Entry, Page
from langchain_persistmem.store.ops import MAX_PARTS, Put, plan
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.representation import cut
from langchain_persistmem.types.results import Refusal
from langchain_persistmem.types.vectors import unit_vectors

_COLUMNS = {"prefix", "key", "value", "created_at", "updated_at"}
_NUMBERED = re.compile(r"^(.+)\.\d+$", re.DOTALL)
_TYPE = re.compile(r'^(?:.*\.)?"?(\w+)"?(?:\((\d+)\))?$')


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Options of an import from a PostgresStore."""

    schema: str
    takes_vectors: bool
    """Take the vectors as they are."""
    fields: Sequence[str] | None
    """Paths of what is embedded; None for what the source embedded."""
    otherwise: Sequence[str]
    """Paths where the source embedded nothing."""
    everything: bool
    """Index also what the source keeps out of its search."""
    max_chars: int


@dataclass(frozen=True, slots=True)
class PostgresStoreSource:
    """The tables of a PostgresStore."""

    options: Options
    tables: StoreTables
    dimensions: int | None
    name: str = "postgres-store"

    async def count(self, tx: Transaction) -> int:
        return await import_other_memories.count_source(tx, self.tables.schema, "store")

    async def page(self, tx: Transaction, after: Cursor | None, *, limit: int) -> Page:
        prefix, key = after or ("", "")
        rows = await import_other_memories.read_store(tx, self.tables, after=(prefix, key), limit=limit)
        last = (rows[-1]["prefix"], rows[-1]["key"]) if len(rows) == limit else None
        return Page([self.entry(row) for row in rows], last)

    def entry(self, row: DictRow) -> Entry | Refusal:
        """The item in ``row``, or why it cannot be one."""
        namespace = tuple(row["prefix"].split("."))
        try:
            put = self._put(namespace, row)
        except InvalidInputError as error:
            return Refusal(namespace=namespace, key=row["key"], reason=str(error))
        return Entry(
            namespace=namespace,
            key=row["key"],
            kind=put.kind,
            text=put.text,
            value=row["value"],
            texts=put.texts,
            vectors=self._vectors(row) if put.texts else (),
            importance=put.importance,
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            valid_from=row["updated_at"],  # as with put
            expires_at=row["expires_at"],
            minutes=row["minutes"] or None,  # the source rounds: 0.3 became 0
        )

    def _put(self, namespace: Namespace, row: DictRow) -> Put:
        """The write that putting the item here would be."""
        value = parse_json(row["value"])
        if value is None:
            raise InvalidInputError("value is null; put a dict there, or delete the item")
        op = PutOp(namespace, row["key"], value, self._index(value, row["fields"]))
        put = plan([op], fields=self.options.fields or self.options.otherwise, max_chars=self.options.max_chars).writes[
            namespace
        ][op.key]
        if put is None or len(row["vectors"] or ()) > MAX_PARTS:
            raise InvalidInputError(f"it has more than {MAX_PARTS} vectors; split the item")
        return put

    def _index(self, value: Any, fields: Sequence[str] | None) -> list[str] | Literal[False] | None:
        """The paths that the item is indexed by; None for the given ones, False for an item that is not indexed."""
        if not fields:
            return None if self.options.everything or not self.tables.vectors else False
        if self.options.fields is not None:
            return None
        rank = {path: position for position, path in enumerate(self.options.otherwise)}
        return sorted(
            paths_of(fields, value), key=lambda path: rank.get(path, len(rank))
        )  # the source lost their order

    def _vectors(self, row: DictRow) -> tuple[Vector, ...]:
        if not self.options.takes_vectors or not row["vectors"]:
            return ()
        return comparable([json.loads(vector) for vector in row["vectors"]], dimensions=self.dimensions)


async def open_postgres_store(
    tx: Transaction, model: EmbeddingModel | None, *, options: Options
) -> PostgresStoreSource:
    """The store whose tables are in a schema.

    Raises:
        ConfigurationError: there is none, or there are no vectors to keep.
        EmbeddingMismatchError: its vectors are to be kept, and have another dimension than those here.
    """
    schema = options.schema
    columns = await import_other_memories.source_columns(tx, schema, "store")
    if not columns.keys() >= _COLUMNS:
        raise ConfigurationError(
            f"there is no table of a PostgresStore at {cut(schema)}.store; check conninfo, and pass schema= if it is elsewhere"
        )
    embedding = (await import_other_memories.source_columns(tx, schema, "store_vectors")).get("embedding")
    vectors = embedding is not None and await import_other_memories.source_has_rows(tx, schema, "store_vectors")
    if options.takes_vectors:
        if embedding is None:
            raise ConfigurationError(
                f"there is no table {schema}.store_vectors to keep vectors of; pass vectors='embed'"
            )
        check_type(embedding, model)
    expiry = columns.keys() >= {"expires_at", "ttl_minutes"}
    return PostgresStoreSource(options, StoreTables(schema, vectors=vectors, expiry=expiry), model and model.dimensions)


def check_type(column: str, model: EmbeddingModel | None) -> None:
    """Refuse vectors that cannot be compared with those of ``model``.

    Args:
        column: the type of the column, as PostgreSQL writes it: ``vector(384)``.
        model: the one whose vectors are here.

    Raises:
        ConfigurationError: they are of a type that is not understood, or there is no model here.
        EmbeddingMismatchError: they have another dimension.
    """
    if model is None:
        raise ConfigurationError(
            "vectors can only be kept by a store with an index; give it one, or pass vectors='embed'"
        )
    match = _TYPE.match(column)
    name, dimensions = match.groups() if match else (column, None)
    if name not in ("vector", "halfvec"):
        raise ConfigurationError(f"the vectors are of type {column}, which cannot be kept; pass vectors='embed'")
    if dimensions is not None and int(dimensions) != model.dimensions:
        raise EmbeddingMismatchError(
            f"the vectors there have {dimensions} dimensions and those here {model.dimensions}, so another model made them; "
            "pass vectors='embed'"
        )


def comparable(vectors: Sequence[Sequence[float]], *, dimensions: int | None) -> tuple[Vector, ...]:
    """Vectors as they are kept here; none if one of them is zero or of another dimension, so that they are made anew."""
    try:
        return tuple(unit_vectors(vectors, expected=len(vectors), dimensions=dimensions))
    except (EmbeddingError, EmbeddingMismatchError):
        return ()


def paths_of(fields: Sequence[str], value: object) -> list[str]:
    """The paths that an item's vectors belong to: where a path has several texts, a vector's name ends in the number of
    its text.

    >>> paths_of(["tags[*].0", "tags[*].1", "title"], {"tags": ["a", "b"], "title": "c"})
    ['tags[*]', 'title']
    """
    paths: dict[str, None] = {}
    names = set(fields)
    for name in fields:
        path = _NUMBERED.match(name)
        several = path is not None and {f"{path[1]}.0", f"{path[1]}.1"} <= names
        if path is not None and several and len(get_text_at_path(value, path[1])) > 1:
            paths[path[1]] = None
        else:
            paths[name] = None
    return list(paths)


def parse_json(text: str) -> Any:
    """The JSON of a row.

    Raises:
        InvalidInputError: Python cannot read it.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    raise InvalidInputError(
        "value has a whole number of more than 4,300 digits, or is nested too deep; store it as a string"
    )
