"""What a put and a read of the head cost beside upstream's saver, in one run on one server.

    uv run python -m tests.benchmarks.checkpoint_latency [connection string]

Without a connection string it starts the embedded server. The two savers take turns, call by call.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from langchain_persistmem import PersistMemSaver
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer

CALLS = 1000
KINDS = (PostgresSaver, PersistMemSaver)
VALUE = [f"message {number}" for number in range(200)]  # about 3 kB


def chain(saver: PostgresSaver, name: str) -> "Callable[[int], None]":
    """Appends a checkpoint with one blob, as a graph's run does."""
    config: dict[str, Any] = {"configurable": {"thread_id": name, "checkpoint_ns": ""}, "recursion_limit": 25}

    def put(number: int) -> None:
        checkpoint = empty_checkpoint()
        version = saver.get_next_version(None if number == 0 else str(number), None)
        checkpoint["channel_values"] = {"said": VALUE}
        checkpoint["channel_versions"] = {"said": version}
        config["configurable"] = saver.put(config, checkpoint, {"step": number}, {"said": version})["configurable"]

    return put


def measured(calls: "list[Callable[[int], object]]") -> list[list[float]]:
    """Seconds of each call, in turns."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(CALLS):
        for call, seconds in zip(calls, times, strict=True):
            start = time.perf_counter()
            call(number)
            seconds.append(time.perf_counter() - start)
    return times


def main(database: str) -> None:
    """Measure and print."""
    with ConnectionPool(database, min_size=2, kwargs={"autocommit": True, "row_factory": dict_row}, open=False) as pool:
        PersistMemSaver(pool).setup()
        savers = [kind(pool) for kind in KINDS]
        for what, calls in (
            ("put", [chain(saver, type(saver).__name__) for saver in savers]),
            ("get_tuple", [_reader(saver) for saver in savers]),
        ):
            theirs, ours = measured(calls)
            for name, seconds in (("upstream", theirs), ("ours", ours)):
                ordered = sorted(seconds)
                print(
                    f"{what:10}{name:10}p50 {ordered[CALLS // 2] * 1e3:.2f} ms  p95 {ordered[CALLS * 95 // 100] * 1e3:.2f} ms"
                )
            print(f"{what:10}ratio of medians {statistics.median(ours) / statistics.median(theirs):.2f}")


def _reader(saver: PostgresSaver) -> "Callable[[int], object]":
    config: Any = {"configurable": {"thread_id": type(saver).__name__, "checkpoint_ns": ""}}
    return lambda _: saver.get_tuple(config)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            server = EmbeddedServer.start(Path(folder) / "data")
            try:
                with psycopg.connect(server.conninfo, autocommit=True) as admin:
                    admin.execute("CREATE DATABASE latency")
                main(psycopg.conninfo.make_conninfo(server.conninfo, dbname="latency"))
            finally:
                server.stop()
