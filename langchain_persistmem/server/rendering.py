"""Pages: one environment of Jinja2 in which everything is escaped, and one function that renders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from langchain_persistmem.server.access import Access
from langchain_persistmem.server.authentication import Authentication
from langchain_persistmem.server.display import FILTERS, texts
from langchain_persistmem.types.namespace import encode

STATIC = Path(__file__).parent / "static"
_TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Return the environment of the templates; what is undefined there is an error, and no gap in a page."""
    jinja = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(FILTERS)
    jinja.globals["t"] = cast("Any", texts())
    return jinja


def render(
    request: Request, name: str, *, status_code: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """Render the template ``name`` with ``values``, and with what every page needs.

    These are ``visitor`` (the caller; Jinja keeps that name for itself; None where nobody is logged in), ``person`` (a name, or None), ``read_only``, ``page`` (the entry of the
    menu), ``done`` (the name of a notice, after a change), ``csrf`` (for a hidden field of that name in every
    form), ``whose`` (the parameters that name the person again), and the functions ``url("/memories", **whose)`` and
    ``static("inspector.css")``, which know under which path the application is mounted.
    """
    # An error may be rendered before anybody was authorised, or known.
    access: Access | None = request.scope.get("persistmem.access")
    caller = request.scope["persistmem.caller"]
    authentication: Authentication = request.scope["persistmem.authentication"]
    common: dict[str, Any] = {
        "visitor": caller,
        "page": "",
        "person": None if access is None else _person_of(access),
        "done": request.query_params.get("done"),
        "has_session": authentication.has_session(request),
        "read_only": access.read_only if access is not None else True,
        "csrf": "" if caller is None else authentication.forms.token_of(caller),
        "whose": {} if access is None else access.query,
        "url": partial(address, request),
        "static": partial(_static, request),
    }
    body = environment().get_template(name).render(**(common | values))
    return HTMLResponse(body, status_code, dict(headers or {}))


def _person_of(access: Access) -> str | None:
    """The name of the person that is meant, for a heading."""
    owner = access.owner_or_none
    return None if owner is None else owner.get("user_id") or encode(owner.get("namespace", ()))


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
