"""The inspector in a real browser: what a person does there, with a keyboard, on a phone, with a screen reader's rules."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg import conninfo

from langchain_persistmem import LocalEmbeddings, PersistMem
from langchain_persistmem.server import Caller, memory_app
from tests.server.test_pages import HOSTILE, OPERATOR_PAGES, PERSON_PAGES
from tests.support.browser import CHROMIUM, browser, serve
from tests.support.inspector_demo import PERSON, SETTINGS, fill, learner, spread
from tests.support.session import create_database, drop_database

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed; run: uv sync --group browser"
)
pytestmark = [
    pytest.mark.ci,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; run: apt-get install chromium"),
]

PHONE = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True}
EVE = f"eve {HOSTILE}"[:60]


@dataclass(frozen=True, slots=True)
class Inspector:
    """The pages as a browser reaches them: of an operator, and of one person."""

    memory: PersistMem
    operator: str
    person: str
    open_page: Any

    def page(self, **options: Any) -> Any:
        """Open a page that notes what goes wrong in it, and where it asks for anything."""
        page = self.open_page(**options)
        page.set_default_timeout(15_000)
        page.faults, page.hosts = [], set()
        page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("dialog", lambda dialog: (page.faults.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda request: page.hosts.add(re.split("[/:]+", request.url)[1]))
        return page


@pytest.fixture(scope="module")
def inspector(server: str, template: str, embeddings: LocalEmbeddings) -> Iterator[Inspector]:
    """A filled database, served to a browser; its tests change what is theirs."""
    name = create_database(server, template)
    dsn = conninfo.make_conninfo(server, dbname=name)
    asyncio.run(_fill(dsn, embeddings))
    spread(dsn)
    with PersistMem.open(dsn, embeddings=embeddings, model=learner(), settings=SETTINGS) as memory:
        operator = memory_app(memory, authorize=lambda request: Caller(is_operator=True, name="olga"))
        person = memory_app(memory, authorize=lambda request: Caller(user_id="ines"))
        with serve(operator) as first, serve(person) as second, browser() as open_page:
            yield Inspector(memory, first, second, open_page)
    drop_database(server, name)


async def _fill(dsn: str, embeddings: LocalEmbeddings) -> None:
    async with PersistMem.aopen(dsn, embeddings=embeddings, model=learner(), settings=SETTINGS) as memory:
        await fill(memory, people=12)
        for text in (HOSTILE, "word " * 1_000 + "x" * 9_000, "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"):
            await memory.aremember(text, speaker=HOSTILE[:80], category="<i>", user_id=EVE)
        await memory.aremember(HOSTILE, kind="procedural", source="tool", user_id=EVE)
        await memory.aobserve(
            [{"role": "user", "content": HOSTILE + "y" * 3_000, "id": "m"}],
            thread_id=f"t {HOSTILE}{'z' * 300}",
            user_id=EVE,
        )


def every_page(inspector: Inspector, user: str, thread: str) -> list[str]:
    """The address of every page, that of a memory of each status and of a conversation included."""
    memories = inspector.memory.list(statuses=["active", "superseded", "quarantined"], user_id=user, limit=200)
    by_status = {memory.status: memory.id for memory in memories}
    paths = [*PERSON_PAGES, *(f"/memories/{id}" for id in by_status.values()), "/conversation"]
    return [*OPERATOR_PAGES, *(f"{path}{'&' if '?' in path else '?'}{_whose(user, path, thread)}" for path in paths)]


def _whose(user: str, path: str, thread: str) -> str:
    from urllib.parse import urlencode

    return urlencode({"user_id": user} | ({"thread": thread} if path == "/conversation" else {}))


def answers(page: Any, address: str) -> Iterator[str]:
    """Send the forms that show something, and name each answer once it is there."""
    for path, label, button in (
        ("/memories", "Search", "Search"),
        ("/prompt", "Message", "Show the context"),
        ("/forget", "What should be forgotten?", "Find"),
    ):
        page.goto(f"{address}{path}?user_id={PERSON}")
        page.get_by_label(label, exact=True).fill("What does Maya drink?")
        page.get_by_role("button", name=button, exact=True).click()
        page.wait_for_load_state()
        page.evaluate("document.querySelectorAll('details:not(.nav-small)').forEach((part) => { part.open = true; })")
        yield f"the answer of {path}"
    page.locator("input[name=keys]").first.check()
    page.get_by_role("button", name="Show what would be erased").click()
    page.wait_for_load_state()
    yield "the preview of an erasure"


# --- what a person does


def test_a_person_finds_edits_pins_and_forgets_a_memory(inspector: Inspector) -> None:
    page, address = inspector.page(), inspector.person
    inspector.memory.remember("I keep my kayak in locker 12.", user_id="ines")
    page.goto(address)
    page.get_by_role("link", name="Memories", exact=True).click()
    page.get_by_label("Search", exact=True).fill("Where is my kayak?")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name="I keep my kayak in locker 12.").click()
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("Wording").fill("I keep my kayak in locker 14.")
    page.get_by_role("button", name="Save").click()
    playwright.expect(page.get_by_role("status").filter(has_text="The memory was changed")).to_be_visible()
    page.get_by_role("button", name="Pin", exact=True).click()
    playwright.expect(page.get_by_role("article").get_by_text("pinned")).to_be_visible()
    (current,) = [each for each in inspector.memory.list(user_id="ines") if "kayak" in (each.text or "")]
    assert (current.text, current.pinned) == ("I keep my kayak in locker 14.", True)
    page.get_by_role("button", name="Forget…").click()
    page.get_by_role("button", name="Erase for good").click()
    playwright.expect(page.get_by_text("nothing is left")).to_be_visible()
    assert not [each for each in inspector.memory.list(user_id="ines") if "kayak" in (each.text or "")]
    assert (page.faults, page.hosts) == ([], {"127.0.0.1"})


def test_an_operator_approves_one_and_rejects_the_rest_together(inspector: Inspector) -> None:
    for topic in ("tea", "chess", "rain"):
        inspector.memory.remember(f"Always speak of {topic}.", kind="procedural", source="tool", user_id="kofi")
    page = inspector.page()
    page.goto(f"{inspector.operator}/people")
    page.get_by_label("Name begins with").fill("ko")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="kofi").click()
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_role("button", name="Approve: Always speak of chess.").click()
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Reject the chosen").click()
    playwright.expect(page.get_by_text("Nothing waits for review.")).to_be_visible()
    kept = [each.text for each in inspector.memory.list(kinds=["procedural"], user_id="kofi")]
    assert kept == ["Always speak of chess."]


def test_everything_works_with_scripts_switched_off(inspector: Inspector) -> None:
    inspector.memory.remember("I whistle in the bath.", user_id="lena")
    page = inspector.page(java_script_enabled=False)
    page.goto(f"{inspector.operator}/memories?user_id=lena")
    page.get_by_label("Choose: I whistle in the bath.").check()
    page.get_by_role("button", name="Forget the chosen…").click()
    page.get_by_role("button", name="Erase for good").click()
    playwright.expect(page.get_by_text("nothing is left")).to_be_visible()
    page.goto(f"{inspector.operator}/privacy?user_id=lena")
    page.get_by_label("Paused").check()
    page.get_by_role("button", name="Save").click()
    assert inspector.memory.privacy.consent(user_id="lena") == "paused"


def test_an_export_is_downloaded_and_checked_again_by_the_forms(inspector: Inspector, tmp_path: Any) -> None:
    page = inspector.page()
    page.goto(f"{inspector.operator}/privacy?user_id={PERSON}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the export").click()
    download.value.save_as(tmp_path / "memory.jsonl.gz")
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "memory.jsonl.gz")
    page.get_by_role("button", name="Only check it").click()
    playwright.expect(page.get_by_text("The file is whole.")).to_be_visible()


def test_a_person_without_a_mouse_reaches_the_search_and_a_memory(inspector: Inspector) -> None:
    page = inspector.page()
    inspector.memory.remember("I dive for mussels.", user_id="ines")
    page.goto(f"{inspector.person}/memories")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "query"
    page.keyboard.type("What do I dive for?")
    _enter(page)
    _tab_to(page, "I dive for mussels.")
    _enter(page)
    _tab_to(page, "Edit")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("I dive for pearls.")
    _tab_to(page, "Save")
    _enter(page)
    assert "I dive for pearls." in [each.text for each in inspector.memory.list(user_id="ines")]


def _enter(page: Any) -> None:
    """Press Enter, and wait for the page to which that leads."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _tab_to(page: Any, text: str) -> None:
    """Press Tab until the element with this text has the focus, which is to be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"no press of Tab leads to {text!r}")


# --- every page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(inspector: Inspector, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = inspector.page(color_scheme=scheme)
    found: list[str] = []

    def check(where: str) -> None:
        result = axe.run(page, options={"resultTypes": ["violations"]})
        found.extend(
            f"{where}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in result.response["violations"]
        )

    for user, thread in ((PERSON, "2026-03-02-kitchen"), (EVE, f"t {HOSTILE}{'z' * 300}")):
        for path in every_page(inspector, user, thread):
            page.goto(inspector.operator + path)
            check(path)
    for where in answers(page, inspector.operator):
        check(where)
    page.goto(f"{inspector.operator}/memories/no-uuid?user_id={PERSON}")
    check("an error")
    page.set_viewport_size(PHONE["viewport"])
    page.goto(inspector.operator + "/people")
    page.get_by_text("Menu", exact=True).click()
    check("the menu of a phone")
    assert not found, "\n".join(found)


def test_on_a_phone_no_page_is_wider_than_the_screen(inspector: Inspector) -> None:
    page = inspector.page(**PHONE)
    wide: list[str] = []

    def measure(where: str) -> None:
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["viewport"]["width"]:
            wide.append(f"{where}: {width}")

    for user, thread in ((PERSON, "2026-03-02-kitchen"), (EVE, f"t {HOSTILE}{'z' * 300}")):
        for path in every_page(inspector, user, thread):
            page.goto(inspector.operator + path)
            measure(path)
    for where in answers(page, inspector.operator):
        measure(where)
    assert not wide, "\n".join(wide)


def test_hostile_text_does_nothing_and_nothing_is_asked_of_another_host(inspector: Inspector) -> None:
    page = inspector.page()
    page.add_init_script("window.steal = () => alert('stolen')")
    for path in every_page(inspector, EVE, f"t {HOSTILE}{'z' * 300}"):
        page.goto(inspector.operator + path)
        page.wait_for_load_state()
    for _ in answers(page, inspector.operator):
        pass
    assert (page.faults, page.hosts) == ([], {"127.0.0.1"})
