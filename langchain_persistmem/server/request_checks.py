"""Checks of each request before its route's function runs: whose memory it may see, and the token of its form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import Request

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.server.access import Access, Caller, authorise, marks_of
from langchain_persistmem.server.authentication import Authentication

_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The parts of an application that its routes need: ``request.app.state.service``."""

    memory: PersistMem
    authentication: Authentication
    read_only: bool


async def check_request(
    request: Request,
    user_id: Annotated[
        str | None, Query(description="The person; only an operator needs it, a person's token names them already.")
    ] = None,
    namespace: Annotated[
        str | None, Query(description="Instead of user_id: a namespace such as team/blue, with / in a label as %2F.")
    ] = None,
) -> Access | None:
    """Authorise a request; None for a public route where nobody is logged in.

    Raises:
        AccessDeniedError: the caller may not have it.
    """
    service: Service = request.app.state.service
    caller: Caller | None = request.scope["persistmem.caller"]
    marks = marks_of(request.scope["endpoint"])
    if caller is None and marks.is_public:
        return None
    # A search is a POST too, and is refused where another site sends it; only what changes something is a write.
    is_post = request.method not in _SAFE
    access = authorise(
        service.memory,
        caller,
        user_id=user_id,
        namespace=namespace,
        for_operators=marks.is_for_operators,
        writes=is_post and not marks.only_reads and not marks.is_public,
        read_only=service.read_only,
    )
    if is_post:
        await service.authentication.forms.check(request, access.caller)
    request.scope["persistmem.access"] = access
    return access


CurrentAccess = Annotated[Access, Depends(check_request)]
"""The parameter of a route that is not public."""
