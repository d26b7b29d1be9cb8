"""The audit log of a person, and the check of its chain."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.rendering import render
from langchain_persistmem.server.request_checks import CurrentAccess

router = APIRouter()

_PAGE = 100


@router.get("/audit")
async def show_audit(
    request: Request,
    access: CurrentAccess,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    verify: bool = False,
) -> Response:
    """Show a page of the log, the latest entries first, and check it if that is asked for."""
    privacy = access.memory.privacy
    # Pages go forward from a number, and numbers have no gap: those before N follow N - 1 - page.
    start = None if before is None else max(0, before - 1 - _PAGE)
    limit = _PAGE if before is None else before - 1 - (start or 0)
    entries = await privacy.aaudit(after=start, limit=limit, **access.owner) if limit else []
    return render(
        request,
        "audit.html",
        page="audit",
        entries=entries[::-1],
        earlier=entries[0].number if entries and entries[0].number > 1 else None,
        is_latest=before is None,
        check=await privacy.averify_audit(**access.owner) if verify else None,
    )
