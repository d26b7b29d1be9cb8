"""Pages: one environment of Jinja2 in which everything is escaped, and one function that renders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

STATIC = Path(__file__).parent / "static"
_TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Return the environment of the templates; what is undefined there is an error, and no gap in a page."""
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(
    request: Request, name: str, *, status_code: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """Render the template ``name`` with ``values``, and with what every page needs.

    These are ``caller`` (None where nobody is logged in), ``read_only``, ``csrf`` (for a hidden field of that name in every
    form), ``whose`` (the parameters that name the person again), and the functions ``url("/memories", **whose)`` and
    ``static("inspector.css")``, which know under which path the application is mounted.
    """
    access, caller = request.scope.get("persistmem.access"), request.scope["persistmem.caller"]
    common: dict[str, Any] = {
        "caller": caller,
        "read_only": access.read_only if access is not None else True,
        "csrf": "" if caller is None else request.scope["persistmem.authentication"].csrf_token(caller),
        "whose": {} if access is None else access.query,
        "url": partial(address, request),
        "static": partial(_static, request),
    }
    body = environment().get_template(name).render(**(common | values))
    return HTMLResponse(body, status_code, dict(headers or {}))


def address(request: Request, path: str, **query: object) -> str:
    """Return the address of a page of ours, wherever the application is mounted, for links and redirects.

    Never put the text of a memory, or of a question, into ``query``: addresses stand in logs and histories.
    """
    present = {name: value for name, value in query.items() if value is not None}
    return request.scope.get("root_path", "") + path + (f"?{urlencode(present)}" if present else "")


def see_other(request: Request, path: str, **query: object) -> RedirectResponse:
    """Redirect to a page of ours, after a change, so that loading it again repeats nothing."""
    return RedirectResponse(address(request, path, **query), 303)


def _static(request: Request, file: str) -> str:
    return address(request, f"/static/{file}")
