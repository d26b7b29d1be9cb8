"""The server under row-level security, as a role that sees one person at a time."""

import psycopg
import pytest
from psycopg import conninfo

from langchain_persistmem import LocalEmbeddings, PersistMem
from langchain_persistmem.privacy import row_security
from langchain_persistmem.server import memory_app
from tests.privacy.test_row_security import SAID, database, guarded_template, owned, role  # noqa: F401 - fixtures
from tests.server.walk import KEY, OPERATOR, Caller, client


@pytest.fixture
def restricted(owned: str, database: str, embeddings: LocalEmbeddings) -> str:  # noqa: F811 - the fixtures
    """The database of the plain role, where nobody but the tables' owner may see all namespaces at once."""
    with psycopg.connect(owned) as connection:
        owner = conninfo.conninfo_to_dict(owned).get("user") or connection.info.user
    with PersistMem.open(owned, embeddings=embeddings) as memory:
        memory.backend.run(row_security.enable, everywhere_to=[owner])
    return database


async def test_the_list_of_people_names_the_right_that_the_role_lacks(
    restricted: str, embeddings: LocalEmbeddings
) -> None:
    async with PersistMem.aopen(restricted, embeddings=embeddings, settings=SAID) as memory:
        app = memory_app(memory, key=KEY)
        async with client(app, OPERATOR) as operator, client(app, Caller(user_id="user1")) as person:
            for path in ("/v1/people", "/v1/status"):
                refused = await operator.get(path)
                assert (refused.status_code, refused.json()["type"]) == (500, "urn:persistmem:ConfigurationError")
                assert "--everywhere-to" in refused.json()["detail"]
            one = await operator.get("/v1/memories", params={"user_id": "user1"})
            assert one.json() == (await person.get("/v1/memories")).json() != []
            assert (await person.post("/v1/remember", json={"text": "I have a cat."})).status_code == 201
