"""Memories over HTTP: remember, observe, list, get, edit, forget, history, review."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from langchain_persistmem.server.access import Access, AccessDeniedError
from langchain_persistmem.server.api.bodies import (
    EditBody,
    ForgetBody,
    ObserveBody,
    RememberBody,
    RestoreBody,
    ReviewBody,
)
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.records import Change, Kind, Memory, MemoryRecord, Source, Status
from langchain_persistmem.types.results import ObserveResult, Receipt

router = APIRouter(tags=["memories"])

_FOR_OPERATORS: tuple[Source, ...] = ("operator", "import", "store")
"""Sources that count for more than the person's own word, or are not theirs to claim."""

Limit = Annotated[int, Query(description="At most this many, up to 10,000.")]
Offset = Annotated[int, Query(description="Leave out the first so many.")]


@router.post("/remember", status_code=201)
async def remember(access: CurrentAccess, body: RememberBody) -> Memory:
    """Store one statement; `status` is `quarantined` where it waits for review."""
    _check_source(access, body.source)
    return await access.memory.aremember(**body.arguments(), **access.owner)


@router.post("/observe")
async def observe(access: CurrentAccess, body: ObserveBody) -> ObserveResult:
    """Store a conversation's new turns and learn from them; the same turns again change nothing."""
    return await access.memory.aobserve(**body.arguments(), **access.owner)


@router.get("/memories")
async def list_memories(
    access: CurrentAccess,
    kind: Annotated[list[Kind] | None, Query(description="Only these kinds; may be repeated.")] = None,
    status: Annotated[list[Status] | None, Query(description="Of these statuses, instead of current ones.")] = None,
    source: Annotated[list[Source] | None, Query(description="Only of these origins.")] = None,
    since: Annotated[datetime | None, Query(description="True from this moment on, or later.")] = None,
    until: Annotated[datetime | None, Query(description="True from before this moment on.")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> list[Memory]:
    """List current memories, the last changed first; or those of other statuses."""
    return await access.memory.alist(
        kinds=kind,
        statuses=status,
        sources=source,
        since=since,
        until=until,
        limit=limit,
        offset=offset,
        **access.owner,
    )


@router.get("/memories/{key:path}")
async def get_memory(access: CurrentAccess, key: str) -> Memory:
    """Return the current memory under a key."""
    return await access.memory.aget(key, **access.owner)


@router.patch("/memories/{key:path}")
async def edit_memory(access: CurrentAccess, key: str, body: EditBody) -> Memory:
    """Correct or pin a memory; the version before stays in the history."""
    source: Source = "operator" if access.caller.is_operator else "user"
    return await access.memory.aedit(key, **body.arguments(), source=source, **access.owner)


@router.post("/forget", response_model_exclude={"by_namespace"})
async def forget(access: CurrentAccess, body: ForgetBody) -> Receipt:
    """Erase for good, and return a receipt; with `query` or `dry_run` nothing is erased and the receipt is a preview."""
    return await access.memory.aforget(**body.arguments(), **access.owner)


@router.get("/history/{key:path}")
async def get_history(access: CurrentAccess, key: str) -> MemoryRecord:
    """Return a memory with its source messages, versions, changes and uses."""
    return await access.memory.history.aof(key, **access.owner)


@router.get("/versions/{version}")
async def get_version(access: CurrentAccess, version: UUID) -> Memory:
    """Return one memory by its id, whatever its status: a successor, a summary, or what waits for review."""
    return await access.memory.history.aversion(version, **access.owner)


@router.get("/changes")
async def list_changes(access: CurrentAccess, limit: Limit = 100) -> list[Change]:
    """List changes of memories with their reasons, newest first, without content."""
    return await access.memory.history.achanges(limit=limit, **access.owner)


@router.post("/restore")
async def restore(access: CurrentAccess, body: RestoreBody) -> Memory:
    """Make a superseded or archived version current again."""
    return await access.memory.history.arestore(body.version, **access.owner)


@router.get("/review")
async def list_review(access: CurrentAccess, limit: Limit = 100) -> list[Memory]:
    """List the memories that wait for review, oldest first; `review` has the reason."""
    return await access.memory.review.alist(limit=limit, **access.owner)


@router.post("/review/approve")
async def approve(access: CurrentAccess, body: ReviewBody) -> list[Memory]:
    """Let memories that wait for review be recalled, all or none."""
    return await access.memory.review.aapprove(*body.versions, everything=body.everything, **access.owner)


@router.post("/review/reject")
async def reject(access: CurrentAccess, body: ReviewBody) -> dict[str, Any]:
    """Delete memories that wait for review for good, all or none; returns their number."""
    count = await access.memory.review.areject(*body.versions, everything=body.everything, **access.owner)
    return {"rejected": count}


def _check_source(access: Access, source: Source) -> None:
    """Refuse a source that the caller may not claim.

    Raises:
        AccessDeniedError: it is an operator's.
    """
    if source in _FOR_OPERATORS and not access.caller.is_operator:
        raise AccessDeniedError(
            f"source={source!r} is for operators; leave it out, or use user, assistant, tool or document"
        )
