"""What memory costs a turn of a graph: statements, round trips to the database, milliseconds; beside langmem's tools.

    uv run --no-default-groups --group bench python -m tests.benchmarks.graph_cost [--server DSN]

Ours are the nodes ``load_memory`` and ``extract_memory`` without a chat model, so that the turns are kept as they are;
langmem's are its tools ``search_memory`` and ``manage_memory`` on LangGraph's PostgresStore, called in a graph as a model
calls them, without the model. Both embed with the local model. A round trip is one wait for the server.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.store.postgres import PostgresStore
from psycopg import conninfo

from langchain_persistmem import LocalEmbeddings, MemoryState, PersistMem, extract_memory, load_memory
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer

TURNS = 40
FACTS = 200
"""Memories of the user beforehand."""


class Count:
    """Statements and round trips of this process, by watching psycopg's connections."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.trips = 0

    def _watched(self, steps: Any) -> Any:
        """The same steps: where they end at once, as when a pool "commits" what it takes back, nothing was sent."""
        try:
            asked = next(steps)
            self.trips += 1
            while True:
                asked = steps.send((yield asked))
        except StopIteration as done:
            return done.value

    @contextmanager
    def watching(self) -> Iterator[None]:
        execute, wait, many = psycopg.Cursor.execute, psycopg.Connection.wait, psycopg.Cursor.executemany

        def counted_wait(connection: Any, steps: Any, *args: Any, **options: Any) -> Any:
            return wait(connection, self._watched(steps), *args, **options)

        def counted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
            self.statements.append(str(query)[:60])
            return execute(cursor, query, *args, **options)

        def counted_many(cursor: Any, query: Any, rows: Any, **options: Any) -> Any:
            self.statements.append(str(query)[:60])
            return many(cursor, query, rows, **options)

        psycopg.Cursor.execute, psycopg.Connection.wait, psycopg.Cursor.executemany = (
            counted,
            counted_wait,
            counted_many,
        )  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            psycopg.Cursor.execute, psycopg.Connection.wait, psycopg.Cursor.executemany = execute, wait, many  # type: ignore[method-assign]


def main(server: str) -> None:
    """Measure and print."""
    embeddings = LocalEmbeddings()
    with ExitStack() as stack:
        memory = stack.enter_context(PersistMem.open(_database(server), embeddings=embeddings))
        memory.setup()
        index: Any = {"dims": 384, "embed": embeddings, "fields": ["content"]}
        upstream = stack.enter_context(PostgresStore.from_conn_string(_database(server), index=index))
        upstream.setup()
        for number in range(FACTS):
            memory.remember(_fact(number), user_id="ada")
            upstream.put(("memories", "ada"), f"k{number}", {"content": _fact(number)})
        for name, run in (*_ours(memory), *_langmem(upstream)):
            _report(name, run)


def _ours(memory: PersistMem) -> list[tuple[str, Callable[[int], Any]]]:
    load, extract = _graph(MemoryState, load_memory(memory)), _graph(MemoryState, extract_memory(memory))

    def run(graph: Any, number: int) -> Any:
        messages = [HumanMessage(f"What did I plant in bed {number}?", id=f"h{number}")]
        if graph is extract:
            messages.append(AIMessage(f"You planted oak {number} there.", id=f"a{number}"))  # type: ignore[arg-type]
        return graph.invoke({"messages": messages}, {"configurable": {"user_id": "ada", "thread_id": f"t{number}"}})

    return [("load_memory", lambda number: run(load, number)), ("extract_memory", lambda number: run(extract, number))]


def _langmem(store: PostgresStore) -> list[tuple[str, Callable[[int], Any]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports names that LangGraph has moved
        import langmem
    namespace = ("memories", "{user_id}")
    search = langmem.create_search_memory_tool(namespace=namespace)
    manage = langmem.create_manage_memory_tool(namespace=namespace)
    graphs = {tool.name: _graph(MessagesState, ToolNode([tool]), store) for tool in (search, manage)}

    def run(tool: Any, **arguments: Any) -> Any:
        call = {"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}
        state = {"messages": [AIMessage("", tool_calls=[call])]}
        return graphs[tool.name].invoke(state, {"configurable": {"user_id": "ada"}})

    return [
        ("langmem search_memory", lambda number: run(search, query=f"What did I plant in bed {number}?")),
        ("langmem manage_memory", lambda number: run(manage, content=f"Oak {number} was planted.", action="create")),
    ]


def _graph(state: type, node: Any, store: Any = None) -> Any:
    builder = StateGraph(state)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile(store=store)


def _report(name: str, run: Callable[[int], Any]) -> None:
    for number in range(8):  # connections, look-ups that are made once, prepared statements
        run(number)
    count, times = Count(), list[float]()
    for number in range(8, 8 + TURNS):
        with count.watching():
            start = time.perf_counter()
            run(number)
            times.append(time.perf_counter() - start)
    ordered = sorted(times)
    print(
        f"{name:24}statements {len(count.statements) / TURNS:.1f}  round trips {count.trips / TURNS:.1f}  "
        f"p50 {ordered[TURNS // 2] * 1e3:.1f} ms  p95 {ordered[TURNS * 95 // 100] * 1e3:.1f} ms"
    )


def _fact(number: int) -> str:
    return f"I planted an oak in bed {number} in the year {1800 + number}."


def _database(server: str) -> str:
    name = f"graph_cost_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    return conninfo.make_conninfo(server, dbname=name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="connection string of a server on which databases may be made")
    given = parser.parse_args().server
    started = None if given else EmbeddedServer.start(Path(tempfile.mkdtemp(prefix="persistmem-bench-")) / "data")
    main(given or started.conninfo)  # type: ignore[union-attr]
    if started is not None:
        started.stop()
