"""The session of a browser: opened by the address that ``persistmem serve`` prints, closed by a button."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.access import AccessDeniedError, public
from langchain_persistmem.server.login import LOGIN_PATH, Logins
from langchain_persistmem.server.rendering import see_other

router = APIRouter()


@router.get(LOGIN_PATH)
@public
async def log_in(request: Request, token: Annotated[str, Query()] = "") -> Response:
    """Open a session for the token of an address, which works once."""
    response = see_other(request, "/")
    if not _logins(request).open_session(request, token, response):
        raise AccessDeniedError(
            "this address was used already, or is too old; take the last one that `persistmem serve` has printed",
            status=401,
        )
    return response


@router.post("/logout")
@public
async def log_out(request: Request) -> Response:
    """Close the session."""
    response = see_other(request, "/")
    _logins(request).close_session(request, response)
    return response


def _logins(request: Request) -> Logins:
    logins: Logins = request.app.state.service.authentication.logins
    return logins
