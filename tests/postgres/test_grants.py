"""One table says what roles need: the page on production, setup() and the doctor read it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo

from langchain_persistmem import LocalEmbeddings, PersistMem, PersistMemSaver, PersistMemStore, Settings
from langchain_persistmem.postgres.grants import GRANTS, grant_script
from tests.operations.test_doctor import bad, do

ROOT = Path(__file__).parents[2]
NEW_ROLE = Callable[..., tuple[str, str]]


@pytest.fixture
def new_role(database: str) -> Iterator[NEW_ROLE]:
    """Makes roles that may log in; returns the name and the connection string."""
    names: list[str] = []

    def make(*statements: str) -> tuple[str, str]:
        name = f"role_{uuid4().hex[:12]}"
        names.append(name)
        do(database, f"CREATE ROLE {name} LOGIN PASSWORD 'x'", *(text.format(name) for text in statements))
        return name, conninfo.make_conninfo(database, user=name, password="x")

    yield make
    for name in names:
        do(database, f"GRANT {name} TO CURRENT_USER", f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_the_table_has_every_table_of_ours_and_of_langgraphs(database: str) -> None:
    with psycopg.connect(database) as admin:
        ours = {row[0] for row in admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'persistmem'")}
        other = {row[0] for row in admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        sequences = {row[0] for row in admin.execute("SELECT sequencename FROM pg_sequences")}
    assert {grant.name for grant in GRANTS if grant.kind == "ours"} == ours
    assert {grant.name for grant in GRANTS if grant.kind == "table"} == other
    assert {grant.name for grant in GRANTS if grant.kind == "sequence"} == sequences


def test_the_page_on_production_grants_what_the_table_says() -> None:
    page = (ROOT / "docs" / "how-to" / "run-in-production.md").read_text()
    assert grant_script("memory_app", "memory_reader") in page


APPLICATION = ("GRANT USAGE ON SCHEMA persistmem TO {}", "GRANT SELECT, UPDATE ON persistmem.namespaces TO {}")
READER = ("GRANT USAGE ON SCHEMA persistmem TO {}", "GRANT SELECT ON persistmem.namespaces TO {}")


def _run(memory: PersistMem) -> None:
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    memory.remember("I like tea", user_id="ada")
    memory.store.put(("memories", "ada"), "k", {"text": "tea"}, ttl=5)
    memory.checkpointer.put(config, _checkpoint(), {}, {})
    assert memory.checkpointer.get_tuple(config) is not None
    assert memory.forget(everything=True, user_id="ada").verified


def _checkpoint() -> Any:
    from langgraph.checkpoint.base import empty_checkpoint

    return empty_checkpoint()


def test_setup_grants_on_every_run_what_roles_lack_and_revokes_nothing(
    new_role: NEW_ROLE, database: str, embeddings: LocalEmbeddings
) -> None:
    application, app_dsn = new_role(*APPLICATION)
    _, reader_dsn = new_role(*READER, "GRANT INSERT ON persistmem.uses TO {}")
    stranger, _ = new_role()
    quiet = Settings(worker=False)
    with PersistMem.open(database, embeddings=embeddings, settings=quiet) as owner:
        with PersistMem.open(app_dsn, embeddings=embeddings, settings=quiet) as memory:
            (finding,) = bad(memory.admin.diagnose(), "grants")
            assert "USAGE on checkpoints_persistmem_order_seq" in finding.what
            assert "INSERT, SELECT on persistmem.audit" in finding.what
        owner.setup()
        with PersistMem.open(app_dsn, embeddings=embeddings, settings=quiet) as memory:
            assert not bad(memory.admin.diagnose(), "grants")
            memory.setup()  # nothing is left to do, which a role without rights may find out
            _run(memory)
        owner.remember("I like tea", user_id="bob")
        with PersistMem.open(reader_dsn, embeddings=embeddings, settings=quiet) as memory:
            assert not bad(memory.admin.diagnose(), "grants")
            assert len(memory.recall("tea", user_id="bob")) == 1
        with psycopg.connect(database) as admin:
            may = "SELECT has_table_privilege(%s, %s, %s)"
            assert admin.execute(
                may, (reader_dsn.split("user=")[1].split()[0], "persistmem.uses", "INSERT")
            ).fetchone() == (True,)
            assert admin.execute(may, (application, "persistmem.audit", "UPDATE")).fetchone() == (False,)
            assert admin.execute(may, (stranger, "persistmem.memories", "SELECT")).fetchone() == (False,)
        # A right that went missing later, as with tables that an upgrade adds; also where only the store sets up.
        do(database, f"REVOKE SELECT ON persistmem.terms FROM {application}")
        with PersistMemStore.from_conn_string(database, settings=quiet) as store:
            store.setup()
        with PersistMem.open(app_dsn, embeddings=embeddings, settings=quiet) as memory:
            assert not bad(memory.admin.diagnose(), "grants")


def test_the_doctors_commands_grant_what_it_found_missing(
    new_role: NEW_ROLE, database: str, embeddings: LocalEmbeddings
) -> None:
    _, dsn = new_role(*APPLICATION)
    with PersistMem.open(dsn, embeddings=embeddings, settings=Settings(worker=False)) as memory:
        (finding,) = bad(memory.admin.diagnose(), "grants")
        do(database, *(command for command in str(finding.fix).split("; ") if command.startswith("GRANT")))
        do(database, str(finding.fix).split(": ")[1].split("; ")[0])
        assert not bad(memory.admin.diagnose(), "grants")
        _run(memory)


def test_a_saver_alone_grants_the_sequence_to_whoever_was_granted_insert_later(
    new_role: NEW_ROLE, database: str
) -> None:
    tables = "checkpoints, checkpoint_blobs, checkpoint_writes"
    _, dsn = new_role(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {{}}")
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    with PersistMemSaver.from_conn_string(dsn) as saver:
        with pytest.raises(Exception, match="checkpoints_persistmem_order_seq"):
            saver.put(config, _checkpoint(), {}, {})
        with PersistMemSaver.from_conn_string(database) as owner:
            owner.setup()
        saver.put(config, _checkpoint(), {}, {})
