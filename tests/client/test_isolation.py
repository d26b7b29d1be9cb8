"""Nobody sees or changes what is another's, through any entry point, however much alike two ids are."""

import ast
import asyncio
import inspect
import random
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, SearchOp
from psycopg import conninfo

import langchain_persistmem
from langchain_persistmem import (
    Activity,
    InvalidInputError,
    LocalEmbeddings,
    MemoryNotFoundError,
    NamespaceMissingError,
    PersistMem,
    Settings,
    StatusResult,
)
from langchain_persistmem.types.namespace import encode
from tests.conftest import Either, _create, _drop
from tests.support import entry_points
from tests.support.entry_points import (
    KEY,
    QUESTION,
    READING,
    THREAD,
    UNHURRIED,
    WRITING,
    filled,
    give_up,
    space,
    store_call,
    tag,
)
from tests.support.public_methods import get_path, public_methods

pytestmark = pytest.mark.slow

LOOKALIKES = [
    "user1", "user10", "user", "user_1", "USER1", "user1/", "user1%", "user1%2F", "user1/x", "%", "_", "*", ".", "..",
    "user 1", "{user_id}", "__proto__", "None", "'; DROP TABLE persistmem.memories; --", "user1\n",
    unicodedata.normalize("NFC", "usér1"), unicodedata.normalize("NFD", "usér1"),
    "ｕｓｅｒ１", "user\u200b1", "\u202euser1", "uѕer1",  # fullwidth, zero-width, reversed, a Cyrillic letter
]  # fmt: skip
STORABLE = [user for user in LOOKALIKES if entry_points.storable(user)]
SOME = ["user1", "%", "*", "user1/", "{user_id}"]
"""Those as whom something is done, where doing it as everybody would take long."""


@pytest.fixture(scope="module")
def filled_template(server: str, template: str, embeddings: LocalEmbeddings) -> Iterator[str]:
    """A database with something of everybody in each table, to be copied."""
    name = _create(server, template)
    where = conninfo.make_conninfo(server, dbname=name)
    with PersistMem.open(where, embeddings=embeddings, settings=UNHURRIED) as memory:
        filled(memory, LOOKALIKES)
    give_up(where, LOOKALIKES)
    yield name
    _drop(server, name)


def _opened(stack: AsyncExitStack, colour: str, where: str, embeddings: LocalEmbeddings, **settings: Any) -> Any:
    given: dict[str, Any] = {"embeddings": embeddings, "settings": Settings(worker=False, **settings)}
    if colour == "async":
        return stack.enter_async_context(PersistMem.aopen(where, **given))
    return stack.enter_context(PersistMem.open(where, **given))


async def _either(
    stack: AsyncExitStack, colour: str, where: str, embeddings: LocalEmbeddings, **settings: Any
) -> Either:
    memory = _opened(stack, colour, where, embeddings, **settings)
    return Either(await memory if colour == "async" else memory, asynchronous=colour == "async")


@pytest.fixture(scope="module")
def crowd_to_read(server: str, filled_template: str) -> Iterator[str]:
    name = _create(server, filled_template)
    yield conninfo.make_conninfo(server, dbname=name)
    _drop(server, name)


@pytest.fixture(scope="module")
def crowd_to_count(server: str, filled_template: str) -> Iterator[str]:
    """One that nobody in particular has read from, which some entry points count."""
    name = _create(server, filled_template)
    yield conninfo.make_conninfo(server, dbname=name)
    _drop(server, name)


@pytest.fixture
def crowd(server: str, filled_template: str) -> Iterator[str]:
    """A database of their own for tests that change it."""
    name = _create(server, filled_template)
    yield conninfo.make_conninfo(server, dbname=name)
    _drop(server, name)


@pytest.fixture(params=["sync", "async"])
async def reader(
    request: pytest.FixtureRequest, crowd_to_read: str, embeddings: LocalEmbeddings
) -> AsyncIterator[Either]:
    async with AsyncExitStack() as stack:
        yield await _either(stack, request.param, crowd_to_read, embeddings)


@pytest.fixture(params=["sync", "async"])
async def counter(
    request: pytest.FixtureRequest, crowd_to_count: str, embeddings: LocalEmbeddings
) -> AsyncIterator[Either]:
    async with AsyncExitStack() as stack:
        yield await _either(stack, request.param, crowd_to_count, embeddings)


@pytest.fixture(params=["sync", "async"])
async def writer(request: pytest.FixtureRequest, crowd: str, embeddings: LocalEmbeddings) -> AsyncIterator[Either]:
    async with AsyncExitStack() as stack:
        yield await _either(stack, request.param, crowd, embeddings)


def strangers_in(answer: Any, user: str) -> set[str]:
    """Whose texts an answer has that are not ``user``'s."""
    text = answer if isinstance(answer, str) else repr(answer)
    return {each for each in LOOKALIKES if each != user and tag(each) in text}


Digests = dict[tuple[str, str], str]


def digests(database: str) -> Digests:
    """A digest of the rows of every table that names somebody, for each table and namespace."""
    found: Digests = {}
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'persistmem' AND column_name = 'namespace'"
        ).fetchall()
        for (name,) in tables:
            rows = connection.execute(
                f"SELECT namespace, md5(string_agg(t::text, '' ORDER BY t::text)) FROM persistmem.{name} t GROUP BY 1".encode()
            )
            found |= {(name, namespace): digest for namespace, digest in rows}
    return found


def of_everybody_but(found: Digests, user: str) -> Digests:
    """The digests of rows that are not the user's."""
    return {place: digest for place, digest in found.items() if place[1] != encode(space(user))}


@pytest.mark.parametrize("entry_point", READING)
async def test_an_entry_point_shows_ones_own_and_nobody_elses(reader: Either, entry_point: str) -> None:
    for user in (
        STORABLE
        if entry_point.startswith("store")
        else LOOKALIKES
        if entry_point in ("get", "list", "history")
        else SOME
    ):
        answer = await READING[entry_point](reader, user)
        assert tag(user) in (answer if isinstance(answer, str) else repr(answer)), user
        assert not strangers_in(answer, user), user


@pytest.mark.parametrize("entry_point", entry_points.COUNTING)
async def test_counts_are_of_ones_own(counter: Either, entry_point: str) -> None:
    counts = {repr(without_ids(await entry_points.COUNTING[entry_point](counter, user))) for user in STORABLE}
    assert len(counts) == 1, counts  # everybody has the same number of everything


def without_ids(answer: Any) -> Any:
    if isinstance(answer, list) and answer and isinstance(answer[0], Activity):
        # A day may begin while the people are told of: then their activity is that of two days.
        memories = sum((Counter(each.memories) for each in answer), Counter[str]())
        return memories, sum(each.messages for each in answer)
    if isinstance(answer, list):
        return [type(each) for each in answer]
    if isinstance(answer, StatusResult):
        return answer
    return getattr(answer, "counts", getattr(answer, "entries", answer))


@pytest.mark.parametrize("entry_point", WRITING)
async def test_an_entry_point_changes_ones_own_and_nobody_elses(writer: Either, crowd: str, entry_point: str) -> None:
    before = digests(crowd)
    for user in SOME[:2]:
        await WRITING[entry_point](writer, user)
        after = digests(crowd)
        assert of_everybody_but(after, user) == of_everybody_but(before, user), user
        if entry_point not in ("maintain", "remember the same statement"):
            assert after != before, "the entry point did nothing"
        before = after


def test_every_method_that_is_about_somebody_is_an_entry_point_above() -> None:
    source = inspect.getsource(entry_points) + Path(__file__).read_text()
    for name, member in public_methods().items():
        about = inspect.signature(member).parameters.keys() & {"user_id", "namespace"}
        if about and name != "open" and not name.startswith("admin.import_"):
            assert f"either.{name}(" in source or f"writer.{name}(" in source or f"reader.{name}(" in source, name


async def test_the_id_of_anothers_memory_opens_nothing(writer: Either, crowd: str) -> None:
    theirs = [each.id for each in await writer.history.versions(KEY, user_id="user10")]
    waiting = (await writer.review.list(user_id="user10"))[0].id
    before = of_everybody_but(digests(crowd), "user1")
    for method, version in (
        ("history.restore", theirs[-1]),
        ("history.restore", theirs[0]),
        ("review.approve", waiting),
        ("review.reject", waiting),
    ):
        with pytest.raises(MemoryNotFoundError):
            await get_path(writer, method)(version, user_id="user1")
    key = next(each.key for each in await writer.list(user_id="user10") if each.kind == "procedural")
    for refused in (
        writer.get(key, user_id="user1"),
        writer.history.versions(key, user_id="user1"),
        writer.forget([key], user_id="user1"),
    ):
        with pytest.raises(MemoryNotFoundError):
            await refused
    assert await writer.conversations.turns(f"other than {THREAD}", user_id="user1") == []
    assert of_everybody_but(digests(crowd), "user1") == before


async def test_a_sweep_takes_what_has_expired_and_nothing_under_the_same_key(writer: Either, crowd: str) -> None:
    before = of_everybody_but(digests(crowd), "user1")
    with psycopg.connect(crowd) as connection:
        for table in ("memories", "vectors"):
            connection.execute(
                f"UPDATE persistmem.{table} SET expires_at = now() - interval '1 day' "
                "WHERE namespace = 'memories/user1' AND expires_at IS NOT NULL".encode()
            )
    assert await store_call(writer, "sweep_ttl") == 1
    assert of_everybody_but(digests(crowd), "user1") == before
    for user in STORABLE[1:]:
        assert (await store_call(writer, "get", space(user), "later")) is not None


async def test_the_worker_learns_each_ones_own(writer: Either, crowd: str) -> None:
    for user in SOME:
        assert await writer.admin.retry(THREAD, user_id=user) == 1
    assert (await writer.admin.process_pending()).threads == len(SOME)
    for user in SOME:
        assert not strangers_in(await writer.list(user_id=user), user)
    assert len(await writer.admin.dead_letters(user_id="user10")) == 1


async def test_a_prefix_is_a_whole_label(reader: Either) -> None:
    async def found(*prefix: str) -> set[tuple[str, ...]]:
        ops = [SearchOp(prefix, limit=1000), SearchOp(prefix, query="kayak", limit=1000)]
        plain, ranked = await store_call(reader, "batch", ops)
        assert {each.namespace for each in plain} >= {each.namespace for each in ranked}
        return {each.namespace for each in plain}

    for user in STORABLE:
        assert await found("memories", user) == {space(user)}, user
    for prefix in (
        ("mem",),
        ("memories", "use"),
        ("memories", ""),
        ("%",),
        ("*",),
        ("memories/user1",),
        ("memories", "user1", "x"),
    ):
        if "" not in prefix:
            assert await found(*prefix) == set(), prefix
    assert await found("memories") == {space(user) for user in LOOKALIKES}
    conditions = MatchCondition("prefix", ("memories", "*"))
    (listed,) = await store_call(reader, "batch", [ListNamespacesOp((conditions,), limit=1000)])
    assert set(listed) == {space(user) for user in LOOKALIKES}


@pytest.mark.parametrize(
    ("user", "error"),
    [(None, NamespaceMissingError), ("", InvalidInputError), ((), InvalidInputError), (1, InvalidInputError), ("a\x00", InvalidInputError),
     ("\ud800", InvalidInputError), (["user1"], InvalidInputError), ("x" * 600, InvalidInputError)],
)  # fmt: skip
async def test_nobody_is_an_error_and_never_everybody(reader: Either, user: Any, error: type[Exception]) -> None:
    calls: dict[str, tuple[Any, ...]] = {
        "get": (KEY,), "list": (), "recall": (QUESTION,), "context": (QUESTION,), "profile": (),
        "history.versions": (KEY,), "history.changes": (), "review.list": (), "conversations.messages": (THREAD,),
        "conversations.turns": (THREAD,), "conversations.clear": (THREAD,), "conversations.list": (),
        "admin.retry": (THREAD,), "remember": ("I like tea",), "forget": ([KEY],), "command": ("What do you know?",),
        "update_profile": ({"name": "x"},),
    }  # fmt: skip
    for name, arguments in calls.items():
        with pytest.raises(error):
            await get_path(reader, name)(*arguments, user_id=user)
    if user is not None:
        # Without anybody these are about the whole database, and say so.
        for name in ("admin.status", "admin.maintain", "admin.activity", "admin.dead_letters"):
            with pytest.raises(error):
                await get_path(reader, name)(user_id=user)
    with pytest.raises(error):
        await reader.forget(everything=True, user_id=user)


@pytest.mark.parametrize(
    "namespace", [(), ("memories", ""), ("memories", None), "memories", ["memories", "user1"], ("",)]
)
async def test_an_odd_namespace_is_an_error_and_never_a_wildcard(reader: Either, namespace: Any) -> None:
    for name, arguments in {
        "get": (KEY,),
        "list": (),
        "recall": (QUESTION,),
        "remember": ("tea",),
        "admin.status": (),
    }.items():
        with pytest.raises(InvalidInputError):
            await get_path(reader, name)(*arguments, namespace=namespace)
    for options in ({"everything": True}, {"keys": [KEY]}, {"query": QUESTION}):
        with pytest.raises(InvalidInputError):
            await reader.forget(**options, namespace=namespace)
    if namespace != ["memories", "user1"]:
        with pytest.raises((ValueError, TypeError)):
            await store_call(reader, "batch", [GetOp(namespace, KEY)])


async def _one_of_many(either: Either, user: str) -> None:
    """What a task does in the mix below; it never sees another's text, however it is interleaved or cut off."""
    for answer in (
        await either.recall(QUESTION, threshold=0, user_id=user),
        await store_call(either, "search", space(user), query="kayak"),
        await either.get(KEY, user_id=user),
        await either.conversations.messages(THREAD, user_id=user),
    ):
        assert tag(user) in repr(answer), user
        assert not strangers_in(answer, user), user
    await either.remember(f"The kayak of {tag(user)} is blue", user_id=user)


def test_eight_threads_at_once_get_their_own(crowd: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(crowd, embeddings=embeddings, settings=Settings(pool_max=4)) as memory:
        either = Either(memory, asynchronous=False)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda user: asyncio.run(_one_of_many(either, user)), STORABLE * 2))
        assert whole(memory.backend.pool)


async def test_two_hundred_tasks_half_of_them_cancelled_get_their_own(crowd: str, embeddings: LocalEmbeddings) -> None:
    seed = random.randrange(2**32)
    print("seed:", seed)
    chance = random.Random(seed)
    async with PersistMem.aopen(crowd, embeddings=embeddings, settings=Settings(pool_max=4)) as memory:
        either = Either(memory, asynchronous=True)
        tasks = [asyncio.create_task(_one_of_many(either, STORABLE[n % len(STORABLE)])) for n in range(200)]
        for task in chance.sample(tasks, 100):
            await asyncio.sleep(chance.random() * 0.02)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [each for each in results if each is not None and not isinstance(each, asyncio.CancelledError)] == []
        await _one_of_many(either, "user1")
        assert whole(memory.backend.pool)
        for user in LOOKALIKES:
            assert not strangers_in(await either.list(user_id=user, limit=1000), user)


def whole(pool: Any) -> bool:
    """All connections are back."""
    return pool.get_stats()["pool_available"] == pool.get_stats()["pool_size"]


REVIVING = {"eval", "exec", "compile", "__import__"}
MODULES = {"pickle", "cPickle", "dill", "marshal", "shelve", "jsonpickle", "cloudpickle", "yaml", "langchain_core.load"}


def test_what_is_stored_is_never_run() -> None:
    package = Path(langchain_persistmem.__file__).parent
    found: list[str] = []
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
            reviving = any(name == bad or name.startswith(f"{bad}.") for name in names for bad in MODULES)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REVIVING:
                reviving = True
            if reviving:
                found.append(f"{file.relative_to(package)}:{node.lineno}")
    assert found == []
