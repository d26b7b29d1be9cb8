"""Forged requests, which another site has a browser send: each form carries a token of its caller, and is refused without it."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request

from langchain_persistmem.server.access import AccessDeniedError, Caller
from langchain_persistmem.server.signed_tokens import read_claims, sign

CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"

_FORM = timedelta(hours=12)
_BEARER = "bearer "


class FormTokens:
    """The tokens that forms carry, signed with the server's key."""

    def __init__(self, key: str) -> None:
        self._key = key

    def token_of(self, caller: Caller) -> str:
        """Return the token that a form of ``caller`` has to carry; another person's does not count."""
        return sign(self._key, "form", caller, _FORM)

    async def check(self, request: Request, caller: Caller) -> None:
        """Refuse what another site has a browser send.

        A bearer token is its own proof: no browser sends one by itself.

        Raises:
            AccessDeniedError: the request comes from elsewhere, or its form has no token of ours.
        """
        if bearer_of(request) is not None:
            return
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise AccessDeniedError("this was sent by another site; nothing was changed. Use the form here")
        token = request.headers.get(CSRF_HEADER)
        if token is None and request.headers.get("content-type", "").startswith(("multipart/", "application/x-www-")):
            field = (await request.form()).get(CSRF_FIELD)
            token = field if isinstance(field, str) else None
        claims = read_claims(self._key, "form", token or "")
        if claims is None or Caller.of_claims(claims) != caller:
            raise AccessDeniedError(
                "nothing was changed: the token of the form is missing or out of date. Load the page again and repeat it; a "
                "program sends Authorization: Bearer instead of a cookie"
            )


def bearer_of(request: Request) -> str | None:
    """Return the token of ``Authorization: Bearer ...``."""
    header = request.headers.get("authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None
