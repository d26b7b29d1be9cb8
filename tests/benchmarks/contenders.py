"""Memories that are compared, each behind the same five methods, each in a database of its own on one server.

The other libraries come with the dependency group ``bench``; one that is not installed is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol
from uuid import NAMESPACE_OID, UUID, uuid5

import psycopg
from langgraph.store.base import PutOp
from pgvector.psycopg import register_vector
from psycopg import conninfo, sql
from psycopg.types.json import Json, Jsonb

from tests.benchmarks.people import Lookup, People

BATCH = 1_000
STEP = 10
"""Users who are filled in before that is written down."""


class Contender(Protocol):
    """One memory."""

    def put(self, user: int, numbers: Sequence[int]) -> None:
        """Write these memories of a user in one call; what is there already is replaced."""
        ...

    def search(self, user: int, question: str) -> list[int]:
        """The numbers of the ten nearest."""
        ...

    def forget(self, user: int, numbers: Sequence[int]) -> None:
        """Delete all memories of a user."""
        ...


class Ours:
    """``PersistMem.store``; besides the store's hybrid search, and ``recall``, which ranks."""

    index = None

    def __init__(self, people: People, dsn: str) -> None:
        from langchain_persistmem import PersistMem, PersistMemStore, Settings

        self.people, self.dsn = people, dsn
        self.lookup = Lookup(people)
        self.memory = PersistMem.open(dsn, embeddings=self.lookup, settings=Settings(pool_max=20))
        self.memory.setup()
        self._hybrid = PersistMemStore(self.memory.store.backend, index={"fields": ["text"], "hybrid": True})
        self.besides = {"hybrid": self.hybrid, "recall": self.recall}

    def put(self, user: int, numbers: Sequence[int]) -> None:
        self.memory.store.batch(
            [PutOp(("memories", f"u{user}"), f"k{each}", {"text": self.people.text(each)}) for each in numbers]
        )

    def search(self, user: int, question: str) -> list[int]:
        return [
            int(item.key[1:]) for item in self.memory.store.search(("memories", f"u{user}"), query=question, limit=10)
        ]

    def hybrid(self, user: int, question: str) -> list[int]:
        return [int(item.key[1:]) for item in self._hybrid.search(("memories", f"u{user}"), query=question, limit=10)]

    def recall(self, user: int, question: str) -> list[int]:
        found = self.memory.recall(question, limit=10, threshold=0, user_id=f"u{user}")
        return [int(each.memory.key[1:]) for each in found]

    def delete(self, user: int, number: int) -> None:
        self.memory.store.delete(("memories", f"u{user}"), f"k{number}")

    def forget(self, user: int, numbers: Sequence[int]) -> None:
        self.memory.forget(everything=True, user_id=f"u{user}")

    def close(self) -> None:
        self.memory.close()


class Upstream:
    """LangGraph's ``PostgresStore`` as its documentation sets it up."""

    index = ("store_vectors_embedding_idx", "store_vectors", "hnsw (embedding vector_cosine_ops)")

    def __init__(self, people: People, dsn: str) -> None:
        from langgraph.store.postgres import PostgresStore
        from psycopg.rows import dict_row
        from psycopg_pool import ConnectionPool

        self.people, self.dsn = people, dsn
        options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        self.pool = ConnectionPool(dsn, min_size=1, max_size=20, kwargs=options, open=True)
        self.lookup = Lookup(people)
        index: Any = {"dims": people.dimensions, "embed": self.lookup, "fields": ["text"]}
        self.store = PostgresStore(self.pool, index=index)  # type: ignore[arg-type]
        self.store.setup()

    def put(self, user: int, numbers: Sequence[int]) -> None:
        self.store.batch(
            [PutOp(("memories", f"u{user}"), f"k{each}", {"text": self.people.text(each)}) for each in numbers]
        )

    def search(self, user: int, question: str) -> list[int]:
        return [int(item.key[1:]) for item in self.store.search(("memories", f"u{user}"), query=question, limit=10)]

    def delete(self, user: int, number: int) -> None:
        self.store.delete(("memories", f"u{user}"), f"k{number}")

    def forget(self, user: int, numbers: Sequence[int]) -> None:
        self.store.batch([PutOp(("memories", f"u{user}"), f"k{each}", None) for each in numbers])

    def close(self) -> None:
        self.pool.close()


class Documents:
    """langchain-postgres' ``PGVectorStore`` with the user in a column of its own, and HNSW."""

    index = ("memories_hnsw", "memories", "hnsw (embedding vector_cosine_ops)")
    copied = "COPY memories (langchain_id, content, embedding, owner, langchain_metadata) FROM STDIN (FORMAT BINARY)"
    types = ("uuid", "text", "vector", "text", "json")

    def __init__(self, people: People, dsn: str) -> None:
        from langchain_postgres import Column, PGEngine, PGVectorStore

        self.people, self.dsn = people, dsn
        known = {
            key: value
            for key, value in conninfo.conninfo_to_dict(dsn).items()
            if key in ("user", "port", "dbname", "host")
        }
        url = f"postgresql+psycopg://{known['user']}@/{known['dbname']}?host={known['host']}&port={known['port']}"
        self.engine = PGEngine.from_connection_string(url)
        with psycopg.connect(dsn) as connection:
            there = connection.execute("SELECT to_regclass('memories')").fetchone() != (None,)
        if not there:
            column = Column("owner", "TEXT", nullable=False)
            self.engine.init_vectorstore_table("memories", people.dimensions, metadata_columns=[column])
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("CREATE INDEX ON memories (owner)")
                create_index(connection, self.index)
        self.store = PGVectorStore.create_sync(self.engine, Lookup(people), "memories", metadata_columns=["owner"])

    def put(self, user: int, numbers: Sequence[int]) -> None:
        texts = [self.people.text(each) for each in numbers]
        self.store.add_texts(texts, [{"owner": f"u{user}"}] * len(texts), ids=_ids(user, numbers))

    def rows(self, user: int, numbers: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for id, number in zip(_ids(user, numbers), numbers, strict=True):
            text = self.people.text(number)
            yield UUID(id), text, self.people.vector(text), f"u{user}", Json({})

    def search(self, user: int, question: str) -> list[int]:
        found = self.store.similarity_search(question, k=10, filter={"owner": f"u{user}"})
        return [int(each.page_content.split(" ", 1)[0][1:]) for each in found]

    def forget(self, user: int, numbers: Sequence[int]) -> None:
        self.store.delete(_ids(user, numbers))

    def close(self) -> None:
        self.engine.close()  # a coroutine in some versions; the process ends anyway


class Mem0:
    """The pgvector store of mem0, which its ``Memory`` searches; without the chat model's part. It cannot replace."""

    replaces = False
    index = ("bench_hnsw_idx", "bench", "hnsw (vector vector_cosine_ops)")
    copied = "COPY bench (id, vector, payload) FROM STDIN (FORMAT BINARY)"
    types = ("uuid", "vector", "jsonb")

    def __init__(self, people: People, dsn: str) -> None:
        store = import_module("mem0.vector_stores.pgvector").PGVector
        self.people, self.dsn = people, dsn
        self.store = store(
            dbname="", collection_name="bench", embedding_model_dims=people.dimensions, user="", password="", host="", port=0,
            diskann=False, hnsw=True, minconn=1, maxconn=20, connection_string=dsn,
        )  # fmt: skip
        self.store.create_col()  # as its first call does, if there is none

    def put(self, user: int, numbers: Sequence[int]) -> None:
        texts = [self.people.text(each) for each in numbers]
        self.store.insert(
            [self.people.vector(text).tolist() for text in texts],
            [{"user_id": f"u{user}", "data": text, "number": each} for text, each in zip(texts, numbers, strict=True)],
            _ids(user, numbers),
        )

    def rows(self, user: int, numbers: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for id, number in zip(_ids(user, numbers), numbers, strict=True):
            text = self.people.text(number)
            yield UUID(id), self.people.vector(text), Jsonb({"user_id": f"u{user}", "data": text, "number": number})

    def search(self, user: int, question: str) -> list[int]:
        vector = self.people.vector(question).tolist()
        found = self.store.search(question, vector, top_k=10, filters={"user_id": f"u{user}"})
        return [int(each.payload["number"]) for each in found]

    def forget(self, user: int, numbers: Sequence[int]) -> None:
        for each in _ids(user, numbers):
            self.store.delete(each)

    def close(self) -> None:
        """Its pool ends with the process."""


KINDS: dict[str, Callable[[People, str], Any]] = {
    "persistmem": Ours,
    "PostgresStore": Upstream,
    "PGVectorStore": Documents,
    "mem0": Mem0,
}


def _ids(user: int, numbers: Sequence[int]) -> list[str]:
    return [str(uuid5(NAMESPACE_OID, f"{user} {each}")) for each in numbers]


def create_index(connection: psycopg.Connection[Any], index: tuple[str, str, str]) -> None:
    """An approximate index as its library makes it."""
    name, table, how = index
    connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {table} USING {how}".encode())


@contextmanager
def opened(name: str, people: People, server: str, *, reuse: bool) -> Iterator[Any]:
    """The contender with every memory of ``people`` written, in the database that bears its name and sizes."""
    database = f"bench_{name.lower()}_{people.memories}_{people.users}_{people.dimensions}"
    dsn = conninfo.make_conninfo(server, dbname=database)
    with psycopg.connect(server, autocommit=True) as admin:
        if not reuse:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
        found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        if not found:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION IF NOT EXISTS vector")
    contender = KINDS[name](people, dsn)
    try:
        fill(contender, people, dsn)
        yield contender
    finally:
        contender.close()


def fill(contender: Any, people: People, dsn: str) -> None:
    """Write everything; an approximate index is built afterwards, which is the kinder way to it.

    What a library writes row by row is copied into its table, as it would stand there. Filling that was interrupted goes on with the user
    it had come to, whose puts are made again.
    """
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA IF NOT EXISTS bench")
        admin.execute("CREATE TABLE IF NOT EXISTS bench.filled (users integer NOT NULL, is_whole boolean NOT NULL)")
        users, is_whole = admin.execute("SELECT users, is_whole FROM bench.filled").fetchone() or (None, False)
        if is_whole:
            return
        if users is None:
            admin.execute("INSERT INTO bench.filled VALUES (0, false)")
        if contender.index:
            admin.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(contender.index[0])))
        copied = hasattr(contender, "copied")
        if copied:
            register_vector(admin)
        for start in range(users or 0, people.users, STEP):
            some = range(start, min(start + STEP, people.users))
            if copied:
                with admin.transaction():  # all of the step or nothing: what is copied is not replaced
                    copy_rows(admin, contender, people, some)
                    note_filled(admin, some.stop)
            else:
                for user in some:
                    numbers = people.numbers(user)
                    for first in range(0, len(numbers), BATCH):
                        contender.put(user, numbers[first : first + BATCH])
                note_filled(admin, some.stop)
        if contender.index:
            admin.execute("SET maintenance_work_mem = '2GB'")
            create_index(admin, contender.index)
        admin.execute("VACUUM ANALYZE")
        admin.execute("UPDATE bench.filled SET is_whole = true")


def copy_rows(admin: psycopg.Connection[Any], contender: Any, people: People, users: range) -> None:
    """Copy the rows of these users into the contender's table."""
    with admin.cursor().copy(contender.copied) as copy:
        copy.set_types(contender.types)
        for user in users:
            for row in contender.rows(user, people.numbers(user)):
                copy.write_row(row)


def note_filled(admin: psycopg.Connection[Any], users: int) -> None:
    """Write down that so many users have all of their memories."""
    admin.execute("UPDATE bench.filled SET users = %s", [users])
