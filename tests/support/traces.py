"""Where a text still is in a database: in every column of every table, as text and as bytes."""

import psycopg
from psycopg import sql

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1, 2
"""
_FILES = """
SELECT c.relname::text AS name, pg_relation_filepath(c.oid) AS path
FROM pg_class c
WHERE c.relkind IN ('r', 'i', 't', 'm') AND c.relpersistence = 'p' AND pg_relation_filepath(c.oid) LIKE 'base/%%'
ORDER BY 1
"""


def traces(dsn: str, marker: str) -> list[str]:
    """The columns that hold ``marker``, as ``table.column: rows``: in text, in JSON, and in the bytes of checkpoints."""
    found: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            columns = connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
                (schema, table),
            ).fetchall()
            for column, kind in columns:
                # bytes are searched for the text's bytes, and hexadecimal digits for the text's
                looked = (
                    "position(convert_to(lower(%(marker)s), 'UTF8') IN {column}) > 0"
                    if kind == "bytea"
                    else "lower({column}::text) LIKE '%%' || lower(%(marker)s) || '%%' OR {column}::text LIKE '%%' || %(hex)s || '%%'"
                )
                query = sql.SQL("SELECT count(*) FROM {table} WHERE " + looked).format(  # type: ignore[arg-type]
                    table=sql.Identifier(schema, table), column=sql.Identifier(column)
                )
                parameters = {"marker": marker, "hex": marker.encode().hex()}
                (count,) = connection.execute(query, parameters).fetchone() or (0,)
                if count:
                    found.append(f"{table}.{column}: {count}")
    return found


def traces_in_statistics(dsn: str, marker: str) -> list[str]:
    """The columns of which the planner's statistics, which ANALYZE makes, quote ``marker``."""
    query = """
        SELECT tablename || '.' || attname FROM pg_stats
        WHERE concat(most_common_vals::text, histogram_bounds::text, most_common_elems::text) ILIKE '%%' || %s || '%%'
        ORDER BY 1
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        return [name for (name,) in connection.execute(query, (marker,)).fetchall()]


def traces_in_files(dsn: str, marker: str) -> list[str]:
    """The tables and indexes whose files hold ``marker``, dead rows and free space included; needs a superuser."""
    found: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")  # what is in memory is in the files then
        for name, path in connection.execute(_FILES).fetchall():
            (content,) = connection.execute("SELECT pg_read_binary_file(%s, true)", (path,)).fetchone() or (b"",)
            if marker.encode().lower() in bytes(content or b"").lower():
                found.append(name)
    return found
