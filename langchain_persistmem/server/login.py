"""Login of a browser: links that open a session once, and the session's cookie."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.access import Caller
from langchain_persistmem.server.signed_tokens import read_claims, sign

LOGIN_PATH = "/login"

_SESSION = timedelta(hours=12)
_LOGIN = timedelta(minutes=15)


class Logins:
    """The login links that were given out, and the sessions that they open."""

    def __init__(self, key: str) -> None:
        self._key = key
        # A browser sends cookies of one port to all ports of a machine: servers with other keys have other names.
        self._cookie = f"persistmem_{hashlib.sha256(self._key.encode()).hexdigest()[:8]}"
        self._logins: dict[str, tuple[Caller, datetime]] = {}

    def caller_of(self, request: Request) -> Caller | None:
        """Return the caller whose session it is; None where there is none."""
        claims = read_claims(self._key, "session", request.cookies.get(self._cookie, ""))
        return None if claims is None else Caller.of_claims(claims)

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
        """Return True where the browser has a cookie."""
        return self._cookie in request.cookies

    def close_session(self, request: Request, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(
            self._cookie, path=request.scope.get("root_path") or "/", httponly=True, samesite="strict"
        )
