"""Signed tokens: each names a caller, serves one purpose, and expires; JSON Web Tokens with HMAC-SHA256."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.server.access import Caller
from langchain_persistmem.types.argument_checks import check_arguments

Purpose = Literal["bearer", "session", "form"]
"""``bearer``: for programs. ``session``: the cookie. ``form``: proves that a form is ours."""

MIN_KEY_CHARS = 32
"""A shorter key could be guessed from one token."""

_ALGORITHM = "HS256"


def check_key(key: str) -> str:
    """Return ``key`` if it can sign.

    Raises:
        ConfigurationError: it is too short.
    """
    if len(key.encode()) < MIN_KEY_CHARS:
        raise ConfigurationError(
            f"the server's key is shorter than {MIN_KEY_CHARS} characters; make one with: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return key


def sign(key: str, purpose: Purpose, caller: Caller, lifetime: timedelta, *, now: datetime | None = None) -> str:
    """Make a token that names ``caller`` until ``lifetime`` is over."""
    claims = {
        "aud": purpose,
        "exp": (datetime.now(UTC) if now is None else now) + lifetime,
        **caller.to_claims(),
    }
    return jwt.encode(claims, key, _ALGORITHM)


def read_claims(key: str, purpose: Purpose, token: str) -> dict[str, Any] | None:
    """Return the claims of a token; None where it is not ours, has another purpose, or is out of date."""
    try:
        return jwt.decode(token, key, [_ALGORITHM], audience=purpose, options={"require": ["exp", "aud"]})
    except jwt.InvalidTokenError:
        return None


@check_arguments(ConfigurationError)
def bearer_token(key: str, caller: Caller, *, lifetime: timedelta = timedelta(days=30)) -> str:
    """Make a token for ``Authorization: Bearer ...``, with which a program acts as ``caller``.

    Nothing is stored: whoever has the key can make tokens, and another key makes all of them worthless.

    Args:
        key: the one that ``memory_app(key=...)`` has; at least 32 characters.
        caller: the person, or the operator, that the program acts for.
        lifetime: until it expires.

    Raises:
        ConfigurationError: the key is too short.
    """
    return sign(check_key(key), "bearer", caller, lifetime)
