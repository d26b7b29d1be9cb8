"""A recall is one statement, which scans one namespace's vectors and nothing else."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from langchain_persistmem.postgres.queries import recall
from langchain_persistmem.postgres.statements import statement


async def test_a_recall_is_one_statement_and_a_context_two_in_one_transaction(either, statements: list[str]) -> None:
    await either.remember("I like tea", user_id="ada")
    for call, expected in (
        (either.recall, ["/* recall */"]),
        (either.context, ["BEGIN", "/* standing_memories */", "/* recall */", "COMMIT"]),
    ):
        statements.clear()
        await call("Do I like tea?", user_id="ada")
        assert [text.split("\n")[0] for text in statements] == expected


async def test_the_turn_after_a_question_is_weighed_though_nothing_else_brings_it_up(either_with) -> None:
    either = await either_with(settings=Settings(candidates=2))
    asked = {
        "role": "user",
        "name": "Nora",
        "content": "Tom, which kettle did you take for the harbour kitchen?",
        "id": "asked",
    }
    told = {"role": "user", "name": "Tom", "content": "Oh, blue!", "id": "told"}
    await either.observe([asked, told], thread_id="t", user_id="ada")
    for place in range(6):
        said = f"The harbour kitchen has a kettle for number {place}"
        await either.observe([{"role": "user", "name": "Nora", "content": said}], thread_id=f"t{place}", user_id="ada")
    for kinds in (None, ["episodic"]):
        explained = await either.explain(
            "Which kettle was taken for the harbour kitchen?", limit=2, kinds=kinds, user_id="ada"
        )
        weighed = {each.memory.text: each.score_parts for each in (*explained.recollections, *explained.omissions)}
        assert "Oh, blue!" in weighed
        assert weighed["Oh, blue!"].terms == 0


async def test_a_turn_that_the_filter_bars_does_not_come_with_the_one_before(either) -> None:
    await either.observe(
        [{"role": "user", "content": "Which kettle is it?"}, {"role": "user", "content": "Oh, blue!"}],
        thread_id="t",
        user_id="ada",
    )
    explained = await either.explain("Which kettle?", kinds=["semantic"], user_id="ada")
    assert explained.candidate_count == 0


@pytest.mark.parametrize("zone", ["UTC", "Australia/Lord_Howe"])
def test_what_is_recalled_is_the_whole_memory_to_the_letter(
    database: str, embeddings: LocalEmbeddings, zone: str
) -> None:
    value = {
        "text": "I keep bees on the roof",
        "big": 12345678901234567890123,
        "float": [1e16, -0.0, 0.1, 1.5e300, 5e-324],
        "nested": {"list": [1, {"b": None}, []], "empty": {}},
        "flag": True,
        "signs": 'ü \u2028 \U0001f41d \\ " \n',
    }
    dsn = psycopg.conninfo.make_conninfo(database, options=f"-c timezone={zone}")
    with PersistMem.open(dsn, embeddings=embeddings) as memory:
        memory.store.put(("memories", "ada"), "bees", value)
        memory.remember("I keep bees in the garden", key="hive", speaker="Ada", user_id="ada")
        for at in (None, datetime.now(UTC)):
            found = memory.recall("Where do I keep bees?", at=at, user_id="ada")
            assert len(found) == 2
            for each in found:
                assert repr(each.memory) == repr(memory.get(each.memory.key, user_id="ada"))
        assert repr(memory.get("bees", user_id="ada").value) == repr(value)


@pytest.mark.own_database
async def test_reading_writes_nothing(either, database: str) -> None:
    await either.remember("I like tea", user_id="ada")
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
                sql.Identifier(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
            )
        )
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert await either.recall("Do I like tea?", user_id="ada")
    assert (await either.context("Do I like tea?", user_id="ada")).text
    assert await either.list(user_id="ada")
    assert (await either.admin.status(user_id="ada")).counts


@pytest.mark.own_database
def test_the_search_is_an_index_only_scan_of_one_namespace(memory: PersistMem, database: str, monkeypatch) -> None:
    for user in ("ada", *(f"user{number}" for number in range(15))):
        turns = [{"role": "user", "content": f"{user} planted oak {number}"} for number in range(40)]
        memory.observe(turns, thread_id="t", user_id=user)
    asked: dict[str, Any] = {}

    def keep_statement(name: str, **slots: sql.Composable) -> Any:
        asked["query"] = statement(name, **slots)  # type: ignore[arg-type]
        return asked["query"]

    monkeypatch.setattr(recall, "statement", keep_statement)
    original = psycopg.Cursor.execute

    def keep_parameters(self: Any, query: Any, parameters: Any = None, **kwargs: Any) -> Any:
        if asked and getattr(query, "name", None) == asked["query"].name:  # sent with the names of the schemas
            cursor = psycopg.RawCursor(self.connection, row_factory=dict_row)
            original(cursor, "VACUUM ANALYZE persistmem.vectors, persistmem.terms, persistmem.memories")
            original(cursor, sql.SQL("EXPLAIN ") + query, parameters)
            asked["plan"] = [row["QUERY PLAN"] for row in cursor.fetchall()]
        return original(self, query, parameters, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", keep_parameters)
    memory.recall("Who planted an oak tree?", user_id="ada")
    plan = "\n".join(asked["plan"])
    assert "Index Only Scan using vectors_scan" in plan
    for table in ("vectors", "terms", "memories"):
        assert f"Seq Scan on {table}" not in plan


class Padded(LocalEmbeddings):
    """The local model with zeros behind, as wide as hosted models are."""

    model_name = "padded"
    dimensions = 1536

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector + [0.0] * (1536 - len(vector)) for vector in super().embed_documents(texts)]


async def test_wide_vectors_are_searched_exactly_too(empty_database: str) -> None:
    async with PersistMem.aopen(empty_database, embeddings=Padded()) as memory:
        await memory.asetup()
        for text in ("My daughter Lena plays the violin", "I work as a nurse", "I am allergic to nuts"):
            await memory.aremember(text, user_id="ada")
        (best, *_) = await memory.arecall("Which instrument does Lena play?", user_id="ada")
        assert best.text == "My daughter Lena plays the violin"
        (item, *_) = await memory.store.asearch(("memories", "ada"), query="What must I not eat?", limit=1)
        assert item.value["text"] == "I am allergic to nuts"


def test_an_item_of_many_parts_does_not_crowd_out_the_others(memory: PersistMem) -> None:
    memory.store.put(
        ("memories", "ada"), "list", {"birds": [f"garden bird {i}" for i in range(60)]}, index=["birds[*]"]
    )
    for number in range(9):
        memory.remember(f"I saw garden bird number {number}", user_id="ada")
    found = memory.recall("garden bird", limit=10, threshold=0, user_id="ada")
    assert Counter(each.memory.key == "list" for each in found) == {True: 1, False: 9}


async def test_where_everything_is_about_one_thing_a_question_about_it_is_answered(either) -> None:
    for day in range(60):
        await either.remember(f"The weather on day {day} was {['sunny', 'rainy'][day % 2]} in Oslo", user_id="ada")
    assert len(await either.recall("What was the weather in Oslo?", user_id="ada")) == 10
    assert await either.recall("Which violin does my aunt play?", user_id="ada") == []
