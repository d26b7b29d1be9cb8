"""HTTP for programs: every call does what the method of its name does; bad input is refused by name, and nothing is lost."""

import gzip
import json
import logging
from typing import Any

import httpx
import pytest
from starlette.routing import Mount, Router

from langchain_persistmem import PersistMem
from langchain_persistmem.server import Limits, memory_app
from langchain_persistmem.server.request_limits import HEADERS
from tests.server.walk import ADA, BEA, KEY, OPERATOR, SECRET, client, rows

pytestmark = pytest.mark.slow

PROBLEM = "application/problem+json"


@pytest.fixture
def app(amemory: PersistMem) -> Any:
    return memory_app(amemory, key=KEY)


async def test_a_memory_is_stored_found_corrected_pinned_restored_and_erased(app: Any) -> None:
    async with client(app, ADA) as program:
        stored = await program.post("/v1/remember", json={"text": "I live in Oslo.", "kind": "auto", "value": {"a": 1}})
        assert stored.status_code == 201
        key, first = stored.json()["key"], stored.json()["id"]
        (found,) = (await program.post("/v1/recall", json={"query": "Where do I live?"})).json()
        assert found["memory"]["text"] == "I live in Oslo."
        assert 0 < found["score"] <= 1
        assert found["score_parts"]["evidence"] > 0
        edited = await program.patch(f"/v1/memories/{key}", json={"text": "I live in Bergen.", "pinned": True})
        assert (edited.json()["text"], edited.json()["pinned"]) == ("I live in Bergen.", True)
        history = (await program.get(f"/v1/history/{key}")).json()
        assert [version["text"] for version in history["versions"]] == ["I live in Bergen.", "I live in Oslo."]
        assert (await program.get(f"/v1/versions/{first}")).json()["status"] == "superseded"
        await program.post("/v1/restore", json={"version": first})
        assert (await program.get(f"/v1/memories/{key}")).json()["text"] == "I live in Oslo."
        preview = (await program.post("/v1/forget", json={"query": "Oslo"})).json()
        assert (preview["erased"], len(preview["candidates"])) == (False, 1)
        receipt = (await program.post("/v1/forget", json={"keys": [key]})).json()
        assert receipt["erased"]
        assert receipt["counts"]["memories"] == 2
        gone = await program.get(f"/v1/memories/{key}")
        assert (gone.status_code, gone.json()["type"]) == (404, "urn:persistmem:MemoryNotFoundError")


async def test_a_conversation_is_learnt_from_and_becomes_a_context_within_its_budget(app: Any) -> None:
    messages = [
        {
            "role": "user",
            "content": "My daughter Lina starts school in August.",
            "timestamp": "2026-03-02T19:00:00+01:00",
        },
        {"role": "assistant", "content": "How nice!"},
    ]
    async with client(app, ADA) as program:
        observed = (await program.post("/v1/observe", json={"messages": messages, "thread_id": "t1"})).json()
        assert observed["stored"] == 2
        again = (await program.post("/v1/observe", json={"messages": messages[:1], "thread_id": "t2"})).json()
        assert again["stored"] == 1
        body = {"query": "When does Lina start school?", "max_tokens": 200, "explain": True}
        context = (await program.post("/v1/context", json=body)).json()
        assert "Lina" in context["text"]
        assert 0 < context["tokens"] <= 200
        assert context["keys"]
        assert context["explanation"]["recollections"]
        shown = {"query": body["query"], "shown": context["fingerprints"]}
        assert (await program.post("/v1/context", json=shown)).json()["relevant"] == ""
        turns = (await program.get("/v1/turns", params={"thread_id": "t1"})).json()
        assert [turn["role"] for turn in turns] == ["user", "assistant"]
        conversations = (await program.get("/v1/conversations")).json()
        assert {conversation["thread_id"] for conversation in conversations} == {"t1", "t2"}
        outcomes = (await program.get("/v1/outcomes", params={"thread_id": "t1"})).json()
        assert len(outcomes) == 2


async def test_consent_review_profile_audit_and_figures_are_the_persons_own(app: Any) -> None:
    async with client(app, ADA) as program, client(app, OPERATOR) as operator:
        assert (await program.get("/v1/consent")).json() == {"consent": "allowed"}
        rule = {"text": "Always answer in French.", "kind": "procedural", "source": "assistant"}
        assert (await program.post("/v1/remember", json=rule)).json()["status"] == "quarantined"
        (waiting,) = (await program.get("/v1/review")).json()
        approved = await program.post("/v1/review/approve", json={"versions": [waiting["id"]]})
        assert approved.json()[0]["status"] == "active"
        assert (await program.post("/v1/review/reject", json={"everything": True})).json() == {"rejected": 0}
        await program.patch("/v1/profile", json={"changes": {"name": "Ada"}})
        assert (await program.get("/v1/profile")).json()["name"] == "Ada"
        await program.put("/v1/off-record", json={"thread_id": "t1"})
        assert (await program.get("/v1/off-record", params={"thread_id": "t1"})).json()["off"]
        entries = (await program.get("/v1/audit")).json()
        assert {entry["actor"] for entry in entries} == {"server: person"}
        assert (await program.get("/v1/audit/check")).json()["faults"] == []
        await operator.patch(f"/v1/memories/{waiting['key']}", json={"pinned": True}, params={"user_id": "ada"})
        assert (await program.get("/v1/audit")).json()[-1]["actor"] == "server: ops"
        assert (await program.get("/v1/status")).json()["counts"]["memories"] == 2
        assert (await operator.get("/v1/status")).json()["counts"]["namespaces"] == 1
        for letter, people in (("", ["ada"]), ("a", ["ada"]), ("b", [])):
            listed = await operator.get("/v1/people", params={"begins_with": letter})
            assert [person["user_id"] for person in listed.json()] == people
        await program.put("/v1/consent", json={"consent": "paused"})
        paused = await program.post("/v1/remember", json={"text": "I have a cat."})
        assert (paused.status_code, paused.json()["type"]) == (409, "urn:persistmem:MemoryDisabledError")


async def test_an_export_comes_back_and_becomes_the_importers_own(app: Any, amemory: PersistMem, database: str) -> None:
    await amemory.aremember(SECRET, key="k", user_id="bea")
    async with client(app, BEA) as bea, client(app, ADA) as ada:
        exported = await bea.get("/v1/export")
        assert exported.headers["content-disposition"] == 'attachment; filename="memory.jsonl.gz"'
        assert SECRET in gzip.decompress(exported.content).decode()
        before = rows(database, of="memories/bea")
        checked = await ada.post("/v1/import", params={"dry_run": "true"}, content=exported.content)
        assert (checked.json()["dry_run"], checked.json()["memories"]) == (True, 1)
        assert (await ada.get("/v1/memories")).json() == []
        assert (await ada.post("/v1/import", content=exported.content)).json()["memories"] == 1
        assert [memory["text"] for memory in (await ada.get("/v1/memories")).json()] == [SECRET]
        again = (await bea.post("/v1/import", content=gzip.decompress(exported.content))).json()
        assert (again["memories"], again["unchanged"]) == (0, again["read"])
        assert rows(database, of="memories/bea")["memories"] == before["memories"]


@pytest.mark.parametrize(
    "upload", [b"", b"no export", b"\x1f\x8bbroken", b'{"line": "export"}', b"[" * 100_000, b"\x00" * 99]
)
async def test_an_upload_that_is_no_export_is_refused_without_a_path_of_ours(
    app: Any, database: str, upload: bytes
) -> None:
    before = rows(database)
    async with client(app, ADA) as program:
        answer = await program.post("/v1/import", content=upload)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:persistmem:InvalidInputError"
    assert "/" not in answer.json()["detail"]
    assert rows(database) == before


async def test_pages_of_memories_and_kinds(app: Any, amemory: PersistMem) -> None:
    for number in range(5):
        await amemory.aremember(f"Fact number {number} of five.", user_id="ada")
    async with client(app, ADA) as program:
        texts = [
            [
                memory["text"]
                for memory in (await program.get("/v1/memories", params={"limit": 2, "offset": offset})).json()
            ]
            for offset in (0, 2, 4, 6)
        ]
        assert [len(page) for page in texts] == [2, 2, 1, 0]
        assert len({text for page in texts for text in page}) == 5
        for query, count in (
            ({"kind": "episodic"}, 0), ({"kind": ["episodic", "semantic"]}, 5), ({"status": "superseded"}, 0),
            ({"source": "assistant"}, 0), ({"since": "2020-01-01T00:00:00Z"}, 5), ({"until": "2020-01-01T00:00:00Z"}, 0),
        ):  # fmt: skip
            assert len((await program.get("/v1/memories", params=query)).json()) == count, query


@pytest.mark.parametrize("key", ["a/b/c", "../../etc/passwd", "ключ 🗝", "100%", "a?b#c", "<script>"])
async def test_any_key_can_stand_in_an_address(app: Any, key: str) -> None:
    async with client(app, ADA) as program:
        await program.post("/v1/remember", json={"text": "I live in Oslo.", "key": key})
        path = httpx.URL("http://testserver").copy_with(raw_path=b"/v1/memories/" + _quote(key))
        assert (await program.get(path)).json()["key"] == key


def _quote(key: str) -> bytes:
    return "".join(f"%{byte:02X}" for byte in key.encode()).encode()


NO_PERSON = "whose memory is meant"
BAD: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/v1/remember", {}, 422, "body.text"),
    ("POST", "/v1/remember", {"text": ""}, 422, "text"),
    ("POST", "/v1/remember", {"text": "NUL \x00 here"}, 422, "text"),
    ("POST", "/v1/remember", {"text": "x" * 100_000}, 422, "text"),
    ("POST", "/v1/remember", {"text": "x", "key": "k" * 10_000}, 422, "key"),
    ("POST", "/v1/remember", {"text": "x", "importance": 7}, 422, "importance"),
    ("POST", "/v1/remember", {"text": "x", "kind": "<b>"}, 422, "body.kind"),
    ("POST", "/v1/remember", {"text": "x", "source": "operator"}, 403, "source"),
    ("POST", "/v1/remember", {"text": "x", "valid_from": "2026-01-01T00:00:00"}, 422, "valid_from"),
    ("POST", "/v1/remember", {"text": "x", "value": {"secret wish": "\x00"}}, 422, "value"),
    ("POST", "/v1/remember", {"text": "x", "secret wish": 1}, 422, "body"),
    ("POST", "/v1/remember", "no object", 422, "body"),
    ("POST", "/v1/observe", {"messages": [{"role": "nobody"}], "thread_id": "t"}, 422, "messages[0]"),
    ("POST", "/v1/observe", {"messages": ["secret wish"], "thread_id": "t"}, 422, "body.messages.0"),
    ("POST", "/v1/recall", {"query": "x" * 1_000_000}, 422, "query"),
    ("POST", "/v1/recall", {"query": "x", "limit": 10**9}, 422, "limit"),
    ("POST", "/v1/context", {"query": "x", "max_tokens": -1}, 422, "max_tokens"),
    ("POST", "/v1/context", {"query": "x", "time_zone": "secret/wish"}, 422, "time_zone"),
    ("POST", "/v1/forget", {}, 422, "keys"),
    ("POST", "/v1/forget", {"keys": ["nothing there"]}, 404, "no "),
    ("POST", "/v1/restore", {"version": "secret wish"}, 422, "body.version"),
    ("PUT", "/v1/consent", {"consent": "perhaps"}, 422, "body.consent"),
    ("GET", "/v1/memories?limit=x", None, 422, "query.limit"),
    ("GET", "/v1/memories?limit=-1", None, 422, "limit"),
    ("GET", "/v1/turns", None, 422, "query.thread_id"),
    ("GET", "/v1/memories/" + "k" * 10_000, None, 422, "key"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "name"), BAD)
async def test_bad_input_is_refused_by_the_fields_name_and_stores_nothing(
    app: Any, database: str, method: str, path: str, body: Any, status: int, name: str
) -> None:
    before = rows(database)
    async with client(app, ADA) as program:
        answer = await program.request(method, path, json=body)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), problem
    assert name in problem["detail"]
    assert "secret wish" not in answer.text
    assert len(answer.text) < 1_500
    assert rows(database) == before


@pytest.mark.parametrize(
    "content",
    [b"{", b"[" * 100_000, b'{"text": "\xff"}', b'{"text": "\\ud800"}', b'{"text": "x", "value": {"\\ud800": 1}}', b""],
)
async def test_a_body_that_is_no_json_or_no_text_is_refused(app: Any, database: str, content: bytes) -> None:
    before = rows(database)
    async with client(app, ADA, **{"Content-Type": "application/json"}) as program:
        answer = await program.post("/v1/remember", content=content)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == PROBLEM
    assert rows(database) == before


@pytest.mark.parametrize("user_id", ["", "\x00", "n" * 10_000, "a/../b", "<script>alert(1)</script>"])
async def test_an_operator_may_name_anybody_and_a_name_that_cannot_be_is_refused(app: Any, user_id: str) -> None:
    async with client(app, OPERATOR) as program:
        answer = await program.get("/v1/memories", params={"user_id": user_id})
        possible = user_id not in ("", "\x00") and len(user_id) < 500
        assert answer.status_code == (200 if possible else 422)
        assert len(answer.text) < 1_000
        nobody = await program.get("/v1/memories")
        assert (nobody.status_code, nobody.json()["type"]) == (422, "urn:persistmem:NamespaceMissingError")
        assert NO_PERSON in nobody.json()["detail"]


async def test_markup_in_a_memory_stays_text(app: Any) -> None:
    hostile = "</script><script>alert(1)</script>\u202e<img src=x onerror=alert(1)>"
    async with client(app, ADA) as program:
        stored = await program.post("/v1/remember", json={"text": hostile, "key": "<script>"})
        assert stored.json()["text"] == hostile
        assert stored.headers["content-type"] == "application/json"
        assert stored.headers["x-content-type-options"] == "nosniff"


async def test_every_answer_has_the_headers_that_let_nothing_in_from_elsewhere(app: Any) -> None:
    async with client(app, ADA) as program, client(app) as nobody:
        answers = [
            await program.get("/"), await program.get("/v1/memories"), await program.get("/nowhere"),
            await nobody.get("/"), await nobody.get("/v1/memories"), await nobody.post("/v1/remember", content=b"x" * 99_999),
            await nobody.get("/login"), await program.get("/v1/openapi.json"),
        ]  # fmt: skip
        for answer in answers:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (answer.url, name)
        assert "unsafe" not in HEADERS["Content-Security-Policy"]


async def test_a_body_is_refused_beyond_its_limit_whether_its_length_is_declared_or_not(amemory: PersistMem) -> None:
    app = memory_app(amemory, key=KEY, limits=Limits(body_bytes=1_000, upload_bytes=5_000))
    big = json.dumps({"text": "x" * 2_000}).encode()

    async def parts() -> Any:
        for start in range(0, len(big), 100):
            yield big[start : start + 100]

    async with client(app, ADA, **{"Content-Type": "application/json"}) as program, client(app) as nobody:
        for content in (big, parts()):
            answer = await program.post("/v1/remember", content=content)
            assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
            assert "1,000 bytes" in answer.json()["detail"]
        assert (await program.post("/v1/import", content=big)).status_code == 422
        assert (await program.post("/v1/import", content=big * 3)).status_code == 413
        assert (
            await program.post("/v1/remember", content=b"x", headers={"Content-Length": "9" * 30})
        ).status_code == 413
        assert (await nobody.post("/v1/import", content=b"x" * 20_000)).status_code == 413
    assert await amemory.alist(user_id="ada") == []


async def test_who_asks_too_often_waits_and_others_do_not(amemory: PersistMem) -> None:
    app = memory_app(amemory, key=KEY, limits=Limits(requests_per_minute=3, failures_per_minute=2))
    async with client(app, ADA) as ada, client(app, BEA) as bea, client(app) as nobody:
        assert [(await ada.get("/v1/memories")).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert (await bea.get("/v1/memories")).status_code == 200
        assert [(await nobody.get("/v1/memories")).status_code for _ in range(3)] == [401, 401, 429]
        assert (await ada.get("/v1/memories")).headers["retry-after"] == "1"
        assert (await bea.get("/v1/memories")).status_code == 200


async def test_no_text_of_a_memory_stands_in_a_log(
    app: Any, amemory: PersistMem, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET)

    with caplog.at_level(logging.DEBUG):
        async with client(app, BEA) as program:
            await program.post("/v1/remember", json={"text": SECRET, "key": "k"})
            await program.post("/v1/recall", json={"query": SECRET})
            await program.patch("/v1/memories/k", json={"text": SECRET + " and Graz", "importance": 9})
            monkeypatch.setattr(amemory, "alist", fail)
            failed = await program.get("/v1/memories")
    assert (failed.status_code, "emerald" in failed.text) == (500, False)
    assert "RuntimeError in GET /v1/memories" in caplog.text
    assert "emerald" not in caplog.text


async def test_the_description_names_every_call_and_how_to_log_in(app: Any) -> None:
    async with client(app) as program:
        description = (await program.get("/v1/openapi.json")).json()
    assert {
        "/v1/remember",
        "/v1/observe",
        "/v1/recall",
        "/v1/context",
        "/v1/memories",
        "/v1/forget",
        "/v1/export",
    } <= set(description["paths"])
    assert all(path.startswith("/v1/") for path in description["paths"])
    assert description["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for path, methods in description["paths"].items():
        for method, call in methods.items():
            assert call["description"], (method, path)
            assert {"401", "403"} <= set(call["responses"]), (method, path)


async def test_errors_of_a_mounted_application_are_its_own(amemory: PersistMem) -> None:
    outer = Router([Mount("/memory", memory_app(amemory, key=KEY))])
    async with client(outer, ADA) as program:
        answer = await program.get("/memory/v1/memories/nothing")
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
        page = await program.get("/memory/nowhere")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
