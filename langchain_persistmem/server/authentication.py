"""Authentication: the caller of a request, by a bearer token, by a session's cookie, or by the application's own login."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.server.access import Caller, check_caller
from langchain_persistmem.server.forged_requests import FormTokens, bearer_of
from langchain_persistmem.server.login import Logins
from langchain_persistmem.server.signed_tokens import check_key, read_claims

Authorize = Callable[[Request], "Caller | Awaitable[Caller | None] | None"]
"""The application's own login: the caller of a request; None if nobody is logged in."""


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
        self.logins = Logins(self._key)
        """The links by which a browser logs in, and its sessions."""

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
        return self.logins.caller_of(request)

    def has_session(self, request: Request) -> bool:
        """Return True where a button to log out would do something: not under an application's own login."""
        return self._authorize is None and self.logins.has_session(request)
