"""The application works with the rights that docs/how-to/run-in-production.md gives it, and has no others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from tests.docs.test_docs import ROOT, blocks

ROLES = ("memory_owner", "memory_app", "memory_reader")


@pytest.fixture
def roles(database: str) -> Iterator[dict[str, str]]:
    """Connection strings of the page's three roles, under names that no other test has."""
    names = {role: f"{role}_{uuid4().hex[:8]}" for role in ROLES}
    page = ROOT / "docs" / "how-to" / "run-in-production.md"
    with psycopg.connect(database, autocommit=True) as admin:
        for _, text, _ in blocks(page, "sql"):
            admin.execute(re.sub("|".join(ROLES), lambda match: names[match[0]], text).encode())
        for name in names.values():
            admin.execute(f"ALTER ROLE {name} PASSWORD 'x'".encode())
    yield {role: conninfo.make_conninfo(database, user=name, password="x") for role, name in names.items()}
    with psycopg.connect(database, autocommit=True) as admin:
        for name in names.values():
            admin.execute(f"GRANT {name} TO CURRENT_USER".encode())
            admin.execute(f"DROP OWNED BY {name}".encode())
            admin.execute(f"DROP ROLE {name}".encode())


def test_everything_that_an_application_does_works_with_those_rights(
    roles: dict[str, str], embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    said = [{"role": "user", "content": "I was in Rome with my brother last week."}]
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "user_id": "ada"}}
    with PersistMem.open(roles["memory_app"], embeddings=embeddings, settings=Settings(audit="reads")) as memory:
        memory.remember("I like tea", key="tea", user_id="ada")
        memory.remember("I like green tea", key="tea", user_id="ada")
        memory.edit("tea", text="I like black tea", user_id="ada")
        memory.edit("tea", pinned=True, user_id="ada")
        memory.observe(said, thread_id="t", used=["tea"], user_id="ada")
        assert memory.recall("Where was I?", user_id="ada")
        assert memory.context("Where was I?", user_id="ada").text
        memory.update_profile({"name": "Ada"}, user_id="ada")
        memory.store.put(("memories", "ada"), "item", {"text": "jazz"}, ttl=1)
        assert memory.store.search(("memories", "ada"), query="jazz")
        memory.store.delete(("memories", "ada"), "item")
        memory.store.sweep_ttl()
        memory.observe(said, thread_id="later", background=True, user_id="ada")
        memory.admin.process_pending()
        memory.admin.maintain()
        memory.privacy.set_consent("no_extract", user_id="ada")
        assert memory.checkpointer.get_tuple(config) is None
        memory.privacy.export(tmp_path / "ada.jsonl", user_id="ada")
        memory.privacy.import_file(tmp_path / "ada.jsonl", user_id="eve")
        assert memory.privacy.verify_audit(user_id="ada").ok
        assert not [each for each in memory.admin.diagnose() if each.name in ("role", "rights") and each.level != "ok"]
        memory.forget(["tea"], user_id="ada")
        memory.forget(everything=True, user_id="ada")
        assert memory.admin.status(user_id="ada").counts["memories"] == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE persistmem.audit SET actor = 'x'",
        "DELETE FROM persistmem.audit",
        "TRUNCATE persistmem.audit",
        "DELETE FROM persistmem.erasures",
        "DELETE FROM persistmem.migrations",
        "UPDATE persistmem.embedding_models SET name = 'x'",
        "DROP TABLE persistmem.uses",
        "ALTER TABLE persistmem.memories DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE persistmem.mine (a text)",
    ],
)
def test_the_application_may_do_no_more(statement: str, roles: dict[str, str]) -> None:
    with (
        psycopg.connect(roles["memory_app"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_the_reader_reads_and_writes_nothing(
    roles: dict[str, str], memory: PersistMem, embeddings: LocalEmbeddings
) -> None:
    memory.remember("I like tea", user_id="ada")
    with PersistMem.open(roles["memory_reader"], embeddings=embeddings, settings=Settings(worker=False)) as reader:
        assert [each.text for each in reader.recall("tea", user_id="ada")] == ["I like tea"]
        assert reader.privacy.audit(user_id="ada")
        with pytest.raises(Exception, match="may not do this"):
            reader.remember("I like coffee", user_id="ada")
