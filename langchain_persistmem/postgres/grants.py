"""The rights that the application's role and a reader need: one table, for the page on production, setup() and the doctor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, cast

from psycopg import sql

from langchain_persistmem.postgres.queries.missing_grants import missing_grants
from langchain_persistmem.postgres.transaction import Transaction

Rights = tuple[str, ...]

_EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
_READ = ("SELECT",)
_USE = ("USAGE",)


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights on one schema, table or sequence."""

    kind: Literal["schema", "ours", "table", "sequence"]
    """``ours``: a table in ``Settings.schema``; ``table`` and ``sequence`` are LangGraph's, found by search_path."""
    name: str
    application: Rights
    reader: Rights = _READ


GRANTS = (
    Grant("schema", "persistmem", _USE, _USE),
    Grant("ours", "audit", ("SELECT", "INSERT")),  # nobody changes what was recorded
    Grant("ours", "changes", _EVERYTHING),
    Grant("ours", "embedding_models", _READ),
    Grant("ours", "erasures", ("SELECT", "INSERT", "UPDATE")),  # an erasure stays known, whoever restores a backup
    Grant("ours", "hnsw_indexes", ("SELECT", "UPDATE")),
    Grant("ours", "memories", _EVERYTHING),
    Grant("ours", "memory_turns", _EVERYTHING),
    Grant("ours", "messages", _EVERYTHING),
    Grant("ours", "migrations", _READ),
    Grant("ours", "missing_vectors", _EVERYTHING),
    Grant("ours", "model_calls", _EVERYTHING),
    Grant("ours", "namespaces", _EVERYTHING),
    Grant("ours", "omissions", _EVERYTHING),
    Grant("ours", "pending_work", _EVERYTHING),
    Grant("ours", "rewrites", _EVERYTHING),
    Grant("ours", "terms", _EVERYTHING),
    Grant("ours", "threads", _EVERYTHING),
    Grant("ours", "uses", _EVERYTHING),
    Grant("ours", "vectors", _EVERYTHING),
    Grant("ours", "work_queue", _EVERYTHING),
    Grant("table", "checkpoints", _EVERYTHING),
    Grant("table", "checkpoint_blobs", _EVERYTHING),
    Grant("table", "checkpoint_writes", _EVERYTHING),
    Grant("table", "checkpoint_migrations", _READ),
    Grant("sequence", "checkpoints_persistmem_order_seq", _USE, ()),
)
_FOUND_SCHEMAS = (Grant("schema", "vector", _USE, _USE), Grant("schema", "checkpoints", _USE, _USE))
"""The schemas of pgvector and of LangGraph's tables, whose names the database knows; usually public, which everybody may use."""


async def repair_grants(tx: Transaction) -> list[str]:
    """Give each role what it lacks, as far as the role that asks owns it; nothing is revoked. Returns the objects."""
    granted = [missing for missing in await missing_grants(tx, wanted_rights(), own=False) if missing.may_grant]
    for missing in granted:
        await tx.execute(sql.Composed([sql.SQL(cast("str", missing.command))]), {})  # type: ignore[arg-type]
    return [missing.object for missing in granted]


def grant_script(application: str, reader: str, *, schema: str = "persistmem") -> str:
    """The table as SQL, for the page on production."""
    lines: list[str] = []
    for role, attribute in ((application, "application"), (reader, "reader")):
        for (kind, rights), grants in groupby(
            sorted(GRANTS, key=lambda grant: (_order(grant.kind), len(getattr(grant, attribute)))),
            key=lambda grant: (_order(grant.kind), getattr(grant, attribute)),
        ):
            if rights:
                names = [grant.name for grant in grants]
                lines.append(f"GRANT {', '.join(rights)} ON {_objects(kind, names, schema)} TO {role};")
    return "\n".join(lines)


def wanted_rights() -> Iterator[dict[str, str]]:
    """The rights of the table, one by one."""
    for grant in (*_FOUND_SCHEMAS, *GRANTS):
        for role, rights in (("application", grant.application), ("reader", grant.reader)):
            for right in rights:
                yield {"kind": grant.kind, "name": grant.name, "role": role, "privilege": right}


def _order(kind: str) -> int:
    return ("schema", "ours", "table", "sequence").index(kind)


def _objects(kind: int, names: Sequence[str], schema: str) -> str:
    if kind == _order("schema"):
        return f"SCHEMA {schema}"
    if kind == _order("sequence"):
        return f"SEQUENCE {', '.join(names)}"
    return ", ".join(f"{schema}.{name}" if kind == _order("ours") else name for name in names)
