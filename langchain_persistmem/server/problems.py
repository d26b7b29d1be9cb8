"""Errors as answers: a page for a person, ``application/problem+json`` (RFC 9457) for a program; never the text of a memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from langchain_persistmem.errors import (
    ConcurrentUpdateError,
    ErasedError,
    InvalidInputError,
    MemoryDisabledError,
    MemoryNotFoundError,
    ModelError,
    NamespaceMissingError,
    PersistMemError,
    StorageUnavailableError,
)
from langchain_persistmem.server.access import AccessDeniedError
from langchain_persistmem.server.rendering import render

_STATUS: Mapping[type[PersistMemError], int] = {
    InvalidInputError: 422,
    NamespaceMissingError: 422,
    MemoryNotFoundError: 404,
    MemoryDisabledError: 409,
    ConcurrentUpdateError: 409,
    ErasedError: 409,
    StorageUnavailableError: 503,
    ModelError: 502,
}
_PROGRAMS = ("/v1", "/mcp")
_MOST_FAULTS = 5


def status_of(error: PersistMemError) -> int:
    """Return the HTTP status that stands for an error; 500 for one that the caller cannot do anything about."""
    if isinstance(error, AccessDeniedError):
        return error.status
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def route_path(scope: Scope) -> str:
    """Return the path of a request within the application, wherever that is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def is_for_programs(request: Request) -> bool:
    """True where a program asks, and no person with a browser."""
    return route_path(request.scope).startswith(_PROGRAMS)


def error_response(request: Request, error: PersistMemError) -> Response:
    """Answer with an error of this package, whose message never carries the text of a memory."""
    return problem_response(request, status_of(error), str(error), type(error).__name__)


def problem_response(request: Request, status: int, detail: str, error: str | None = None) -> Response:
    """Answer with a message.

    Args:
        request: the request.
        status: of HTTP.
        detail: a sentence that ends with what to do.
        error: the class of the error, which stays the same from version to version.
    """
    title = HTTPStatus(status).phrase
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    headers |= {"Retry-After": "1"} if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) else {}
    if not is_for_programs(request):
        return render(request, "error.html", status_code=status, headers=headers, title=title, detail=detail)
    kind = "about:blank" if error is None else f"urn:persistmem:{error}"
    problem = {"type": kind, "title": title, "status": status, "detail": detail}
    return JSONResponse(problem, status, headers, media_type="application/problem+json")


def validation_response(request: Request, faults: Sequence[Mapping[str, Any]]) -> Response:
    """Answer with the faults of a request's fields, by place and rule, without what was sent."""
    problems = "; ".join(f"{_name_field(fault)}: {fault['msg']}" for fault in faults[:_MOST_FAULTS])
    return problem_response(request, 422, f"{problems}. Correct the named fields", InvalidInputError.__name__)


def _name_field(fault: Mapping[str, Any]) -> str:
    """Name a field of ours; a name that the sender has chosen may say as much about a person as a text."""
    where, *labels = fault["loc"]
    # Bodies are flat: what stands below a field of ours, but for the position in a list, is the sender's.
    names = [] if fault["type"] == "extra_forbidden" else [str(label) for label in labels[:1]]
    names += [str(label) for label in labels[1:2] if isinstance(label, int)]
    return ".".join([str(where), *names])
