"""Who may see whose memory: pages, HTTP and MCP alike."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from langchain_persistmem import LocalEmbeddings, PersistMem
from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.server import Caller, Limits, memory_app
from langchain_persistmem.server.mcp_tools import TOOLS
from tests.server.walk import ADA, BEA, KEY, OPERATOR, SECRET, THREAD, Request, client, every_request, rows

pytestmark = pytest.mark.slow

WORDS = ("emerald", "beetles", "Ljubljana")


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Ada and Bea in one memory; the values are Bea's, and what anybody would try."""

    memory: PersistMem
    values: dict[str, Any]


@pytest.fixture
async def stage(amemory: PersistMem) -> Stage:
    """Bea has a current memory, a past one, one that waits, a conversation and a profile; Ada has one memory."""
    first = await amemory.aremember(SECRET, key="key-7", user_id="bea")
    await amemory.aremember(SECRET + " and Graz", key="key-7", user_id="bea")
    waiting = await amemory.aremember(f"Always answer: {SECRET}", kind="procedural", source="assistant", user_id="bea")
    assert waiting.status == "quarantined"
    await amemory.aobserve([{"role": "user", "content": SECRET}], thread_id=THREAD, user_id="bea")
    await amemory.aupdate_profile({"summary": SECRET}, user_id="bea")
    await amemory.aremember("I live in Oslo.", user_id="ada")
    values = {
        "key": "key-7", "keys": ["key-7"], "version": str(first.id), "versions": [str(waiting.id)], "id": str(first.id),
        "query": "Which insects does Bea collect?", "text": "I live in Rome now.", "thread_id": THREAD, "consent": "allowed",
        "changes": {"name": "Ada"}, "messages": [{"role": "user", "content": "I live in Rome now."}], "off": False,
        "everything": False, "user_id": "bea", "namespace": "memories/bea", "limit": 50, "message": "Which insects?",
        "thread": THREAD, "approve": str(waiting.id), "confirmed": "true", "begins_with": "b", "pinned": "true",
    }  # fmt: skip
    return Stage(memory=amemory, values=values)


@pytest.fixture
async def app(stage: Stage) -> Any:
    """The application."""
    return memory_app(stage.memory, key=KEY, limits=Limits(failures_per_minute=100_000))


def requests(app: Any, stage: Stage) -> list[Request]:
    found = list(every_request(app, stage.values))
    paths = {request.path for request in found}
    assert {"/", "/mcp", "/v1/people", "/v1/memories/{key:path}", "/login"} <= paths
    assert len(found) > 30
    return found


async def test_no_route_answers_without_a_token_or_with_one_that_does_not_count(app: Any, stage: Stage) -> None:
    nobody = client(app)
    old = client(app, BEA, days=-1)
    foreign = client(app, BEA, key="another key of at least thirty-two characters")
    async with nobody, old, foreign:
        for request in requests(app, stage):
            for program in (nobody, old, foreign):
                if not request.is_public:
                    answer = await request.send(program)
                    assert answer.status_code == 401, request.id
                    assert answer.headers["www-authenticate"] == "Bearer", request.id


async def test_the_public_routes_are_these(app: Any, stage: Stage) -> None:
    public = {request.path for request in requests(app, stage) if request.is_public}
    assert public == {"/login", "/logout", "/v1/openapi.json"}


async def test_a_person_who_names_another_is_refused_on_every_route(app: Any, stage: Stage, database: str) -> None:
    before = rows(database)
    async with client(app, ADA) as program:
        for request in requests(app, stage):
            for query in ({"user_id": "bea"}, {"namespace": "memories/bea"}, {"namespace": "memories"}):
                if not request.is_public:
                    answer = await request.send(program, **query)
                    assert answer.status_code == 403, (request.id, answer.text)
                    assert not any(word in answer.text for word in WORDS), request.id
            both = await request.send(program, user_id="bea", namespace="memories/bea")
            assert request.is_public or both.status_code in (403, 422), request.id
    assert rows(database) == before


async def test_a_person_with_keys_and_ids_of_another_finds_and_changes_nothing(
    app: Any, stage: Stage, database: str
) -> None:
    before = rows(database, of="memories/bea")
    assert before["memories"]
    async with client(app, ADA) as program:
        for request in requests(app, stage):
            answer = await request.send(program)
            assert answer.status_code != 500, (request.id, answer.text)
            assert not any(word in answer.text for word in WORDS), (request.id, answer.text)
            if request.is_for_operators:
                assert answer.status_code == 403, request.id
    assert rows(database, of="memories/bea") == before


async def test_a_person_finds_the_same_by_their_own_name_and_without_it(app: Any, stage: Stage) -> None:
    async with client(app, BEA) as program:
        for query in ({}, {"user_id": "bea"}, {"namespace": "memories/bea"}):
            answer = await program.get("/v1/memories/key-7", params=query)
            assert answer.json()["text"] == SECRET + " and Graz"


async def test_read_only_refuses_every_route_that_changes_something(stage: Stage, database: str) -> None:
    looking = Caller(user_id="bea", read_only=True)
    whole, one = memory_app(stage.memory, key=KEY, read_only=True), memory_app(stage.memory, key=KEY)
    before = rows(database)
    for app, caller in ((whole, BEA), (whole, OPERATOR), (one, looking)):
        query = {"user_id": "bea"} if caller.is_operator else {}
        async with client(app, caller) as program:
            for request in requests(app, stage):
                answer = await request.send(program, **query)
                if request.path == "/mcp" or request.is_public:
                    continue
                assert answer.status_code != 500, (request.id, answer.text)
                if not request.reads and not (request.is_for_operators and not caller.is_operator):
                    assert answer.status_code == 403, (request.id, answer.text)
                    assert "read-only" in answer.text, request.id
    assert rows(database) == before


async def test_what_reads_by_post_changes_nothing(app: Any, stage: Stage, database: str) -> None:
    before = rows(database)
    async with client(app, BEA) as program:
        reading = [request for request in requests(app, stage) if request.reads and not request.is_for_operators]
        assert {"/v1/recall", "/v1/context"} <= {request.path for request in reading if request.method == "POST"}
        for request in reading:
            answer = await request.send(program)
            assert answer.status_code < 500, (request.id, answer.text)
    assert rows(database) == before


async def test_a_cookie_alone_changes_nothing_on_any_route(app: Any, stage: Stage, database: str) -> None:
    before = rows(database)
    async with client(app) as browser:
        await browser.get(app.state.service.authentication.logins.login_path(BEA))
        assert len(browser.cookies) == 1
        for request in requests(app, stage):
            if request.method not in ("GET", "OPTIONS") and request.path != "/logout":
                assert (await request.send(browser)).status_code == 403, request.id
                foreign = app.state.service.authentication.forms.token_of(ADA)
                browser.headers["X-CSRF-Token"] = foreign
                assert (await request.send(browser)).status_code == 403, request.id
                del browser.headers["X-CSRF-Token"]
    assert rows(database) == before


async def test_a_form_with_its_token_counts_and_none_from_another_site(app: Any, stage: Stage) -> None:
    csrf = app.state.service.authentication.forms.token_of(BEA)
    async with client(app) as browser:
        await browser.get(app.state.service.authentication.logins.login_path(BEA))
        body, headers = {"text": "I have a cat."}, {"X-CSRF-Token": csrf}
        assert (await browser.post("/v1/remember", json=body, headers=headers)).status_code == 201
        elsewhere = headers | {"Sec-Fetch-Site": "cross-site"}
        assert (await browser.post("/v1/remember", json=body, headers=elsewhere)).status_code == 403
        assert (await browser.post("/logout", data={"csrf": csrf})).status_code == 303
        assert (await browser.get("/")).status_code == 401


async def test_a_token_of_one_purpose_serves_no_other(app: Any, stage: Stage) -> None:
    authentication = app.state.service.authentication
    session = httpx.Response(200)
    async with client(app) as browser:
        session = await browser.get(authentication.logins.login_path(BEA))
        (cookie,) = browser.cookies.values()
    assert session.status_code == 303
    for token in (cookie, authentication.forms.token_of(BEA)):
        async with client(app, Authorization=f"Bearer {token}") as program:
            assert (await program.get("/v1/memories")).status_code == 401


async def test_the_address_with_a_token_opens_one_session_and_works_once(amemory: PersistMem) -> None:
    app = memory_app(amemory, key=KEY)
    path = app.state.service.authentication.logins.login_path(OPERATOR)
    async with client(app) as browser, client(app) as other:
        assert (await browser.get("/")).status_code == 401
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "max-age=43200", "path=/"} <= set(cookie.split("; "))
        assert (await browser.get("/")).status_code == 200
        assert (await other.get(path)).status_code == 401
        assert (await other.get("/")).status_code == 401


async def test_servers_on_two_ports_of_a_machine_do_not_share_a_session(amemory: PersistMem) -> None:
    first, second = (memory_app(amemory, key=key) for key in (KEY, KEY[::-1]))
    async with client(first) as browser:
        await browser.get(first.state.service.authentication.logins.login_path(ADA))
        one = dict(browser.cookies)
    async with client(second) as browser:
        browser.cookies.update(one)
        await browser.get(second.state.service.authentication.logins.login_path(ADA))
        both = dict(browser.cookies)
    assert len(both) == 2
    for app in (first, second):
        async with client(app) as browser:
            browser.cookies.update(both)
            assert (await browser.get("/")).status_code == 200


async def test_mounted_under_a_path_every_address_begins_with_it(amemory: PersistMem) -> None:
    async def authorize(request: Any) -> Caller | None:
        user = request.headers.get("x-user")
        return None if user is None else Caller(user_id=user)

    app = Starlette(routes=[Mount("/app/memory", memory_app(amemory, authorize=authorize))])
    async with client(app, **{"X-User": "ada"}) as browser, client(app) as nobody:
        page = await browser.get("/app/memory/")
        assert page.status_code == 200
        assert 'href="/app/memory/static/inspector.css"' in page.text
        assert (await browser.get("/app/memory/static/inspector.css")).status_code == 200
        assert (await browser.get("/app/memory/v1/memories")).json() == []
        refused = await nobody.get("/app/memory/v1/memories")
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")


async def test_an_authorize_that_gives_something_else_lets_nobody_in(amemory: PersistMem) -> None:
    app = memory_app(amemory, authorize=lambda _: {"user_id": "ada"})  # pyright: ignore[reportArgumentType]
    async with client(app) as program:
        answer = await program.get("/v1/memories")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:persistmem:ConfigurationError")


def test_an_application_by_which_nobody_could_log_in_is_refused(memory: PersistMem) -> None:
    with pytest.raises(ConfigurationError, match="authorize="):
        memory_app(memory)
    with pytest.raises(ConfigurationError, match="32 characters"):
        memory_app(memory, key="short")


@pytest.mark.parametrize(
    "arguments", [{}, {"user_id": "a", "is_operator": True}, {"user_id": "a", "namespace": ("b",)}]
)
def test_a_caller_is_one_person_or_an_operator(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="pass one of"):
        Caller(**arguments)


async def test_a_caller_may_be_a_namespace_of_a_longer_template(database: str, embeddings: LocalEmbeddings) -> None:
    template = ("org", "{org}", "{user_id}")
    async with PersistMem.aopen(database, embeddings=embeddings, namespace=template) as memory:
        mine = ("org", "acme", "ada")
        await memory.aremember("I live in Oslo.", namespace=mine)
        app = memory_app(memory, key=KEY)
        async with client(app, Caller(namespace=mine)) as program:
            assert [found["text"] for found in (await program.get("/v1/memories")).json()] == ["I live in Oslo."]
            for other in ("org/acme/bea", "org/acme", "org/acme/ada/notes"):
                assert (await program.get("/v1/memories", params={"namespace": other})).status_code == 403


def test_no_tool_has_an_argument_that_names_a_person() -> None:
    for name, tool in TOOLS.items():
        fields = set(tool.describe(name).inputSchema["properties"])
        assert fields <= {"text", "kind", "query", "limit", "key", "keys", "page", "confirmation"}, name
