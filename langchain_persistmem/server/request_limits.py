"""Limits of every request, by size and by number, around the whole application; with authentication, headers, and unforeseen errors."""

from __future__ import annotations

import logging
import time
import traceback
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from langchain_persistmem.errors import PersistMemError
from langchain_persistmem.server.access import Caller
from langchain_persistmem.server.authentication import Authentication
from langchain_persistmem.server.problems import error_response, problem_response, route_path
from langchain_persistmem.types.actor import part

logger = logging.getLogger(__name__)

HEADERS: Mapping[str, str] = {
    # Nothing from another host, and nothing inline: text of a memory that slipped into a page could do nothing there.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_STATIC = "/static/"
_MOST_BUCKETS = 10_000
_ANONYMOUS_BYTES = 16_384
_LENGTH_DIGITS = 20
_UPLOADS = ("/v1/import", "/import")
"""Paths that take a whole export."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of one application."""

    requests_per_minute: int = 600
    """Of one caller, evenly or at once."""
    failures_per_minute: int = 30
    """Of one address, while nobody is logged in: guesses at tokens."""
    body_bytes: int = 2_000_000
    """The longest body of a request."""
    upload_bytes: int = 200_000_000
    """The longest export that is given back."""


class RateLimit:
    """Token buckets by name: each refills evenly, and holds at most a minute's worth."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, *, now: float | None = None) -> bool:
        """Take one from a bucket; False where it is empty."""
        moment = time.monotonic() if now is None else now
        tokens, at = self._buckets.pop(name, (float(self._per_minute), moment))
        tokens = min(self._per_minute, tokens + (moment - at) * self._per_minute / 60)
        is_allowed = tokens >= 1
        self._buckets[name] = (tokens - 1 if is_allowed else tokens, moment)
        # The one that was asked longest ago is the fullest: nothing is lost with it.
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return is_allowed


def _too_large(at_most: int) -> str:
    """Return the message for a body that is too long."""
    return f"the request has more than {at_most:,} bytes; send it in several parts"


def _bounded(receive: Receive, at_most: int) -> Receive:
    """Wrap ``receive`` so that a body whose length nobody has declared ends in 413 as well."""
    size = 0

    async def receive_within() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > at_most:
            raise HTTPException(413, _too_large(at_most))
        return message

    return receive_within


class Guard:
    """The ASGI middleware around the whole application: it runs before a route is chosen."""

    def __init__(self, app: ASGIApp, authentication: Authentication, limits: Limits) -> None:
        self._app = app
        self._authentication = authentication
        self._limits = limits
        self._requests = RateLimit(limits.requests_per_minute)
        self._failures = RateLimit(limits.failures_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, path, has_started = Request(scope, receive), route_path(scope), False
        scope["persistmem.authentication"], scope["persistmem.caller"] = self._authentication, None

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if path.startswith(_STATIC):
                    headers["Cache-Control"] = "no-cache"  # asked for each time, and mostly answered with 304
            await send(message)

        try:
            refusal = await self._refuse(request, path)
            if refusal is not None:
                await refusal(scope, receive, send_with_headers)
                return
            caller: Caller | None = scope["persistmem.caller"]
            with part("server" if caller is None else f"server: {caller.actor}"):
                await self._app(scope, _bounded(receive, self._body_limit(caller, path)), send_with_headers)
        except Exception as error:  # noqa: BLE001 - its text may quote a memory: only its class and place are logged
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s in %s %s\n%s", type(error).__name__, scope["method"], path, frames)  # noqa: TRY400
            if not has_started:
                detail = "this failed for a reason that stands in the server's log; look there, or try again"
                await problem_response(request, 500, detail)(scope, receive, send_with_headers)

    async def _refuse(self, request: Request, path: str) -> Response | None:
        """Identify the caller, and refuse a request that is too large or one too many."""
        try:
            caller = await self._authentication.caller_of(request)
        except PersistMemError as error:
            return error_response(request, error)
        request.scope["persistmem.caller"] = caller
        # By address only where nobody is known: people behind one proxy have one address.
        if caller is None:
            is_allowed = path.startswith(_STATIC) or self._failures.take(request.client.host if request.client else "")
        else:
            is_allowed = self._requests.take(caller.id)
        if not is_allowed:
            return problem_response(request, 429, "too many requests; wait a moment and try again")
        most, length = self._body_limit(caller, path), request.headers.get("content-length", "0")
        if not length.isascii() or not length.isdecimal() or len(length) > _LENGTH_DIGITS or int(length) > most:
            return problem_response(request, 413, _too_large(most))
        return None

    def _body_limit(self, caller: Caller | None, path: str) -> int:
        if caller is None:
            return _ANONYMOUS_BYTES
        return self._limits.upload_bytes if path in _UPLOADS else self._limits.body_bytes
