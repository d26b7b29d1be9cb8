"""Memories that wait for a person's decision."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.errors import MemoryNotFoundError
from langchain_persistmem.server.access import Access
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.records import Memory

router = APIRouter()

_PAGE = 50

Versions = Annotated[list[UUID], Form(default_factory=list)]


@router.get("/review")
async def show_review(request: Request, access: CurrentAccess) -> Response:
    """Show what waits, with what each would replace."""
    memories = await access.memory.review.alist(limit=_PAGE + 1, **access.owner)
    waiting = [(memory, await _replaced(access, memory)) for memory in memories[:_PAGE]]
    return render(request, "review.html", page="review", waiting=waiting, has_more=len(memories) > _PAGE)


@router.post("/review")
async def decide(
    request: Request,
    access: CurrentAccess,
    versions: Versions,
    approve: Annotated[str, Form()] = "",
    reject: Annotated[str, Form()] = "",
) -> Response:
    """Approve or reject: the button of one memory has its id, that of all chosen ones has none."""
    decision = approve or reject
    ids = versions if decision == "chosen" else [UUID(decision)] if _is_uuid(decision) else []
    if not ids:
        return see_other(request, "/review", done="nothing_chosen", **access.query)
    if approve:
        await access.memory.review.aapprove(*ids, **access.owner)
    else:
        await access.memory.review.areject(*ids, **access.owner)
    return see_other(request, "/review", done="approved" if approve else "rejected", **access.query)


async def _replaced(access: Access, memory: Memory) -> Memory | None:
    """The memory that it would replace, if that is still there."""
    if memory.review_of is None:
        return None
    try:
        return await access.memory.history.aversion(memory.review_of, **access.owner)
    except MemoryNotFoundError:
        return None


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
