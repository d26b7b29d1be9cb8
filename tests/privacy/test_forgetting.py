"""Forgotten means forgotten: the text is in no table any more, and the receipt says how much went."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from langchain_persistmem import InvalidInputError, MemoryNotFoundError

MARKER = "xyzzymarker"


def tables_with(database: str, marker: str) -> dict[str, int]:
    """Rows of every table of the database that hold ``marker`` in any column."""
    found = {}
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text ILIKE %s").format(sql.Identifier(schema, table))
            (count,) = connection.execute(query, (f"%{marker}%",)).fetchone()
            if count:
                found[table] = count
    return found


def rows_of(database: str, namespace: str) -> dict[str, int]:
    """Rows by table that carry ``namespace``, for every table that has the column."""
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'persistmem' AND column_name = 'namespace'"
        ).fetchall()
        return {
            table: connection.execute(
                sql.SQL("SELECT count(*) FROM persistmem.{} WHERE namespace = %s").format(sql.Identifier(table)),
                (namespace,),
            ).fetchone()[0]
            for (table,) in tables
        }


async def test_everything_of_one_person_goes_from_every_table_and_nobody_elses(either, database: str) -> None:
    for user in (f"{MARKER}", "ada"):
        await either.remember(f"I keep a {user} in the garden", user_id=user)
        await either.observe(
            [("user", f"My {user} is hungry")], thread_id=f"thread-{user}", user_id=user, used=["none"]
        )
        (best, *_) = await either.recall(f"{user} garden", user_id=user)
        await either.observe([], thread_id=f"thread-{user}", user_id=user, used=[best.memory.key])
        await either.observe([("user", f"And {user}?")], thread_id=f"later-{user}", background=True, user_id=user)
        for text in (f"My {user} sleeps", f"My {user} is awake"):
            await either.remember(text, key="state", user_id=user)
        with psycopg.connect(database) as connection:  # written where a model has a daily cap
            statement = "INSERT INTO persistmem.model_calls VALUES (%s, current_date, 1)"
            connection.execute(statement, (f"memories/{user}",))
            statement = "INSERT INTO persistmem.missing_vectors (namespace, model, due_at) SELECT %s, model, now() FROM persistmem.embedding_models"
            connection.execute(statement, (f"memories/{user}",))
            statement = "INSERT INTO persistmem.threads VALUES (%s, %s, false, now()) ON CONFLICT DO NOTHING"
            connection.execute(statement, (f"memories/{user}", f"thread-{user}"))
            statement = (
                "INSERT INTO persistmem.memory_turns SELECT namespace, id, gen_random_uuid(), 'quote' "
                "FROM persistmem.memories WHERE namespace = %s LIMIT 1"
            )
            connection.execute(statement, (f"memories/{user}",))
            statement = (
                "INSERT INTO persistmem.omissions SELECT namespace, gen_random_uuid(), thread_id, id, 1, 'text', "
                "'low_confidence', NULL, now() FROM persistmem.messages WHERE namespace = %s LIMIT 1"
            )
            connection.execute(statement, (f"memories/{user}",))
            statement = (
                "INSERT INTO persistmem.rewrites (namespace, generation, due_at, created_at) "
                "SELECT namespace, generation, now() + interval '1 day', now() FROM persistmem.namespaces WHERE namespace = %s"
            )
            connection.execute(statement, (f"memories/{user}",))
            statement = "INSERT INTO persistmem.work_queue (namespace, task, due_at) VALUES (%s, 'learn', now())"
            connection.execute(statement, (f"memories/{user}",))
            statement = "INSERT INTO persistmem.audit VALUES (%s, 0, now(), 'a test', 'shown', '{}', '{}', '')"
            connection.execute(statement, (f"memories/{user}",))
    before = rows_of(database, f"memories/{MARKER}")
    assert all(before.values()), f"the test must fill every table: {before}"

    planned = await either.forget(everything=True, dry_run=True, user_id=MARKER)
    assert not planned.erased
    assert rows_of(database, f"memories/{MARKER}") == before

    receipt = await either.forget(everything=True, user_id=MARKER)
    assert receipt.erased
    assert receipt.counts == planned.counts
    assert {table: receipt.counts[table] for table in before} == before
    assert not any(rows_of(database, f"memories/{MARKER}").values())
    assert tables_with(database, MARKER) == {}
    assert all(rows_of(database, "memories/ada").values())


async def test_a_query_erases_nothing_and_shows_the_candidates(either) -> None:
    await either.remember("My salary is 58400 euros", user_id="ada")
    await either.remember("I like hiking", user_id="ada")
    plan = await either.forget(query="my salary", user_id="ada")
    assert not plan.erased
    assert [each.text for each in plan.candidates] == ["My salary is 58400 euros"]
    assert len(await either.list(user_id="ada")) == 2
    receipt = await either.forget(plan.keys, user_id="ada")
    assert receipt.counts["memories"] == 1
    assert [each.text for each in await either.list(user_id="ada")] == ["I like hiking"]


LIVES = {
    "short": (["I moved to Oslo.", "I love fishing."], {"fish": [1], "fishing": [1], "Oslo": [0], "my move": [0]}),
    "ex": (
        ["My ex is called Tom", "Tom, my ex, lives in Oslo", "I play the cello", "My sister is called Nora"],
        {"my ex Tom": [0, 1], "my ex": [0, 1], "the cello": [2], "Nora": [3], "my sister": [3]},
    ),
    "everyday": (
        [
            "I work at Siemens.", "My salary is 58400 euros.", "I have a dog called Rex.", "I'm allergic to nuts.",
            "I live in Hamburg.", "My birthday is on May 3.", "My boss is called Mr Brown.", "I broke my leg in 2019.",
            "I drive a red Volvo.", "I was divorced in March.", "My therapist is Dr Lee.",
        ],
        {
            "my salary": [1], "my dog": [2], "Rex": [2], "my allergy": [3], "nuts": [3], "my birthday": [5], "my boss": [6],
            "my leg": [7], "the car": [8], "my divorce": [9], "my therapist": [10], "how much I earn": [1], "tennis": [],
            "my children": [],
        },
    ),
    "de": (
        ["Ich wohne in Köln.", "Mein Gehalt ist 4200 Euro.", "Ich habe eine Katze namens Mia.", "Ich spiele Klavier."],
        {"meine Katze": [2], "mein Gehalt": [1], "Köln": [0], "Klavier": [3]},
    ),
    "es": (
        ["Vivo en Madrid.", "Soy alérgica a las nueces.", "Mi perro se llama Toby.", "Trabajo en un banco."],
        {"mi perro": [2], "mi alergia": [1], "Madrid": [0], "mi trabajo": [3]},
    ),
}  # fmt: skip
"""What somebody said, and what a request to forget means of it."""


async def test_of_many_that_have_the_word_every_one_is_meant(either) -> None:
    names = ["Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jo", "Kim", "Lea"]
    for number, name in enumerate(names):
        await either.remember(f"My cousin {name} {'lives in Rome' if number % 2 else 'plays in a band'}", user_id="ada")
        await either.remember(f"On day {number} I had soup", user_id="ada")
    plan = await either.forget(query="my cousins", limit=50, user_id="ada")
    assert len(plan.candidates) == len(names)
    assert all("cousin" in each.text for each in plan.candidates)


@pytest.mark.parametrize("how", ["observe", "remember"])
@pytest.mark.parametrize("life", LIVES)
async def test_a_request_to_forget_means_what_it_says_and_nothing_that_stands_beside_it(either, life, how) -> None:
    told, requests = LIVES[life]
    for number, text in enumerate(told):
        if how == "remember":
            await either.remember(text, user_id=life)
        else:
            await either.observe([{"role": "user", "content": text, "id": f"m{number}"}], thread_id="t", user_id=life)
    for request, wanted in requests.items():
        plan = await either.forget(query=request, user_id=life)
        assert {each.text for each in plan.candidates} == {told[number] for number in wanted}, request
        assert plan.counts["memories"] == len(wanted)


async def test_the_same_sentence_in_two_threads_is_shown_and_erased_twice(either) -> None:
    for thread in ("one", "two"):
        await either.observe([("user", "My salary is 58400 euros")], thread_id=thread, user_id="ada")
    plan = await either.forget(query="my salary", user_id="ada")
    assert len(plan.keys) == 2
    await either.forget(plan.keys, user_id="ada")
    assert await either.recall("my salary", user_id="ada") == []
    assert await either.list(user_id="ada") == []


async def test_with_a_memory_go_its_versions_its_turn_and_what_else_was_learnt_from_it(either, database: str) -> None:
    await either.remember(f"I earn {MARKER} one", key="pay", user_id="ada")
    await either.remember(f"I earn {MARKER} two", key="pay", user_id="ada")
    await either.observe([("user", f"my {MARKER} turn, told in confidence")], thread_id="t", user_id="ada")
    (turn,) = await either.list(kinds=["episodic"], user_id="ada")
    receipt = await either.forget(["pay", turn.key], user_id="ada")
    assert receipt.counts["memories"] == 3
    assert receipt.counts["messages"] == 1
    assert tables_with(database, MARKER) == {}


async def test_an_unknown_key_erases_nothing(either) -> None:
    kept = await either.remember("I like hiking", user_id="ada")
    with pytest.raises(MemoryNotFoundError, match="no memory with the key 'nope'"):
        await either.forget([kept.key, "nope"], user_id="ada")
    assert len(await either.list(user_id="ada")) == 1


@pytest.mark.parametrize("arguments", [{}, {"keys": ["a"], "everything": True}, {"query": "a", "everything": True}])
async def test_exactly_one_of_three_is_to_be_said(either, arguments) -> None:
    with pytest.raises(InvalidInputError, match="exactly one of"):
        await either.forget(**arguments, user_id="ada")


@pytest.mark.parametrize("user", ["%", "*", "_", "ad_"])
async def test_a_wildcard_is_a_name_and_forgets_nobody(either, user: str) -> None:
    await either.remember("I like hiking", user_id="ada")
    receipt = await either.forget(everything=True, user_id=user)
    assert receipt.counts["memories"] == 0
    assert len(await either.list(user_id="ada")) == 1


async def test_what_was_learnt_while_erasing_does_not_come_back(either, monkeypatch) -> None:
    """Learning that began before the erase finds another generation of the namespace and gives up."""
    from langchain_persistmem.learning.turns import turn_memories

    original = turn_memories.embed_or_postpone

    async def erased_meanwhile(backend, pieces, *, later):
        vectors = await original(backend, pieces, later=later)
        await extraction_erase(backend)
        return vectors

    async def extraction_erase(backend) -> None:
        from langchain_persistmem.privacy import forget

        plan = forget.Plan(None, None, everything=True, dry_run=False, limit=1)
        await forget.forget(backend, ("memories", "ada"), plan, now=datetime.now(UTC))

    monkeypatch.setattr(turn_memories, "embed_or_postpone", erased_meanwhile)
    observed = await either.observe([("user", "I adopted a cat called Pixel")], thread_id="t", user_id="ada")
    assert observed.added == 0
    assert (await either.admin.status()).counts == {"namespaces": 0, "memories": 0, "messages": 0}
