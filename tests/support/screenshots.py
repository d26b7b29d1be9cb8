"""Make the screenshots of the inspector that the documentation shows: ``uv run --group browser python -m tests.support.screenshots``."""

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from langchain_persistmem import LocalEmbeddings, PersistMem
from langchain_persistmem.postgres.connections.embedded import EmbeddedServer
from langchain_persistmem.server import Caller, memory_app
from tests.support.browser import browser, serve
from tests.support.inspector_demo import PERSON, SETTINGS, fill, learner, spread

IMAGES = Path(__file__).parents[2] / "docs/images"
WHOSE = f"?user_id={PERSON}"
WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 800}, "device_scale_factor": 1, "is_mobile": True, "has_touch": True}


def main() -> None:
    """Fill a database of its own, serve it, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where the pictures go")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    embeddings = LocalEmbeddings()
    with tempfile.TemporaryDirectory() as data:
        server = EmbeddedServer.start(Path(data))
        try:
            asyncio.run(_fill(server.conninfo, embeddings))
            spread(server.conninfo)
            with PersistMem.open(server.conninfo, embeddings=embeddings, model=learner(), settings=SETTINGS) as memory:
                _take(memory, folder)
        finally:
            server.stop()


def _take(memory: PersistMem, folder: Path) -> None:
    app = memory_app(memory, authorize=lambda request: Caller(is_operator=True, name="olga"))
    with serve(app) as address, browser() as open_page:
        for scheme in ("light", "dark"):
            take_wide(open_page, address, folder, scheme)
        take_phone(open_page, address, folder)


async def _fill(dsn: str, embeddings: LocalEmbeddings) -> None:
    async with PersistMem.aopen(dsn, embeddings=embeddings, model=learner(), settings=SETTINGS) as memory:
        await memory.asetup()
        await fill(memory)


def take_wide(open_page: Any, address: str, folder: Path, scheme: str) -> None:
    """Take each main page as a desktop shows it; in dark only the search."""
    page = open_page(**WIDE, color_scheme=scheme)
    end = "" if scheme == "light" else "-dark"

    def take(name: str, height: int = 800) -> None:
        page.set_viewport_size({"width": WIDE["viewport"]["width"], "height": height})
        page.screenshot(path=folder / f"inspector-{name}{end}.png")

    def go(path: str) -> None:
        page.goto(address + path)

    go(f"/memories{WHOSE}")
    page.get_by_label("Search").fill("Where does Maya live?")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("Why this score").first.click()
    take("search", 900)
    if scheme == "dark":
        return
    page.locator("a.memory-text").first.click()
    take("memory", 980)
    go(f"/prompt{WHOSE}")
    page.get_by_label("Message").fill("What should I cook tonight?")
    page.get_by_role("button", name="Show the context").click()
    take("prompt", 1000)
    go(f"/{WHOSE}")
    take("overview", 860)
    go("/people")
    take("people")
    go(f"/conversation{WHOSE}&thread=2026-03-02-kitchen")
    take("conversation", 900)
    go(f"/review{WHOSE}")
    take("review")
    go(f"/activity{WHOSE}")
    take("activity", 1200)
    go(f"/privacy{WHOSE}")
    take("privacy", 900)
    go("/operations")
    take("operations", 900)
    go(f"/forget{WHOSE}")
    page.get_by_label("What should be forgotten?").fill("coffee")
    page.get_by_role("button", name="Find").click()
    page.locator("input[name=keys]").first.check()
    page.get_by_role("button", name="Show what would be erased").click()
    take("forget", 700)


def take_phone(open_page: Any, address: str, folder: Path) -> None:
    """Take the list of memories as a phone shows it."""
    page = open_page(**PHONE)
    page.goto(f"{address}/memories{WHOSE}")
    page.screenshot(path=folder / "inspector-memories-phone.png")


if __name__ == "__main__":
    main()
