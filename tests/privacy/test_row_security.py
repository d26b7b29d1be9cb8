"""Row-level security, with a plain role: neither the tables' owner, nor a superuser, nor BYPASSRLS."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo, errors, sql

from langchain_persistmem import ConfigurationError, LocalEmbeddings, PersistMem, PersistMemStore, Settings
from langchain_persistmem.__main__ import main
from langchain_persistmem.postgres.row_security_settings import reach_settings
from langchain_persistmem.privacy import row_security
from langchain_persistmem.types.namespace import EVERYWHERE, Several, Within
from tests.client.test_peer_promises import bouncer  # noqa: F401 - a fixture, here of the database below
from tests.conftest import Either, _create, _drop
from tests.support import entry_points
from tests.support.entry_points import COUNTING, READING, UNHURRIED, WRITING, filled, give_up, space, tag

pytestmark = pytest.mark.slow

USERS = ["user1", "user10", "user1/x", "%"]
SAID = Settings(row_level_security=True, worker=False)
SCHEMA = files("langchain_persistmem.postgres").joinpath("schema.sql").read_text(encoding="utf-8")
_LIST = re.search(r"ARRAY ARRAY\[(.*?)\]", SCHEMA, re.DOTALL)
TABLES = re.findall(r"'(\w+)'", _LIST[1]) if _LIST else []


@pytest.fixture(scope="session")
def role(server: str) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    name = f"persistmem_plain_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(name)))
    yield name
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def guarded_template(server: str, template: str, role: str, embeddings: LocalEmbeddings) -> Iterator[str]:
    """A filled database with row-level security, and the rights that the how-to names; to be copied."""
    name = _create(server, template)
    where = conninfo.make_conninfo(server, dbname=name)
    with PersistMem.open(where, embeddings=embeddings, settings=UNHURRIED) as memory:
        filled(memory, USERS)
        memory.backend.run(row_security.enable)
    give_up(where, USERS)
    with psycopg.connect(where, autocommit=True) as admin:
        for grant in GRANTS:
            admin.execute(sql.SQL(grant).format(sql.Identifier(role)))
    yield name
    _drop(server, name)


GRANTS = (
    "GRANT USAGE ON SCHEMA persistmem TO {}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA persistmem TO {}",
    "REVOKE INSERT, UPDATE, DELETE ON persistmem.migrations, persistmem.embedding_models FROM {}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoints, checkpoint_blobs, checkpoint_writes TO {}",
    "GRANT USAGE ON SEQUENCE checkpoints_persistmem_order_seq TO {}",
)


@pytest.fixture
def owned(server: str, guarded_template: str) -> Iterator[str]:
    """Connection string of a guarded database as the tests' superuser, who is bound by nothing."""
    name = _create(server, guarded_template)
    yield conninfo.make_conninfo(server, dbname=name)
    _drop(server, name)


@pytest.fixture
def database(owned: str, role: str) -> str:
    """Connection string of the same database as the plain role."""
    return conninfo.make_conninfo(owned, user=role, password="x")


@pytest.fixture(scope="module")
def shared(server: str, guarded_template: str, role: str) -> Iterator[str]:
    """One for all tests that only read."""
    name = _create(server, guarded_template)
    yield conninfo.make_conninfo(server, dbname=name, user=role, password="x")
    _drop(server, name)


@asynccontextmanager
async def opened_in(colour: str, where: str, embeddings: LocalEmbeddings, **settings: Any) -> AsyncIterator[Either]:
    chosen = Settings(row_level_security=True, worker=False, **settings)
    if colour == "async":
        async with PersistMem.aopen(where, embeddings=embeddings, settings=chosen) as memory:
            yield Either(memory, asynchronous=True)
    else:
        with PersistMem.open(where, embeddings=embeddings, settings=chosen) as memory:
            yield Either(memory, asynchronous=False)


@pytest.fixture(params=["sync", "async"])
async def plain(request: pytest.FixtureRequest, database: str, embeddings: LocalEmbeddings) -> AsyncIterator[Either]:
    """Memory as the plain role, in each colour in turn."""
    async with opened_in(request.param, database, embeddings) as either:
        yield either


@pytest.fixture(params=["sync", "async"])
async def reader(request: pytest.FixtureRequest, shared: str, embeddings: LocalEmbeddings) -> AsyncIterator[Either]:
    async with opened_in(request.param, shared, embeddings) as either:
        yield either


def say(connection: psycopg.Connection[Any], **settings: str) -> None:
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, true)", [f"persistmem.{name}", value])


def seen(connection: psycopg.Connection[Any]) -> dict[str, set[str]]:
    """The namespaces of the rows that each table shows; tables that show none are left out."""
    found = {
        table: {name for (name,) in connection.execute(f"SELECT namespace FROM persistmem.{table}".encode())}
        for table in TABLES
    }
    return {table: names for table, names in found.items() if names}


@pytest.mark.usefixtures("superuser")  # it looks past the policies
def test_who_says_nothing_sees_nothing(database: str, owned: str) -> None:
    with psycopg.connect(owned) as everybody:
        assert seen(everybody).keys() >= {
            "namespaces",
            "memories",
            "vectors",
            "terms",
            "messages",
            "changes",
            "threads",
        }
    with psycopg.connect(database) as connection:
        assert seen(connection) == {}
        say(connection, namespace="", namespaces="", prefixes="", all_namespaces="")
        assert seen(connection) == {}
        say(connection, all_namespaces="off")
        assert seen(connection) == {}
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO persistmem.namespaces VALUES ('memories/new', gen_random_uuid(), 0, 0, now())"
            )


def test_who_says_a_namespace_sees_that_one(database: str) -> None:
    with psycopg.connect(database) as connection:
        say(connection, namespace="memories/user1")
        assert set().union(*seen(connection).values()) == {"memories/user1"}
        for wrong in ("memories", "memories/", "memories/user", "memories/user1%", "memories/%", "%", "*", "/", "{}"):
            say(connection, namespace=wrong)
            assert seen(connection) == {}, wrong
        say(connection, namespace="", namespaces='{"memories/user1","memories/user10"}')
        assert set().union(*seen(connection).values()) == {"memories/user1", "memories/user10"}


def test_a_prefix_is_whole_labels_and_only_read(database: str) -> None:
    with psycopg.connect(database) as connection:
        say(connection, prefixes='{"memories/user1/"}')
        assert set().union(*seen(connection).values()) == {"memories/user1"}
        assert connection.execute("UPDATE persistmem.memories SET importance = 0").rowcount == 0
        assert connection.execute("DELETE FROM persistmem.terms").rowcount == 0
        say(connection, prefixes='{"memories/"}')
        assert len(seen(connection)["namespaces"]) == len(USERS)


@pytest.mark.usefixtures("superuser")  # it looks past the policies
def test_nobody_writes_into_anothers_namespace(database: str, owned: str) -> None:
    """Directly, as whoever has got hold of the connection and forgets a WHERE."""
    with psycopg.connect(database) as connection:
        for statement in (
            "UPDATE persistmem.memories SET namespace = 'memories/user10' WHERE namespace = 'memories/user1'",
            "INSERT INTO persistmem.terms VALUES ('memories/user10', 'spam', gen_random_uuid(), 1, 1)",
            "INSERT INTO persistmem.namespaces (namespace, generation, created_at) "
            "VALUES ('memories/user10', gen_random_uuid(), now()) ON CONFLICT (namespace) DO UPDATE SET documents = 0",
        ):
            with pytest.raises(errors.InsufficientPrivilege), connection.transaction():
                say(connection, namespace="memories/user1")
                connection.execute(statement.encode())
        with connection.transaction():
            say(connection, namespace="memories/user1")
            for table in TABLES:
                connection.execute(f"DELETE FROM persistmem.{table}".encode())
    with psycopg.connect(owned) as everybody:
        left = seen(everybody)
    assert "memories/user1" not in set().union(*left.values())
    assert (
        left["memories"]
        == left["vectors"]
        == left["terms"]
        == {"memories/" + each for each in ("user10", "user1%2Fx", "%25")}
    )


def test_a_transaction_says_its_reach_and_all_of_it() -> None:
    nothing = {f"persistmem.{name}": "" for name in ("namespace", "namespaces", "prefixes")} | {
        "persistmem.all_namespaces": "off"
    }
    assert reach_settings(("a", "b/%")) == nothing | {"persistmem.namespace": "a/b%2F%25"}
    assert reach_settings(Within(("a",))) == nothing | {"persistmem.prefixes": '{"a/"}'}
    assert reach_settings(EVERYWHERE) == nothing | {"persistmem.all_namespaces": "on"}
    assert reach_settings(Several(())) == nothing
    several = Several((("a",), ('q"', "\\"), Within(("p",))))
    assert reach_settings(several) == nothing | {
        "persistmem.namespaces": '{"a","q\\"/\\\\"}',
        "persistmem.prefixes": '{"p/"}',
    }


def test_the_database_reads_several_as_they_were_meant(owned: str) -> None:
    odd = (("a,b", '"', "\\"), ("{}", "NULL", " "), ("\n", "'", "é", "%"))
    with psycopg.connect(owned) as connection:
        said = reach_settings(Several(odd))["persistmem.namespaces"]
        (row,) = connection.execute("SELECT %s::text[]", [said]).fetchall()
    from langchain_persistmem.types.namespace import decode

    assert [decode(text) for text in row[0]] == list(odd)


@pytest.mark.parametrize("entry_point", READING)
@pytest.mark.usefixtures("superuser")  # it looks past the policies
async def test_every_reading_entry_point_works_for_a_plain_role(reader: Either, entry_point: str) -> None:
    for user in USERS[:2]:
        answer = await READING[entry_point](reader, user)
        text = answer if isinstance(answer, str) else repr(answer)
        assert tag(user) in text
        assert not any(tag(other) in text for other in USERS if other != user)


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_every_other_entry_point_works_for_a_plain_role(
    server: str, guarded_template: str, role: str, embeddings: LocalEmbeddings, colour: str
) -> None:
    """As a person each, because some entry points close others: what was erased is not restored."""
    name = _create(server, guarded_template)
    where = conninfo.make_conninfo(server, dbname=name)
    entry_points_of = {
        f"person {place}": entry_point for place, entry_point in enumerate({**COUNTING, **WRITING}.values())
    }
    with PersistMem.open(
        where, embeddings=embeddings, settings=Settings(pool_min=0, row_level_security=True)
    ) as memory:
        filled(memory, list(entry_points_of))
    give_up(where, list(entry_points_of))
    async with opened_in(colour, conninfo.make_conninfo(where, user=role, password="x"), embeddings) as either:
        for user, entry_point in entry_points_of.items():
            await entry_point(either, user)
    _drop(server, name)


@pytest.mark.usefixtures("superuser")  # it looks past the policies
async def test_background_work_sweeps_and_upkeep_see_everybody(plain: Either, owned: str) -> None:
    for user in USERS:
        assert await plain.admin.retry(entry_points.THREAD, user_id=user) == 1
    assert (await plain.admin.process_pending()).threads == len(USERS)
    assert (await plain.admin.maintain()).namespaces == len(USERS)
    with psycopg.connect(owned) as connection:
        connection.execute(
            "UPDATE persistmem.memories SET expires_at = now() - interval '1 day' WHERE expires_at IS NOT NULL"
        )
    assert await entry_points.store_call(plain, "sweep_ttl") == len(USERS)
    assert (await plain.admin.status()).counts["namespaces"] == len(USERS)
    found = await entry_points.store_call(plain, "search", ("memories",), limit=1000)
    assert {each.namespace for each in found} == {space(user) for user in USERS}
    assert len(await entry_points.store_call(plain, "list_namespaces")) == len(USERS)


def test_a_store_of_its_own_works_for_a_plain_role(database: str) -> None:
    with PersistMemStore.from_conn_string(database, settings=SAID) as store:
        store.put(("memories", "user1"), "k", {"a": 1})
        assert store.get(("memories", "user1"), "k") is not None
        assert store.get(("memories", "user10"), "k") is None


async def test_a_setting_that_is_off_is_an_error_and_not_an_empty_memory(
    database: str, embeddings: LocalEmbeddings
) -> None:
    with (
        PersistMem.open(database, embeddings=embeddings) as memory,
        pytest.raises(ConfigurationError, match=r"row_level_security=True"),
    ):
        memory.recall("kayak", user_id="user1")
    async with PersistMem.aopen(database, embeddings=embeddings) as amemory:
        with pytest.raises(ConfigurationError, match=r"row_level_security=True"):
            await amemory.store.aget(("memories", "user1"), "item")


@pytest.mark.usefixtures("superuser")  # it looks past the policies
def test_a_lock_that_is_not_there_is_told(
    owned: str, embeddings: LocalEmbeddings, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, "langchain_persistmem"),
        PersistMem.open(owned, embeddings=embeddings, settings=SAID) as memory,
    ):
        assert memory.get(entry_points.KEY, user_id="user1")
        assert memory.get(entry_points.KEY, user_id="user10")
    (record,) = caplog.records
    assert "superuser" in record.getMessage()


def test_no_session_keeps_what_a_transaction_said(database: str, embeddings: LocalEmbeddings) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=SAID) as memory:
        memory.get(entry_points.KEY, user_id="user1")
        memory.remember("I like tea", user_id="user1")
        with memory.backend.pool.connection() as connection:
            for name in ("namespace", "namespaces", "prefixes", "all_namespaces"):
                (row,) = connection.execute(
                    "SELECT current_setting(%s, true) AS said", [f"persistmem.{name}"]
                ).fetchall()
                assert not row["said"]
            (row,) = connection.execute("SELECT count(*) AS n FROM persistmem.memories").fetchall()
            assert row["n"] == 0


def test_what_a_session_says_widens_no_transaction(owned: str, role: str, embeddings: LocalEmbeddings) -> None:
    loose = conninfo.make_conninfo(owned, user=role, password="x", options="-c persistmem.all_namespaces=on")
    with (
        PersistMem.open(loose, embeddings=embeddings, settings=SAID) as memory,
        memory.backend.pool.connection() as one,
    ):
        assert one.execute("SELECT count(DISTINCT namespace) AS n FROM persistmem.memories").fetchone() == {
            "n": len(USERS)
        }

        async def unfiltered(backend: Any) -> Any:
            async with backend.transaction(space("user1"), atomic=False) as tx:
                return await tx.fetch(sql.SQL("SELECT DISTINCT namespace FROM persistmem.memories"), {})

        assert memory.backend.run(unfiltered) == [{"namespace": "memories/user1"}]


@pytest.mark.parametrize(
    "options", [{}, {"atomic": False}, {"atomic": False, "snapshot": True}, {"read_committed": True}]
)
async def test_a_forgotten_where_shows_ones_own(plain: Either, options: Any) -> None:
    async def unfiltered(backend: Any) -> Any:
        async with backend.transaction(space("user1"), **options) as tx:
            first = await tx.fetch(sql.SQL("SELECT DISTINCT namespace FROM persistmem.memories"), {})
            return first, await tx.fetch(sql.SQL("SELECT DISTINCT namespace FROM persistmem.terms"), {})

    backend = plain.memory.backend
    found = await backend.arun(unfiltered) if plain.asynchronous else backend.run(unfiltered)
    assert found == ([{"namespace": "memories/user1"}],) * 2


async def test_a_statement_that_fails_leaves_a_connection_that_works(plain: Either) -> None:
    async def broken(backend: Any) -> Any:
        async with backend.transaction(space("user1"), atomic=False) as tx:
            await tx.fetch(sql.SQL("SELECT ln(0)"), {})

    backend = plain.memory.backend
    for _ in range(20):  # more often than there are connections
        with pytest.raises(Exception, match="InvalidArgumentForLogarithm"):
            await (backend.arun(broken) if plain.asynchronous else _blocking(backend, broken))
    assert (await plain.get(entry_points.KEY, user_id="user1")).text


async def _blocking(backend: Any, flow: Any) -> Any:
    return backend.run(flow)


def test_with_a_role_of_its_own_for_background_work_others_cannot_see_everybody(
    owned: str, role: str, server: str, embeddings: LocalEmbeddings
) -> None:
    worker = f"persistmem_worker_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x' IN ROLE {}").format(*map(sql.Identifier, (worker, role)))
        )
    try:
        with PersistMem.open(owned, embeddings=embeddings) as memory:
            memory.backend.run(row_security.enable, everywhere_to=[worker])
        for name in (role, worker):
            where = conninfo.make_conninfo(owned, user=name, password="x")
            with PersistMem.open(where, embeddings=embeddings, settings=SAID) as memory:
                assert memory.get(entry_points.KEY, user_id="user1")
                if name == worker:
                    assert memory.admin.status().counts["namespaces"] == len(USERS)
                    continue
                for ask in (
                    memory.admin.status,
                    memory.admin.people,
                    memory.admin.process_pending,
                    memory.admin.maintain,
                    memory.store.sweep_ttl,
                ):
                    with pytest.raises(ConfigurationError, match="--everywhere-to"):
                        ask()  # it would find nothing, in silence
        with PersistMem.open(owned, embeddings=embeddings) as memory:
            memory.backend.run(row_security.disable)  # and with it the role's part in the policies
            memory.backend.run(row_security.enable)
    finally:
        with psycopg.connect(owned, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(worker)))


@pytest.mark.usefixtures("superuser")  # it looks past the policies
def test_enabling_is_idempotent_binds_the_owner_and_can_be_undone(
    server: str, template: str, embeddings: LocalEmbeddings, role: str
) -> None:
    name = _create(server, template)
    where = conninfo.make_conninfo(server, dbname=name)
    try:
        with psycopg.connect(where, autocommit=True) as admin:
            admin.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA persistmem TO {}").format(sql.Identifier(role)))
            tables = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'persistmem'").fetchall()
            for (table,) in tables:
                admin.execute(
                    sql.SQL("ALTER TABLE persistmem.{} OWNER TO {}").format(sql.Identifier(table), sql.Identifier(role))
                )
        as_owner = conninfo.make_conninfo(where, user=role, password="x")
        with PersistMem.open(as_owner, embeddings=embeddings, settings=SAID) as memory:
            for _ in range(2):
                found = memory.backend.run(row_security.enable)
                assert (found.tables, found.enabled, found.forced, found.binding) == (len(TABLES),) * 3 + (True,)
            memory.remember("I like tea", user_id="ada")
        with psycopg.connect(as_owner) as connection:
            assert seen(connection) == {}
        with PersistMem.open(as_owner, embeddings=embeddings) as memory:
            for _ in range(2):
                found = memory.backend.run(row_security.disable)
                assert (found.enabled, found.forced, found.binding) == (0, 0, False)
            assert len(memory.list(user_id="ada")) == 1
    finally:
        _drop(server, name)


@pytest.mark.usefixtures("superuser")  # it looks past the policies
def test_a_migration_finds_the_rows_and_guards_the_tables_that_it_makes(
    owned: str, embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    from langchain_persistmem.postgres import migrate

    later = """
        UPDATE persistmem.memories SET importance = 0.25;
        CREATE TABLE persistmem.later (namespace text COLLATE "C" NOT NULL PRIMARY KEY);
        CREATE POLICY persistmem_all_namespaces ON persistmem.later
            USING ((SELECT current_setting('persistmem.all_namespaces', true)) = 'on');
    """
    with psycopg.connect(owned, autocommit=True) as admin:  # as an owner who is bound
        admin.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA persistmem TO {}").format(sql.Identifier(role)))
        for (table,) in admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'persistmem'").fetchall():
            admin.execute(
                sql.SQL("ALTER TABLE persistmem.{} OWNER TO {}").format(sql.Identifier(table), sql.Identifier(role))
            )
    known = dict(migrate.migrations())
    monkeypatch.setattr(migrate, "migrations", lambda: known | {"9999_later.sql": later})
    as_owner = conninfo.make_conninfo(owned, user=role, password="x")
    with PersistMemStore.from_conn_string(as_owner) as store:  # the setting is off, as in a script of an upgrade
        store.setup()
    with psycopg.connect(owned) as connection:
        assert connection.execute("SELECT DISTINCT importance FROM persistmem.memories").fetchall() == [(0.25,)]
        assert connection.execute(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'persistmem.later'::regclass"
        ).fetchall() == [(True, True)]


def test_the_command_switches_it(owned: str, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rls", "disable", "--json", "--dsn", owned]) == 0
    assert '"enabled": 0' in capsys.readouterr().out
    assert main(["rls", "enable", "--json", "--dsn", owned]) == 0
    assert f'"enabled": {len(TABLES)}' in capsys.readouterr().out
    assert main(["rls", "status", "--dsn", database]) == 0
    assert "yes" in capsys.readouterr().out
    assert main(["rls", "enable", "--dsn", database]) == 1  # not the owner
    assert "error" in capsys.readouterr().err
    assert main(["status", "--user", "user1", "--dsn", database]) == 1
    assert "--row-level-security" in capsys.readouterr().err
    assert main(["status", "--user", "user1", "--dsn", database, "--row-level-security"]) == 0


def test_status_counts_the_work_of_the_person_that_is_meant(
    database: str, embeddings: LocalEmbeddings, capsys: pytest.CaptureFixture[str]
) -> None:
    with PersistMem.open(database, embeddings=embeddings, settings=SAID) as memory:
        before = memory.admin.status(user_id="user1")
        turns = [{"role": "user", "content": "I sail", "id": "new"}]
        memory.observe(turns, thread_id="waits", background=True, user_id="user1")
        after = memory.admin.status(user_id="user1")
        assert after.work == {**before.work, "pending": before.work["pending"] + 1}
        assert memory.admin.status(user_id="user10").work == before.work  # the same for everybody, but for this thread
    assert main(["status", "--user", "user1", "--json", "--dsn", database, "--row-level-security"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["work"] == dict(after.work)
    assert answer["counts"] == dict(after.counts)
    assert set(answer["versions"]) == {"PostgreSQL", "pgvector"}
    assert main(["status", "--json", "--dsn", database, "--row-level-security"]) == 0
    assert json.loads(capsys.readouterr().out)["work"]["pending"] == 1  # of everybody


def test_the_exact_search_stays_an_index_only_scan(database: str, owned: str, embeddings: LocalEmbeddings) -> None:
    with psycopg.connect(owned, autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE persistmem.vectors")
    with psycopg.connect(database) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        say(connection, namespace="memories/user1")
        plan = "\n".join(
            line
            for (line,) in connection.execute(
                "EXPLAIN SELECT memory_id, embedding FROM persistmem.vectors "
                "WHERE namespace = 'memories/user1' AND model = 1 AND active"
            )
        )
    assert "Index Only Scan using vectors_scan" in plan
    assert "Index Cond: ((namespace = 'memories/user1'::text) AND (model = 1))" in plan


@pytest.mark.ci
@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_two_users_on_the_same_sessions_of_pgbouncer_get_their_own(
    request: pytest.FixtureRequest, embeddings: LocalEmbeddings, colour: str
) -> None:
    where = request.getfixturevalue("bouncer")  # in transaction mode, three sessions for everybody

    async def day(either: Either, user: str) -> None:
        for _ in range(10):
            for entry_point in ("recall", "store search", "history", "store get"):
                answer = repr(await READING[entry_point](either, user))
                assert tag(user) in answer
                assert not any(tag(other) in answer for other in USERS if other != user)
            await either.remember("I like tea", user_id=user)

    async with opened_in(colour, where, embeddings, prepare_threshold=None, pool_min=8) as either:
        if colour == "async":
            await asyncio.gather(*(day(either, user) for user in USERS * 2))
        else:
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda user: asyncio.run(day(either, user)), USERS * 2))
