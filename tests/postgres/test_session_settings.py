"""Nothing that a role or a database sets changes what is written or read, wherever the tables and pgvector are."""

import asyncio
import re
from typing import Any

import psycopg
import psycopg_pool
import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from psycopg import conninfo, sql

from langchain_persistmem import (
    AsyncPersistMemSaver,
    ConfigurationError,
    LocalEmbeddings,
    PersistMem,
    PersistMemSaver,
    PersistMemStore,
    Settings,
)
from tests.conftest import Either
from tests.support.entry_points import READING, filled, give_up, graph_of, run_of, tag

HARMLESS = {
    "French": ("datestyle = 'SQL, DMY'", "lc_messages = 'fr_FR.UTF-8'", "timezone = 'Europe/Paris'"),
    "German dates": ("datestyle = 'German'",),
    "dates with the month first": ("datestyle = 'Postgres, MDY'", "timezone = 'Asia/Kolkata'"),
    "intervals": ("intervalstyle = 'sql_standard'",),
    "ISO intervals": ("intervalstyle = 'iso_8601'", "bytea_output = 'escape'"),
    "LATIN1": ("client_encoding = 'LATIN1'",),
    "SQL_ASCII": ("client_encoding = 'SQL_ASCII'",),
    "a search_path without pgvector": ("search_path = app",),
    "an empty search_path": ("search_path = ''",),
    "few digits": ("extra_float_digits = 0", "default_transaction_isolation = 'serializable'"),
}


def configure(database: str, *settings: str) -> None:
    """Set for the database what every new session then has."""
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA IF NOT EXISTS app")
        name = sql.Identifier(conninfo.conninfo_to_dict(database)["dbname"])
        for setting in settings:
            if setting.startswith("lc_messages") and not _has_locale(admin, setting):
                continue  # the other settings of a French server count all the same
            admin.execute(sql.SQL("ALTER DATABASE {} SET ").format(name) + sql.SQL(setting))  # type: ignore[arg-type]


def _has_locale(admin: Any, setting: str) -> bool:
    try:
        admin.execute(f"SET {setting}")
    except (psycopg.errors.InvalidParameterValue, psycopg.errors.InsufficientPrivilege):
        return False
    return True


def everything_works(where: str, embeddings: LocalEmbeddings, **settings: Any) -> None:
    """Set up, write, and read through every entry point; a run with checkpoints; what was written is what is read."""
    users = ("zoë 🍵", "bob")
    with PersistMem.open(where, embeddings=embeddings, settings=Settings(**{"worker": False, **settings})) as memory:
        memory.setup()
        memory.setup()
        filled(memory, users)
        give_up(where, users, schema=memory.backend.settings.schema)
        either = Either(memory, asynchronous=False)
        for user in users:
            for name, entry_point in READING.items():
                assert tag(user) in repr(asyncio.run(_awaited(entry_point, either, user))), name
        item = memory.store.get(("memories", "bob"), "item")
        listed = memory.list(user_id="bob")
        assert item is not None
        assert all(abs((item.created_at - each.recorded_at).total_seconds()) < 600 for each in listed)
        graph = graph_of(memory)
        graph.invoke({"messages": [HumanMessage("Where is my kayak?")]}, run_of("bob"))
        assert memory.privacy.verify_audit(user_id="bob").ok
        memory.admin.maintain()
        memory.admin.diagnose()
        assert memory.forget(everything=True, user_id="bob").verified
        assert memory.list(user_id="bob") == []


async def _awaited(entry_point: Any, either: Either, user: str) -> Any:
    return await entry_point(either, user)


@pytest.mark.parametrize("settings", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_a_role_or_a_database_sets_changes_nothing(
    empty_database: str, embeddings: LocalEmbeddings, settings: tuple[str, ...]
) -> None:
    configure(empty_database, *settings)
    everything_works(empty_database, embeddings)


REFUSED = {
    "standard_conforming_strings": "standard_conforming_strings = off",
    "array_nulls": "array_nulls = off",
    "extra_float_digits": "extra_float_digits = -3",
}


@pytest.mark.own_database
@pytest.mark.parametrize("setting", REFUSED)
async def test_what_would_falsify_values_is_refused_by_its_name_when_a_connection_opens(
    database: str, embeddings: LocalEmbeddings, setting: str
) -> None:
    configure(database, REFUSED[setting])
    with (
        PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False)) as memory,
        pytest.raises(ConfigurationError, match=rf"^{setting} is .*RESET {setting}"),
    ):
        memory.remember("I like tea", user_id="ada")
    async with PersistMem.aopen(database, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        with pytest.raises(ConfigurationError, match=rf"^{setting} is .*RESET {setting}"):
            await memory.alist(user_id="ada")


@pytest.mark.own_database
async def test_a_checkpointer_refuses_a_session_that_would_falsify_checkpoints(database: str) -> None:
    configure(database, REFUSED["standard_conforming_strings"])
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    new: Any = (config, {**empty_checkpoint(), "channel_values": {"a": b"\x00\\"}}, {}, {"a": "1"})
    refused = r"^standard_conforming_strings is .*RESET standard_conforming_strings"
    with PersistMemSaver.from_conn_string(database) as saver:
        for call in (lambda: saver.put(*new), lambda: saver.get_tuple(config), lambda: list(saver.list(config))):
            with pytest.raises(ConfigurationError, match=refused):
                call()
    async with AsyncPersistMemSaver.from_conn_string(database) as saver:
        for awaited in (saver.aput(*new), saver.aget_tuple(config), saver.adelete_thread("t")):
            with pytest.raises(ConfigurationError, match=refused):
                await awaited


def test_a_database_that_cannot_hold_every_text_is_refused_by_its_encoding(
    empty_database: str, embeddings: LocalEmbeddings
) -> None:
    name = sql.Identifier(f"{conninfo.conninfo_to_dict(empty_database)['dbname']}_latin")
    latin = conninfo.make_conninfo(empty_database, dbname=name.as_string(None).strip('"'))
    with psycopg.connect(empty_database, autocommit=True) as admin:
        making = "CREATE DATABASE {} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        admin.execute(sql.SQL(making).format(name))
        try:
            with (
                PersistMem.open(latin, embeddings=embeddings, settings=Settings(worker=False)) as memory,
                pytest.raises(ConfigurationError, match=r"^server_encoding is LATIN1"),
            ):
                memory.setup()
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_a_pool_of_the_application_in_another_encoding_is_refused_by_name(database: str) -> None:
    options: Any = {"kwargs": {"autocommit": True, "client_encoding": "LATIN1"}, "min_size": 1}
    with (
        psycopg_pool.ConnectionPool(database, open=True, **options) as pool,
        pytest.raises(ConfigurationError, match="client_encoding is LATIN1"),
    ):
        PersistMemStore(pool).put(("a",), "k", {"text": "x"})


@pytest.fixture(params=["ext", "Where Vectors %s Are"])
def vectors_elsewhere(request: pytest.FixtureRequest, empty_database: str, superuser: None) -> str:
    """A database whose pgvector lies in a schema that no search_path names."""
    with psycopg.connect(empty_database, autocommit=True) as admin:
        place = sql.Identifier(request.param)
        admin.execute("DROP EXTENSION IF EXISTS vector")
        admin.execute(sql.SQL("CREATE SCHEMA {}").format(place))
        admin.execute(sql.SQL("CREATE EXTENSION vector SCHEMA {}").format(place))
    return empty_database


@pytest.mark.parametrize("schema", ["persistmem", "agents_1"])
def test_pgvector_and_our_tables_may_be_in_any_schema(
    vectors_elsewhere: str, embeddings: LocalEmbeddings, schema: str
) -> None:
    everything_works(vectors_elsewhere, embeddings, schema=schema)
    with psycopg.connect(vectors_elsewhere) as admin:
        found = admin.execute(
            "SELECT DISTINCT c.relnamespace::regnamespace::text FROM pg_class c WHERE c.relname IN ('memories', 'audit')"
        ).fetchall()
        assert found == [(schema,)]
        left = admin.execute(
            "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy UNION SELECT prosrc FROM pg_proc WHERE pronamespace = "
            "to_regnamespace(%s)", (schema,)
        ).fetchall()  # fmt: skip
        assert all(
            re.findall(r"persistmem\.\w+", text) == re.findall(r"(?<=current_setting\(')persistmem\.\w+", text)
            for (text,) in left
        )


def test_two_schemas_of_one_database_know_nothing_of_each_other(database: str, embeddings: LocalEmbeddings) -> None:
    with (
        PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False)) as first,
        PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False, schema="other")) as second,
    ):
        second.setup()
        filled(first, ["ada"])
        assert second.list(user_id="ada") == []
        filled(second, ["bob"])
        assert first.list(user_id="bob") == []
        assert second.forget(everything=True, user_id="bob").verified
        assert len(first.list(user_id="ada")) > 0
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("DROP SCHEMA other CASCADE")


@pytest.mark.parametrize("name", ["Public", "public", "pg_own", "1a", "a b", 'a"b', "a" * 49, "", 7])
def test_a_schema_that_would_need_quotes_is_refused_by_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"Settings\.schema"):
        Settings(schema=name)


def test_the_values_of_a_filter_are_not_taken_for_names(database: str, embeddings: LocalEmbeddings) -> None:
    words = "persistmem.memories <#> halfvec"
    with PersistMem.open(database, embeddings=embeddings, settings=Settings(worker=False, schema="filters")) as memory:
        memory.setup()
        memory.remember("I like tea", value={"persistmem.a": words, words: 1}, user_id="ada")
        for condition in ({"persistmem.a": words}, {words: 1}, {"$or": [{words: {"$gte": 1}}, {"a": words}]}):
            assert len(memory.list(filter=condition, user_id="ada")) == 1, condition
            assert len(memory.recall("tea", threshold=0, filter=condition, user_id="ada")) == 1, condition
        assert memory.list(filter={"persistmem.a": words.replace("persistmem", "filters")}, user_id="ada") == []
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("DROP SCHEMA filters CASCADE")
