"""Filling, bytes, import and export, turns, single writes and concurrent calls, beside LangGraph's PostgresStore in one run.

    python -m tests.benchmarks.bulk [--memories 20000] [--server DSN]

Equal texts and vectors, 100 memories a user, one batch for at most 1,000 of a user; embedding is a look-up. The two take turns user by
user and call by call, so whatever else the machine does meets them alike. PostgresStore's index is built at the end, which is the kinder
way to it. *CPU* is what this process and the server's connections spent.
"""

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.store.base import GetOp, PutOp
from psycopg import conninfo

from tests.benchmarks.contenders import BATCH, Ours, Upstream, create_index, opened
from tests.benchmarks.people import Lookup, People, people
from tests.benchmarks.recall_speed import Meter, Spent, embedded

TABLES = """
SELECT c.relname, pg_relation_size(c.oid) AS heap, pg_total_relation_size(c.oid) AS total
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('persistmem', 'public')
ORDER BY total DESC"""
INDEXES = """
SELECT c.relname, pg_relation_size(c.oid) AS size
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND n.nspname IN ('persistmem', 'public')
ORDER BY size DESC LIMIT 6"""
NEW, CONCURRENT, ROUNDS = 20, 2_000, 5
WARM = 10
"""Turns until statements are prepared, which PostgresStore's are at once, and have a plan for all users."""
TURNS, PART = 1_000, 50
Contenders = dict[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=20_000)
    parser.add_argument("--server", help="connection string of a server on which databases may be made")
    options = parser.parse_args()
    count: int = options.memories
    crowd = people(count, max(1, count // 100), 384)
    nobody = People(count, 0, 384, [], [], crowd.vectors)
    with ExitStack() as stack:
        server = options.server or embedded(stack)
        contenders = {
            name: stack.enter_context(opened(name, nobody, server, reuse=False))
            for name in ("PostgresStore", "persistmem")
        }
        for contender in contenders.values():
            contender.people = contender.lookup.people = crowd
        fill_in_turns(contenders, crowd, server)
        for name, contender in contenders.items():
            print_sizes(name, contender.dsn, count)
        write_in_turns(contenders, crowd, server)
        learn_turns(contenders["persistmem"], server)
        move(contenders["persistmem"], contenders["PostgresStore"], crowd, server)
        asyncio.run(call_concurrently(contenders, crowd))


def fill_in_turns(contenders: Contenders, crowd: People, server: str) -> None:
    """Write everything in batches, one after the other for each user."""
    spent: dict[str, list[Spent]] = defaultdict(list)
    upstream: Upstream = contenders["PostgresStore"]
    with psycopg.connect(upstream.dsn, autocommit=True) as admin:
        admin.execute(f"DROP INDEX IF EXISTS {upstream.index[0]}".encode())
    meters = {name: Meter(server, contender.dsn) for name, contender in contenders.items()}
    for user in range(crowd.users):
        numbers = crowd.numbers(user)
        for start in range(0, len(numbers), BATCH):
            for name, contender in contenders.items():
                chunk = numbers[start : start + BATCH]
                spent[name].append(meters[name].spent(lambda c=contender, n=chunk, u=user: c.put(u, n))[0])
    begin = time.perf_counter()
    with psycopg.connect(upstream.dsn, autocommit=True) as admin:
        admin.execute("SET maintenance_work_mem = '2GB'")
        create_index(admin, upstream.index)
    seconds = time.perf_counter() - begin
    spent["PostgresStore"].append(Spent(seconds, None))
    report("fill", {name: sum(entry.clock for entry in entries) for name, entries in spent.items()}, "s")
    cpu = {name: sum(entry.cpu or 0 for entry in entries) for name, entries in spent.items()}
    report("fill, CPU without PostgresStore's index", cpu, "s")
    print(f"  PostgresStore's index took {seconds:.1f} s of its time")


def print_sizes(name: str, dsn: str, count: int) -> None:
    """Bytes a memory, by table and index."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(TABLES).fetchall()
        indexes = connection.execute(INDEXES).fetchall()
    print(f"{name}: {sum(total for *_, total in tables) / count:.0f} bytes a memory")
    print("  tables:", ", ".join(f"{table} {total / count:.0f}" for table, _, total in tables[:4]))
    print("  indexes:", ", ".join(f"{index} {size / count:.0f}" for index, size in indexes))


def write_in_turns(contenders: Contenders, crowd: People, server: str) -> None:
    """Put one memory of a user who is new, one more, a hundred; delete one, and forget the user."""
    spent: dict[tuple[str, str], list[Spent]] = defaultdict(list)
    meters = {name: Meter(server, contender.dsn) for name, contender in contenders.items()}
    for turn in range(WARM + NEW):
        user = crowd.users + turn + 1
        numbers = [number % crowd.memories for number in range(turn * 102, turn * 102 + 102)]
        for name, contender in contenders.items():
            steps: dict[str, Callable[[], object]] = {
                "put 1": lambda c=contender, n=numbers, u=user: c.put(u, n[:1]),
                "put 1 more": lambda c=contender, n=numbers, u=user: c.put(u, n[1:2]),
                "put 100": lambda c=contender, n=numbers, u=user: c.put(u, n[2:]),
                "delete 1": lambda c=contender, n=numbers, u=user: c.delete(u, n[0]),
                "forget a user of 101": lambda c=contender, n=numbers, u=user: c.forget(u, n[1:]),
            }
            for what, step in steps.items():
                cost, _ = meters[name].spent(step)
                if turn >= WARM:
                    spent[what, name].append(cost)
    for what in ("put 1", "put 1 more", "put 100", "delete 1", "forget a user of 101"):
        found = {name: spent[what, name] for name in contenders}
        report(what, {name: 1e3 * median(entry.clock for entry in entries) for name, entries in found.items()}, "ms")
        cpu = {name: 1e3 * median(entry.cpu or 0 for entry in entries) for name, entries in found.items()}
        report(f"{what}, CPU", cpu, "ms")


def learn_turns(ours: Ours, server: str) -> None:
    """Learn 1,000 turns of a person without a chat model: by backfill, in parts as ``persistmem ingest`` does, and one exchange at a time."""
    turns = [
        (HumanMessage if number % 2 == 0 else AIMessage)(ours.people.text(number), id=f"t{number}")
        for number in range(TURNS)
    ]

    def observe(user: str, size: int) -> None:
        for start in range(0, TURNS, size):
            ours.memory.observe(turns[start : start + size], thread_id=f"t{start // PART}", user_id=user)

    meter = Meter(server, ours.dsn)
    history = _History(messages=turns)
    ways: dict[str, Callable[[], object]] = {
        "backfill": lambda: ours.memory.conversations.backfill(history, thread_id="t", user_id="backfill"),
        f"observe, {PART} messages at a time": lambda: observe("parts", PART),
        "observe, 2 messages at a time": lambda: observe("exchanges", 2),
    }
    for what, way in ways.items():
        spent, _ = meter.spent(way)
        print(f"{TURNS} turns by {what}: {spent.clock:.1f} s, CPU {spent.cpu or 0:.2f} s")


class _History(BaseChatMessageHistory):
    """Messages that are there already."""

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        self.messages = list(messages)

    def clear(self) -> None:
        self.messages = []


def move(ours: Ours, upstream: Upstream, crowd: People, server: str) -> None:
    """Import PostgresStore's items with their vectors; export all, and bring the file back; each into a new database."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "export.jsonl"
        begin = time.perf_counter()
        rows = sum(ours.memory.privacy.export(file, namespace=("memories",)).counts.values())
        print(f"export of {rows} rows: {time.perf_counter() - begin:.1f} s")
        for what in ("import of PostgresStore", "import of the file"):
            fresh = stack.enter_context(_empty(what.replace(" ", "_"), crowd, server))
            begin, own = time.perf_counter(), time.process_time()
            if what == "import of the file":
                fresh.memory.privacy.import_file(file)
            else:
                fresh.memory.admin.import_postgres_store(upstream.dsn, vectors="keep")
            print(
                f"{what}: {time.perf_counter() - begin:.1f} s, {time.process_time() - own:.1f} s of CPU in this process"
            )


def _empty(name: str, crowd: People, server: str) -> "closing[Ours]":
    """Ours in a database of that name with nothing in it."""
    database = conninfo.make_conninfo(server, dbname=f"bench_{name.lower()}")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS bench_{name.lower()} WITH (FORCE)".encode())
        admin.execute(f"CREATE DATABASE bench_{name.lower()}".encode())
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION vector")
    return closing(Ours(crowd, database))


async def call_concurrently(contenders: Contenders, crowd: People) -> None:
    """2,000 puts that begin at once, and as many gets: of 100 users, each by a call of its own."""
    from langgraph.store.postgres.aio import AsyncPostgresStore

    from langchain_persistmem import AsyncPersistMemStore

    index: Any = {"dims": crowd.dimensions, "embed": Lookup(crowd), "fields": ["text"]}
    async with AsyncExitStack() as stack:
        stores: dict[str, Any] = {
            "PostgresStore": await stack.enter_async_context(
                AsyncPostgresStore.from_conn_string(contenders["PostgresStore"].dsn, index=index)
            ),
            "persistmem": await stack.enter_async_context(
                AsyncPersistMemStore.from_conn_string(contenders["persistmem"].dsn, index=index)
            ),
        }
        puts = [PutOp(("many", f"u{n % 100}"), f"k{n}", {"text": crowd.text(n)}) for n in range(CONCURRENT)]
        gets = [GetOp(put.namespace, put.key) for put in puts]
        for what, ops in (("puts", puts), ("gets", gets)):
            seconds: dict[str, list[float]] = defaultdict(list)
            for _ in range(ROUNDS):
                for name, store in stores.items():
                    begin = time.perf_counter()
                    await asyncio.gather(*(_call(store, op) for op in ops))
                    seconds[name].append(time.perf_counter() - begin)
            report(f"{CONCURRENT} concurrent {what}", {name: median(found) for name, found in seconds.items()}, "s")


def _call(store: Any, op: PutOp | GetOp) -> Awaitable[object]:
    if isinstance(op, GetOp):
        return store.aget(op.namespace, op.key)
    return store.aput(op.namespace, op.key, op.value)


def report(what: str, found: dict[str, float], unit: str) -> None:
    """A line with both, and what ours takes of the other's."""
    ours, theirs = found["persistmem"], found["PostgresStore"]
    print(f"{what}: {ours:.2f} {unit}, PostgresStore {theirs:.2f}: {ours / theirs:.2f}", flush=True)


if __name__ == "__main__":
    main()
