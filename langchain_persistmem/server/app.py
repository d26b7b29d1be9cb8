"""The ASGI application: inspector, HTTP and MCP over one :class:`PersistMem`, mountable under any path.

The contract between its parts:

- :class:`Guard` lets every request in: size and rate, then the caller. Headers and CSP are the same for everything: scripts and
  styles are files in ``static/``, nothing is inline (no ``style=``, no ``<script>`` without ``src``, no ``onclick=``), nothing is
  from another host. Lengths of bars are attributes of SVG, ``<meter>`` or ``<progress>``.
- Every route is authorised by ``check_request`` before its function runs: one global dependency, which calls the one function
  ``access.authorise``. A route says what it is by a decorator below the router's: ``@operators_only``; ``@only_reads`` for a
  POST that changes nothing (searches are sent by POST: no text in URLs); ``@public`` for the login alone. Without one, a GET
  reads, and everything else writes, which read-only mode refuses.
- The person is named by the parameter ``user_id`` (or ``namespace``, encoded as in ``team/blue``) of the address, in pages as
  in ``/v1``, never by a field of a form. A person leaves it out; an operator without it gets 422 where a route needs one.
- A route takes ``access: CurrentAccess`` and calls ``await access.memory.alist(**access.owner)``: the methods with an ``a``,
  which work however the memory was opened. Besides ``access.caller``, ``access.read_only`` and ``access.query``.
- Pages are ``APIRouter`` in ``pages/``, listed in ``pages.ROUTERS``. They answer with ``render(request, "name.html", **values)``
  and, after a change, with ``see_other(request, "/memories", **access.query)``. Each form has a hidden field ``csrf`` with
  ``{{ csrf }}``; a script sends the same in the header ``X-CSRF-Token``.
- An error of this package that a page does not catch is answered by ``error.html`` with ``title``, ``detail`` and the status; in
  ``/v1`` and ``/mcp`` by ``application/problem+json``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ConfigurationError, PersistMemError
from langchain_persistmem.server import api, pages
from langchain_persistmem.server.authentication import Authentication, Authorize
from langchain_persistmem.server.mcp import McpEndpoint
from langchain_persistmem.server.problems import error_response, problem_response, validation_response
from langchain_persistmem.server.rendering import STATIC
from langchain_persistmem.server.request_checks import Service, check_request
from langchain_persistmem.server.request_limits import Guard, Limits
from langchain_persistmem.types.argument_checks import check_arguments


@check_arguments(ConfigurationError)
def memory_app(
    memory: PersistMem,
    *,
    authorize: Authorize | None = None,
    key: str | None = None,
    read_only: bool = False,
    limits: Limits = Limits(),  # noqa: B008 - immutable
) -> FastAPI:
    """Make the ASGI application of ``memory``: the inspector at ``/``, HTTP at ``/v1``, MCP at ``/mcp``.

    Serve it alone, or mount it: ``app.mount("/memory", memory_app(memory, authorize=...))``. The memory stays the
    application's to close. Give ``authorize``, or ``key``, or both.

    Args:
        memory: what ``PersistMem.open()`` or ``aopen()`` returned.
        authorize: your own login: a function, plain or async, that takes a Starlette request and returns a
            :class:`Caller`, or None where nobody is logged in.
        key: a secret of 32 characters or more: tokens made with it by :func:`bearer_token` are taken. With several
            processes it has to be the same in all of them.
        read_only: True if nobody may change anything.
        limits: sizes and rates.

    Raises:
        ConfigurationError: an argument cannot work, or nobody could log in.
    """
    authentication = Authentication(key, authorize)
    service = Service(memory=memory, authentication=authentication, read_only=read_only)
    endpoint = McpEndpoint(service)
    app = FastAPI(
        title="langchain-persistmem",
        description="Long-term memory of people, over HTTP. Every call needs a bearer token.",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # both load scripts from another host
        redoc_url=None,
        dependencies=[Depends(check_request)],
        lifespan=lambda _: _closing(endpoint),
    )
    app.state.service = service
    app.add_middleware(Guard, authentication=authentication, limits=limits)
    app.add_exception_handler(PersistMemError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.include_router(api.router)
    for router in pages.ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.router.routes.append(Route("/mcp", endpoint=endpoint, include_in_schema=False))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _closing(endpoint: McpEndpoint) -> AsyncGenerator[None]:
    """End the sessions of MCP with the server; where the application is mounted, they end with the loop."""
    yield
    await endpoint.close()


def _answer_error(request: Request, error: Exception) -> Response:
    return error_response(request, cast("PersistMemError", error))


def _answer_http_error(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    return problem_response(request, refusal.status_code, refusal.detail)


def _answer_invalid(request: Request, error: Exception) -> Response:
    return validation_response(request, cast("RequestValidationError", error).errors())
