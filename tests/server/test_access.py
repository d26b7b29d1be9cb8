"""Who may see whose memory: pages, HTTP and MCP alike."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from langchain_persistmem import PersistMem
from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.server import Caller, bearer_token, memory_app

KEY = "a key of at least thirty-two characters"


def client(app, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver", headers=headers)


async def test_the_address_with_a_token_opens_one_session_and_works_once(amemory: PersistMem) -> None:
    app = memory_app(amemory, key=KEY)
    path = app.state.service.authentication.login_path(Caller(is_operator=True))
    async with client(app) as browser, client(app) as other:
        assert (await browser.get("/")).status_code == 401
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "max-age=43200", "path=/"} <= set(cookie.split("; "))
        assert (await browser.get("/")).status_code == 200
        assert (await other.get(path)).status_code == 401
        assert (await other.get("/")).status_code == 401


async def test_mounted_under_a_path_every_address_begins_with_it(amemory: PersistMem) -> None:
    inner = memory_app(amemory, authorize=lambda request: Caller(user_id="ada"))
    app = Starlette(routes=[Mount("/app/memory", inner)])
    async with client(app) as browser:
        page = await browser.get("/app/memory/")
        assert page.status_code == 200
        assert 'href="/app/memory/static/inspector.css"' in page.text
        assert (await browser.get("/app/memory/static/inspector.css")).status_code == 200


def test_an_application_by_which_nobody_could_log_in_is_refused(memory: PersistMem) -> None:
    with pytest.raises(ConfigurationError, match="authorize="):
        memory_app(memory)
    with pytest.raises(ConfigurationError, match="32 characters"):
        memory_app(memory, key="short")


async def test_a_bearer_token_of_another_key_counts_for_nothing(amemory: PersistMem) -> None:
    ada = Caller(user_id="ada")
    for key, status in ((KEY, 200), (KEY + "!", 401)):
        async with client(memory_app(amemory, key=KEY), Authorization=f"Bearer {bearer_token(key, ada)}") as program:
            assert (await program.get("/")).status_code == status
