"""Where a text still is in a database: in every column of every table, as text and as bytes."""

import psycopg
from psycopg import sql

_COLUMNS = """
SELECT n.nspname, c.relname, array_agg(a.attname ORDER BY a.attnum), array_agg(a.atttypid = 'bytea'::regtype ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY 1, 2 ORDER BY 1, 2
"""
# bytes are searched for the text's bytes, and hexadecimal digits for the text's
_IN_BYTES = "count(*) FILTER (WHERE position(convert_to(lower(%(marker)s), 'UTF8') IN {column}) > 0)"
_IN_TEXT = (
    "count(*) FILTER (WHERE lower({column}::text) LIKE '%%' || lower(%(marker)s) || '%%' "
    "OR {column}::text LIKE '%%' || %(hex)s || '%%')"
)
# With its length, which PostgreSQL 15 asks for where a file may have gone meanwhile.
_READ = "SELECT pg_read_binary_file(%(path)s, 0, (pg_stat_file(%(path)s, true)).size, true)"
_FILES = """
SELECT c.relname::text AS name, pg_relation_filepath(c.oid) AS path
FROM pg_class c
WHERE c.relkind IN ('r', 'i', 't', 'm') AND c.relpersistence = 'p' AND pg_relation_filepath(c.oid) LIKE 'base/%%'
ORDER BY 1
"""


def traces(dsn: str, marker: str) -> list[str]:
    """The columns that hold ``marker``, as ``table.column: rows``: in text, in JSON, and in the bytes of checkpoints."""
    found: list[str] = []
    parameters = {"marker": marker, "hex": marker.encode().hex()}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for schema, table, columns, bytes_columns in connection.execute(_COLUMNS).fetchall():
            counts = [
                sql.SQL(_IN_BYTES if is_bytes else _IN_TEXT).format(column=sql.Identifier(column))
                for column, is_bytes in zip(columns, bytes_columns, strict=True)
            ]
            query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(counts), sql.Identifier(schema, table))
            row = connection.execute(query, parameters).fetchone() or ()
            found += [f"{table}.{column}: {count}" for column, count in zip(columns, row, strict=True) if count]
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
            (content,) = connection.execute(_READ, {"path": path}).fetchone() or (b"",)
            if marker.encode().lower() in bytes(content or b"").lower():
                found.append(name)
    return found
