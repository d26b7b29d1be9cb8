"""A real browser in front of the inspector: Chromium of the system, driven by Playwright, and the application on a free port."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""Nothing but what a page asks for goes over the network."""


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve ``app`` on a free port of this machine, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server has not started; its error stands above")
        time.sleep(0.01)
    (listening,) = server.servers[0].sockets[:1]
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium, and yield a function that opens a page; it takes the options of Playwright's ``new_context``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        open_page: Callable[..., Any] = lambda **options: started.new_context(**options).new_page()  # noqa: E731
        yield open_page
        started.close()
