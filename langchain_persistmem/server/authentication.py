"""Authentication: the caller of a request, by a bearer token, by a session's cookie, or by the application's own login."""

from __future__ import annotations

import hashlib
import inspect
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.server.access import Caller, check_caller
from langchain_persistmem.server.forged_requests import FormTokens, bearer_of
from langchain_persistmem.server.signed_tokens import Purpose, check_key, read_claims, sign

Authorize = Callable[[Request], "Caller | Awaitable[Caller | None] | None"]
"""The application's own login: the caller of a request; None if nobody is logged in."""

LOGIN_PATH = "/login"

_SESSION = timedelta(hours=12)
_LOGIN = timedelta(minutes=15)


class Authentication:
    """The ways in which a caller is known, and what they are given to be known again."""

    def __init__(self, key: str | None, authorize: Authorize | None) -> None:
        if key is None and authorize is None:
            raise ConfigurationError(
                "nobody could log in; pass authorize=, a function that returns the Caller of a request, or key=, by which "
                "tokens are signed"
            )
        self._takes_tokens = key is not None
        # Forms are signed in any case. A key of our own ends with the process, which is all that a form needs.
        self._key = secrets.token_urlsafe(32) if key is None else check_key(key)
        self.forms = FormTokens(self._key)
        """The tokens of forms."""
        self._authorize = authorize
        # A browser sends cookies of one port to all ports of a machine: servers with other keys have other names.
        self._cookie = f"persistmem_{hashlib.sha256(self._key.encode()).hexdigest()[:8]}"
        self._logins: dict[str, tuple[Caller, datetime]] = {}

    async def caller_of(self, request: Request) -> Caller | None:
        """Return the caller of a request; None if nobody is logged in."""
        if self._takes_tokens and (token := bearer_of(request)) is not None:
            claims = read_claims(self._key, "bearer", token)
            if claims is not None:
                return Caller.of_claims(claims)
        if self._authorize is not None:
            caller = self._authorize(request)
            return check_caller(await caller if inspect.isawaitable(caller) else caller)
        # A token that does not count is no reason to look at a cookie: the program meant to be somebody else.
        if bearer_of(request) is not None:
            return None
        return self._read("session", request.cookies.get(self._cookie, ""))

    def login_path(self, caller: Caller) -> str:
        """Return the path that opens a session for ``caller``: once, and for 15 minutes, in this process."""
        now = datetime.now(UTC)
        self._logins = {token: login for token, login in self._logins.items() if login[1] > now}
        token = secrets.token_urlsafe(24)
        self._logins[token] = caller, now + _LOGIN
        return f"{LOGIN_PATH}?token={token}"

    def open_session(self, request: Request, token: str, response: Response) -> bool:
        """Give the browser a cookie for a token of :meth:`login_path`; False where the token does not count any more."""
        caller, until = self._logins.pop(token, (None, datetime.now(UTC)))
        if caller is None or until <= datetime.now(UTC):
            return False
        response.set_cookie(
            self._cookie,
            sign(self._key, "session", caller, _SESSION),
            max_age=int(_SESSION.total_seconds()),
            path=request.scope.get("root_path") or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return True

    def has_session(self, request: Request) -> bool:
        """Return True where a button to log out would do something: not under an application's own login."""
        return self._authorize is None and self._cookie in request.cookies

    def close_session(self, request: Request, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(
            self._cookie, path=request.scope.get("root_path") or "/", httponly=True, samesite="strict"
        )

    def _read(self, purpose: Purpose, token: str) -> Caller | None:
        claims = read_claims(self._key, purpose, token)
        return None if claims is None else Caller.of_claims(claims)
