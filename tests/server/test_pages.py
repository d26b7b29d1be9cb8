"""The inspector's pages over a real database: what they show, what they change, and what never leaves its text."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage

import langchain_persistmem.server
from langchain_persistmem import MemoryNotFoundError, PersistMem, Settings
from langchain_persistmem.server import Caller, memory_app
from langchain_persistmem.server.display import texts
from tests.support.entry_points import give_up
from tests.support.scripted import Scripted, answer, entry

SERVER = Path(langchain_persistmem.server.__file__).parent
PERSON_PAGES = (
    "/", "/memories", "/conversations", "/prompt", "/review", "/activity", "/privacy", "/audit", "/audit?verify=true", "/forget",
    "/activity?step=day", "/memories?kind=semantic&status=any&source=user&since=2020-01-01&until=2030-01-01",
)  # fmt: skip
OPERATOR_PAGES = ("/", "/people", "/activity", "/operations", "/doctor", "/erasures")
HOSTILE = "<script>steal()</script><img src=x onerror=steal()>\"'><b>bold</b> javascript:steal() {{ 7*7 }} </textarea>\u202egnp"


class Visitor:
    """A caller with a browser that sends its forms."""

    def __init__(self, memory: PersistMem, **options: Any) -> None:
        caller = Caller(**options) if options else Caller(user_id="ada")
        app = memory_app(memory, authorize=lambda request: caller)
        self._form = "/prompt?user_id=ada" if caller.is_operator else "/prompt"
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == status, (path, answer.text[-800:])
        return answer.text

    async def send(self, path: str, *, expect: int = 200, files: Any = None, **fields: Any) -> httpx.Response:
        """Send a form with the token that our pages give, and follow where it leads."""
        found = re.search('name="csrf" value="([^"]+)"', (await self.client.get(self._form)).text)
        assert found is not None
        data = {"csrf": found[1], **fields}
        answer = await self.client.post(path, data=data, files=files, follow_redirects=True)
        assert answer.status_code == expect, (path, answer.text[-800:])
        return answer


@pytest.fixture
async def ada(amemory: PersistMem) -> AsyncIterator[Visitor]:
    visitor = Visitor(amemory)
    yield visitor
    await visitor.client.aclose()


@pytest.fixture
async def operator(amemory: PersistMem) -> AsyncIterator[Visitor]:
    visitor = Visitor(amemory, is_operator=True, name="olga")
    yield visitor
    await visitor.client.aclose()


class Page(HTMLParser):
    """The elements of a page, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        """Every address on the page."""
        names = ("href", "src", "action", "formaction")
        return [value for _, found in self.elements for name in names if (value := found.get(name)) is not None]


def with_person(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}user_id=ada"


# --- every page


async def test_every_page_answers_where_nothing_is_stored(ada: Visitor, operator: Visitor) -> None:
    for path in PERSON_PAGES:
        await ada.get(path)
        await operator.get(with_person(path))
    await ada.get("/conversation?thread=nowhere")
    for path in OPERATOR_PAGES:
        await operator.get(path)
        await operator.send("/people", begins_with="a")


async def test_what_does_not_exist_is_a_page_that_says_so(ada: Visitor) -> None:
    assert "Not Found" in await ada.get("/memories/00000000-0000-4000-8000-000000000000", 404)
    await ada.get("/memories/no-uuid", 422)
    await ada.get("/memories?since=yesterday", 422)
    await ada.get("/memories?until=9999-12-31", 422)
    await ada.get("/memories?status=lost", 422)
    await ada.get("/memories?number=0", 422)


async def _store_hostile(memory: PersistMem, database: str) -> str:
    """Have the hostile text wherever a text may stand; returns the name of the person."""
    person = f"eve {HOSTILE}"
    await memory.aremember(HOSTILE, key=f"key {HOSTILE}", category="<i>wild</i>", speaker=HOSTILE, user_id=person)
    await memory.aremember(f"New: {HOSTILE}", key=f"key {HOSTILE}", value={"note": HOSTILE}, user_id=person)
    await memory.aremember(f"Waits: {HOSTILE}", source="document", kind="procedural", user_id=person)
    await memory.aremember("word " * 2_000 + "x" * 8_000, user_id=person)
    message = HumanMessage(f"I say {HOSTILE} every day.", id=f"id {HOSTILE}", name=HOSTILE)
    await memory.aobserve([message], thread_id=f"thread {HOSTILE}", user_id=person)
    await asyncio.to_thread(give_up, database, [person])
    return person


async def test_hostile_text_stays_text_on_every_page(amemory: PersistMem, database: str, operator: Visitor) -> None:
    person = await _store_hostile(amemory, database)
    whose = {"user_id": person}
    pages = [await operator.get(path) for path in OPERATOR_PAGES]
    pages.append((await operator.send("/people", begins_with="eve <")).text)
    for path in (*PERSON_PAGES, "/conversation"):
        params = dict(httpx.QueryParams(path.partition("?")[2])) | whose
        params |= {"thread": f"thread {HOSTILE}"} if path == "/conversation" else {}
        pages.append((await operator.client.get(path.partition("?")[0], params=params)).raise_for_status().text)
    memories = await amemory.alist(statuses=["active", "superseded", "quarantined"], **whose)
    for path in [f"/memories/{memory.id}" for memory in memories]:
        pages.append((await operator.client.get(path, params=whose)).raise_for_status().text)  # noqa: PERF401 - awaits
    query = str(httpx.QueryParams(whose))
    for path, fields in {
        "/memories": {"query": HOSTILE}, "/prompt": {"message": HOSTILE}, "/forget/find": {"query": HOSTILE},
        "/forget/preview": {"keys": [f"key {HOSTILE}"]},
    }.items():  # fmt: skip
        pages.append((await operator.send(f"{path}?{query}", **fields)).text)
    for html in pages:
        page = Page(html)
        assert [found for tag, found in page.elements if tag == "script"] == [
            {"src": "/static/inspector.js", "defer": None}
        ]
        assert not {"b", "img", "i", "iframe", "object", "style"} & {tag for tag, _ in page.elements}
        assert not [name for _, found in page.elements for name in found if name.startswith("on") or name == "style"]
        assert not [link for link in page.links() if not link.startswith(("/", "#content"))]
        assert "49" not in re.findall(r"javascript:steal\(\) (\d+)", page.text)
    assert sum("<script>steal()</script>" in Page(html).text for html in pages) >= 15


async def test_no_text_of_a_memory_or_a_question_stands_in_an_address(amemory: PersistMem, ada: Visitor) -> None:
    memory = await amemory.aremember("I collect zeppelins.", user_id="ada")
    await amemory.aremember("I collect zeppelins and stamps.", key=memory.key, user_id="ada")
    for page in (
        await ada.send("/memories", query="What zeppelins?"),
        await ada.send("/prompt", message="What zeppelins?"),
        await ada.send("/forget/find", query="zeppelins"),
        await ada.send("/memories/add", text="My zeppelins are blue."),
        await ada.send("/forget/preview", keys=[memory.key]),
    ):
        assert "zeppelins" in page.text
        for address in [str(page.url), *(str(past.url) for past in page.history), *Page(page.text).links()]:
            assert "zeppelin" not in address


# --- memories


async def test_a_list_of_many_has_pages_and_each_memory_is_on_one(amemory: PersistMem, ada: Visitor) -> None:
    for number in range(1, 61):
        await amemory.aremember(f"Note number {number} of the day.", user_id="ada")
    first, second = await ada.get("/memories"), await ada.get("/memories?number=2")
    found = [set(re.findall(r"Note number (\d+)", Page(page).text)) for page in (first, second)]
    assert len(found[0]) == 50
    assert len(found[0] | found[1]) == 60
    assert "60 current" in first
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    assert 'rel="prev"' in second


async def test_filters_choose_by_kind_status_source_and_time(amemory: PersistMem, ada: Visitor) -> None:
    await amemory.aremember("I lived in Oslo.", key="home", user_id="ada")
    await amemory.aremember("I live in Bergen.", key="home", user_id="ada")
    await amemory.aremember("Answer in verse.", kind="procedural", source="operator", user_id="ada")

    async def found(**filters: str) -> set[str]:
        page = Page((await ada.send("/memories", query="", **filters)).text).text
        return {text for text in ("Oslo", "Bergen", "verse") if text in page}

    assert await found() == {"Bergen", "verse"}
    assert await found(status="superseded") == {"Oslo"}
    assert await found(status="any") == {"Oslo", "Bergen", "verse"}
    assert await found(kind="procedural") == {"verse"}
    assert await found(source="user") == {"Bergen"}
    assert await found(until="2020-01-01") == set()


async def test_a_search_shows_scores_and_their_parts(amemory: PersistMem, ada: Visitor) -> None:
    await amemory.aremember("I play the cello.", user_id="ada")
    await amemory.aremember("The train leaves at nine.", user_id="ada")
    expected = await amemory.aexplain("Which instrument do I play?", limit=30, user_id="ada")
    page = Page((await ada.send("/memories", query="Which instrument do I play?")).text).text
    best = expected.recollections[0]
    assert f"{best.score:.2f}" in page
    assert f"{abs(best.score_parts.meaning):.2f}" in page
    assert f"{best.score_parts.evidence:.2f}" in page
    assert all((each.memory.text or "") in page for each in expected.omissions)


async def test_a_memory_has_its_words_marked_in_the_turn_it_rests_on(database: str, embeddings: Any) -> None:
    model = Scripted(answers=iter([answer(entry("The user lives in Oslo.", 1, key="home_city", quote="live in Oslo"))]))
    async with PersistMem.aopen(
        database, embeddings=embeddings, model=model, settings=Settings(worker=False)
    ) as memory:
        await memory.aobserve([HumanMessage("Hello, I live  in\nOslo.", id="u1")], thread_id="t", user_id="ada")
        (found,) = await memory.alist(user_id="ada")
        visitor = Visitor(memory)
        html = await visitor.get(f"/memories/{found.id}")
        assert re.findall("<mark>(.*?)</mark>", html, re.DOTALL) == ["live  in\nOslo"]
        talk = Page(await visitor.get("/conversation?thread=t")).text
        assert "The user lives in Oslo." in talk
        assert "learnt from" in talk


async def test_a_version_of_the_past_says_why_it_ended_and_can_come_back(amemory: PersistMem, ada: Visitor) -> None:
    old = await amemory.aremember("I live in Oslo.", key="home", user_id="ada")
    new = await amemory.aremember("I live in Bergen.", key="home", user_id="ada")
    page = await ada.get(f"/memories/{old.id}")
    reason = (await amemory.history.achanges("home", user_id="ada"))[0].reason
    assert reason in Page(page).text
    assert f'href="/memories/{new.id}"' in page
    await ada.send(f"/memories/{old.id}/restore")
    assert (await amemory.aget("home", user_id="ada")).text == "I live in Oslo."


async def test_an_edit_keeps_the_version_before_and_is_marked_as_the_callers(
    amemory: PersistMem, ada: Visitor, operator: Visitor
) -> None:
    memory = await amemory.aremember("I live in Oslo.", key="home", user_id="ada")
    shown = {"kind": "semantic", "importance": "0.50"}
    done = await ada.send(f"/memories/{memory.id}/edit", text="I live in Bergen.", **shown)
    assert "The memory was changed." in done.text
    current = await amemory.aget("home", user_id="ada")
    assert (current.text, current.provenance.source) == ("I live in Bergen.", "user")
    assert len(await amemory.history.aversions("home", user_id="ada")) == 2
    await operator.send(f"/memories/{current.id}/edit?user_id=ada", text="She lives in Bergen.", **shown)
    assert (await amemory.aget("home", user_id="ada")).provenance.source == "operator"


async def test_an_edit_of_what_has_changed_meanwhile_is_refused_and_nothing_typed_is_lost(
    amemory: PersistMem, ada: Visitor
) -> None:
    old = await amemory.aremember("I live in Oslo.", key="home", user_id="ada")
    await amemory.aremember("I live in Bergen.", key="home", user_id="ada")
    await ada.send(f"/memories/{old.id}/edit", expect=409, text="I live in Rome.")
    assert (await amemory.aget("home", user_id="ada")).text == "I live in Bergen."
    current = await amemory.aget("home", user_id="ada")
    refused = await ada.send(f"/memories/{current.id}/edit", expect=422, text="My typing.", importance="lots")
    assert "My typing.</textarea>" in refused.text
    refused = await ada.send("/memories/add", expect=422, text="long " * 5_000)
    assert "long long" in refused.text
    assert len(await amemory.alist(user_id="ada")) == 1


async def test_a_pin_is_set_and_taken_away(amemory: PersistMem, ada: Visitor) -> None:
    memory = await amemory.aremember("I live in Oslo.", user_id="ada")
    for pinned in ("true", "false"):
        await ada.send(f"/memories/{memory.id}/pin", pinned=pinned)
        assert (await amemory.aget(memory.key, user_id="ada")).pinned is (pinned == "true")


# --- forgetting


async def test_forgetting_shows_first_what_would_go_and_then_a_receipt(amemory: PersistMem, ada: Visitor) -> None:
    memory = await amemory.aremember("I owe Tom money.", user_id="ada")
    found = await ada.send("/forget/find", query="the money")
    assert f'value="{memory.key}"' in found.text
    preview = await ada.send("/forget/preview", keys=[memory.key])
    assert "I owe Tom money." in preview.text
    assert await amemory.alist(user_id="ada")
    receipt = await ada.send("/forget", keys=[memory.key])
    assert "nothing is left" in receipt.text
    assert "money" not in receipt.text
    assert await amemory.alist(user_id="ada") == []
    (erasure,) = await amemory.privacy.aerasures()
    assert str(erasure.id) in receipt.text


async def test_everything_is_erased_only_once_that_is_confirmed(amemory: PersistMem, ada: Visitor) -> None:
    await amemory.aremember("I live in Oslo.", user_id="ada")
    await ada.send("/forget/preview", everything="true")
    await ada.send("/forget", expect=422, everything="true")
    assert len(await amemory.alist(user_id="ada")) == 1
    await ada.send("/forget", everything="true", confirmed="true")
    assert await amemory.alist(user_id="ada") == []


async def test_a_form_without_a_choice_changes_nothing(amemory: PersistMem, ada: Visitor) -> None:
    await amemory.aremember("I live in Oslo.", user_id="ada")
    for path, fields in {
        "/forget/preview": {}, "/forget": {}, "/review": {}, "/forget/find": {"query": " "},
        "/review?": {"approve": "chosen"}, "/review?x": {"reject": "nonsense"},
    }.items():  # fmt: skip
        await ada.send(path, **fields)
    assert len(await amemory.alist(user_id="ada")) == 1
    assert await amemory.privacy.aerasures() == []


# --- review, consent, files


async def test_what_waits_is_approved_or_rejected_one_by_one_or_together(amemory: PersistMem, ada: Visitor) -> None:
    waiting = [
        await amemory.aremember(f"Always speak of {topic}.", kind="procedural", source="tool", user_id="ada")
        for topic in ("tea", "chess", "rain", "trains")
    ]
    page = Page(await ada.get("/review")).text
    assert "Always speak of tea." in page
    assert waiting[0].review is not None
    assert waiting[0].review in page
    await ada.send("/review", approve=str(waiting[0].id), versions=[str(waiting[1].id)])
    assert [each.text for each in await amemory.alist(user_id="ada")] == ["Always speak of tea."]
    await ada.send("/review", reject=str(waiting[1].id))
    await ada.send("/review", approve="chosen", versions=[str(each.id) for each in waiting[2:]])
    assert len(await amemory.alist(user_id="ada")) == 3
    assert await amemory.review.alist(user_id="ada") == []


async def test_consent_and_off_the_record_hold_from_the_form_on(amemory: PersistMem, ada: Visitor) -> None:
    await amemory.aremember("I live in Oslo.", user_id="ada")
    await ada.send("/privacy/off-record", thread=" my talk ")
    assert await amemory.privacy.aoff_record("my talk", user_id="ada")
    await ada.send("/conversation/off-record", thread="my talk", off="false")
    assert not await amemory.privacy.aoff_record("my talk", user_id="ada")
    await ada.send("/privacy/consent", expect=422, consent="whatever")
    await ada.send("/privacy/consent", consent="paused")
    assert await amemory.privacy.aconsent(user_id="ada") == "paused"
    assert "Memory is paused" in (await ada.send("/memories", query="Oslo")).text
    assert "Memory is paused" in (await ada.send("/prompt", message="Oslo")).text
    refused = await ada.send("/memories/add", expect=409, text="I moved.")
    assert "I moved.</textarea>" in refused.text


async def test_an_export_comes_back_by_the_form_and_belongs_to_who_brings_it(amemory: PersistMem, ada: Visitor) -> None:
    await amemory.aremember("I live in Oslo.", user_id="ada")
    export = await ada.send("/export")
    assert export.headers["content-type"] == "application/gzip"
    bob = Visitor(amemory, user_id="bob")
    upload = {"file": ("memory.jsonl.gz", export.content)}
    assert "Nothing was imported" in (await bob.send("/import", files=upload, action="check")).text
    assert await amemory.alist(user_id="bob") == []
    await bob.send("/import", files=upload, action="import")
    assert [each.text for each in await amemory.alist(user_id="bob")] == ["I live in Oslo."]


@pytest.mark.parametrize("content", [b"", b"no export", b"\x1f\x8bcut", b'{"kind": "header"}\n', b"\x00" * 1000])
async def test_an_upload_that_is_no_export_is_refused_and_nothing_is_stored(
    amemory: PersistMem, ada: Visitor, content: bytes
) -> None:
    refused = await ada.send("/import", expect=422, files={"file": ("x.jsonl", content)}, action="import")
    assert 'role="alert"' in refused.text
    assert "/tmp" not in refused.text
    assert await amemory.alist(user_id="ada") == []


async def test_read_only_pages_have_no_form_that_changes_anything(amemory: PersistMem) -> None:
    memory = await amemory.aremember("I live in Oslo.", key="home", user_id="ada")
    await amemory.aremember("Always shout.", kind="procedural", source="tool", user_id="ada")
    await amemory.conversations.aadd([HumanMessage("Hello", id="m")], thread_id="t", user_id="ada")
    for options in ({"user_id": "ada"}, {"is_operator": True}):
        visitor = Visitor(amemory, read_only=True, **options)
        pages = (*PERSON_PAGES, f"/memories/{memory.id}", "/conversation?thread=t")
        paths = pages if "user_id" in options else (*OPERATOR_PAGES, *map(with_person, pages))
        allowed = {"/memories", "/prompt", "/forget/find", "/export", "/people"}
        for path in paths:
            page = Page(await visitor.get(path))
            forms = [found for tag, found in page.elements if tag == "form"]
            assert {(form["action"] or "").partition("?")[0] for form in forms} <= allowed, path
        assert "Oslo" in (await visitor.send("/memories?user_id=ada", query="Where do I live?")).text
        for path in (
            "/memories/add",
            f"/memories/{memory.id}/pin",
            "/forget",
            "/review",
            "/privacy/consent",
            "/import",
        ):
            refused = await visitor.send(with_person(path), expect=403, text="x", pinned="true", keys=["home"])
            assert "read-only" in refused.text
    assert (await amemory.aget("home", user_id="ada")).pinned is False


# --- the prompt, and operations


async def test_the_prompt_is_the_very_context_with_its_tokens_and_what_is_left_out(
    amemory: PersistMem, ada: Visitor
) -> None:
    await amemory.aremember("Answer in verse.", kind="procedural", user_id="ada")
    await amemory.aremember("I am allergic to hazelnuts.", user_id="ada")
    await amemory.aremember("The train leaves at nine.", source="document", user_id="ada")
    message = "Can I eat hazelnuts?"
    expected = await amemory.acontext(message, explain=True, user_id="ada")
    assert expected.explanation is not None
    assert expected.explanation.omissions
    html = (await ada.send("/prompt", message=message)).text
    page = Page(html).text
    assert expected.standing in page
    assert expected.relevant in page
    assert f"{expected.tokens:,} of 1,500" in page
    for omission in expected.explanation.omissions:
        assert texts()["reason"][omission.reason] in page
    small = await ada.send("/prompt", message=message, max_tokens="40", form="prose", standing="off")
    assert " of 40" in small.text
    for wrong in ({"max_tokens": "-1"}, {"max_tokens": "many"}, {"form": "song"}, {"standing": "x"}):
        assert message in (await ada.send("/prompt", expect=422, message=message, **wrong)).text


async def test_given_up_messages_are_tried_again_by_the_operators_button(
    amemory: PersistMem, database: str, operator: Visitor
) -> None:
    await amemory.conversations.aadd([HumanMessage("Hello", id="m")], thread_id="t", user_id="ada")
    await asyncio.to_thread(give_up, database, ["ada"])
    page = await operator.get("/operations")
    (action,) = [link for link in Page(page).links() if "/operations/retry" in link]
    await operator.send(action, thread="t")
    assert await amemory.admin.adead_letters() == []


async def test_the_log_of_erasures_is_whole_in_the_download(amemory: PersistMem, operator: Visitor) -> None:
    for number in range(3):
        await amemory.aremember(f"Note {number}", key="note", user_id="ada")
        await amemory.aforget(["note"], user_id="ada")
    expected = [entry.line for entry in await amemory.privacy.aerasures()]
    assert (await operator.get("/erasures.jsonl")).splitlines() == expected


async def test_the_audit_log_has_pages_the_latest_first_and_a_check(amemory: PersistMem, ada: Visitor) -> None:
    for number in range(105):
        await amemory.privacy.aset_consent("no_extract" if number % 2 else "allowed", user_id="ada")

    def numbers(html: str) -> list[int]:
        return [int(found) for found in re.findall(r'<th scope="row" class="number">(\d+)</th>', html)]

    latest = await ada.get("/audit")
    assert numbers(latest) == list(range(105, 5, -1))
    (earlier,) = [link for link in Page(latest).links() if "before=" in link]
    assert numbers(await ada.get(earlier)) == list(range(5, 0, -1))
    assert "no break" in await ada.get("/audit?verify=true")


async def test_a_change_is_in_the_audit_log_under_the_callers_name(amemory: PersistMem, operator: Visitor) -> None:
    await operator.send("/memories/add?user_id=ada", text="I live in Oslo.")
    assert (await amemory.privacy.aaudit(user_id="ada"))[-1].actor == "server: olga"


async def test_another_persons_memory_is_not_found_by_its_id(amemory: PersistMem, ada: Visitor) -> None:
    other = await amemory.aremember("I live in Paris.", key="home", user_id="bob")
    await ada.get(f"/memories/{other.id}", 404)
    for path in ("edit", "restore"):
        await ada.send(f"/memories/{other.id}/{path}", expect=404, text="Mine now.")
    await ada.send(f"/memories/{other.id}/pin", expect=404, pinned="true")
    await ada.send("/forget/preview", expect=404, keys=["home"])
    await ada.send("/review", expect=404, approve=str(other.id))
    with pytest.raises(MemoryNotFoundError):
        await amemory.aget("home", user_id="ada")
    assert (await amemory.aget("home", user_id="bob")).text == "I live in Paris."


# --- texts


def test_every_text_is_used_and_none_stands_outside_their_file() -> None:
    templates = {path.name: path.read_text(encoding="utf-8") for path in (SERVER / "templates").glob("*.html")}
    source = "\n".join([*templates.values(), *(path.read_text(encoding="utf-8") for path in SERVER.rglob("*.py"))])
    # Where a section is looked up by a name that is stored or chosen, all of it is used.
    whole = set(re.findall(r"\bt\.(\w+)(?:\[\w|\.get\(|\.items\(|, | %}|\) }})", source)) - {"activity", "privacy"}
    unused = [
        f"[{section}] {name}"
        for section, named in texts().items()
        if section not in whole
        for name in named
        if f"t.{section}.{name}" not in source
        and not re.search(rf'\["{section}"\]\["{name}"\]|"{name}"|"{name.partition("_")[0]}_" ~', source)
    ]
    assert not unused
    for name, template in templates.items():
        visible = re.sub(r"<[^>]*>", " ", re.sub(r"{[{%#].*?[}%#]}", " ", template, flags=re.DOTALL))
        assert not re.search(r"[A-Za-z]{3,}", re.sub(r"&\w+;", " ", visible)), f"{name} has a text of its own"
