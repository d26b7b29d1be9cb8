"""Seconds to fill a memory in batches, and bytes a memory by table and index, beside LangGraph's PostgresStore.

    python -m tests.benchmarks.bulk [--memories 20000] [--server DSN]

Equal texts and vectors, 100 memories a user, one batch for at most 1,000 of a user. The time has that of an index that is built at
the end, where a memory has one.
"""

import argparse
import time
from contextlib import ExitStack

import psycopg

from tests.benchmarks.contenders import opened
from tests.benchmarks.people import people
from tests.benchmarks.recall_speed import embedded

TABLES = """
SELECT c.relname, pg_relation_size(c.oid) AS heap, pg_total_relation_size(c.oid) AS total
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('persistmem', 'public')
ORDER BY total DESC"""
INDEXES = """
SELECT c.relname, pg_relation_size(c.oid) AS size
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND n.nspname IN ('persistmem', 'public')
ORDER BY size DESC LIMIT 5"""


def main() -> None:
    """Fill each, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=20_000)
    parser.add_argument("--server", help="connection string of a server on which databases may be made")
    options = parser.parse_args()
    count: int = options.memories
    crowd = people(count, max(1, count // 100), 384)
    with ExitStack() as stack:
        server = options.server or embedded(stack)
        for name in ("persistmem", "PostgresStore"):
            start, own = time.perf_counter(), time.process_time()
            contender = stack.enter_context(opened(name, crowd, server, reuse=False))
            seconds, own = time.perf_counter() - start, time.process_time() - own
            with psycopg.connect(contender.dsn) as connection:
                tables = connection.execute(TABLES).fetchall()
                indexes = connection.execute(INDEXES).fetchall()
            print(f"{name}: {seconds:.1f} s, {own:.1f} s of CPU in this process")
            print(f"  bytes a memory: {sum(total for *_, total in tables) / count:.0f}")
            print("  tables:", ", ".join(f"{table} {total / count:.0f}" for table, _, total in tables[:4]))
            print("  indexes:", ", ".join(f"{index} {size / count:.0f}" for index, size in indexes))


if __name__ == "__main__":
    main()
