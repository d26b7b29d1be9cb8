"""Forgetting: what is meant is found and chosen, what would go is shown, and then it goes, with a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.errors import InvalidInputError, MemoryNotFoundError
from langchain_persistmem.server.access import Access, only_reads
from langchain_persistmem.server.display import texts
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.records import Memory

router = APIRouter()

_CANDIDATES = 50

Keys = Annotated[list[str], Form(default_factory=list)]


@router.get("/forget")
async def show_forget(request: Request, access: CurrentAccess) -> Response:
    """Show the ways to forget."""
    return render(request, "forget.html", page="privacy", query="", candidates=None)


@router.post("/forget/find")
@only_reads
async def find_candidates(request: Request, access: CurrentAccess, query: Annotated[str, Form()] = "") -> Response:
    """Show what a text means; nothing is erased by it."""
    if not query.strip():
        return see_other(request, "/forget", done="nothing_chosen", **access.query)
    receipt = await access.memory.aforget(query=query, limit=_CANDIDATES, **access.owner)
    return render(request, "forget.html", page="privacy", query=query, candidates=receipt.candidates)


@router.post("/forget/preview")
async def preview(
    request: Request,
    access: CurrentAccess,
    keys: Keys,
    everything: Annotated[bool, Form()] = False,
) -> Response:
    """Show what would be erased, after a trial that is rolled back."""
    return await _preview(request, access, keys, everything=everything)


@router.post("/forget")
async def erase(
    request: Request,
    access: CurrentAccess,
    keys: Keys,
    everything: Annotated[bool, Form()] = False,
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """Erase, and show the receipt, which has no content."""
    if everything and not confirmed:
        return await _preview(request, access, (), everything=True, problem=texts()["forget"]["must_confirm"])
    receipt = await access.memory.aforget(None if everything else keys, everything=everything, **access.owner)
    return render(request, "receipt.html", page="privacy", receipt=receipt, everything=everything)


async def _preview(
    request: Request, access: Access, keys: Sequence[str], *, everything: bool, problem: str | None = None
) -> Response:
    if not keys and not everything:
        return see_other(request, "/memories", done="nothing_chosen", **access.query)
    receipt = await access.memory.aforget(
        None if everything else keys, everything=everything, dry_run=True, **access.owner
    )
    return render(
        request,
        "preview.html",
        status_code=200 if problem is None else 422,
        page="privacy",
        receipt=receipt,
        everything=everything,
        keys=keys,
        memories=[] if everything else await _memories(access, keys),
        problem=problem,
    )


async def _memories(access: Access, keys: Sequence[str]) -> list[Memory]:
    """The memories under ``keys``, so that a person sees what they are about to erase.

    Raises:
        InvalidInputError: there are too many at once.
    """
    if len(keys) > _CANDIDATES:
        raise InvalidInputError(f"{len(keys)} memories are chosen; choose at most {_CANDIDATES} at once")
    memories: list[Memory] = []
    for key in keys:
        try:
            memories.append((await access.memory.history.aof(key, **access.owner)).memory)
        except MemoryNotFoundError:  # what waits for review has no record; the trial has found it
            continue
    return memories
