"""One memory: its origin, its versions and changes, and what a person can do with it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.errors import ConcurrentUpdateError, InvalidInputError, MemoryNotFoundError, PersistMemError
from langchain_persistmem.server.access import Access
from langchain_persistmem.server.display import texts
from langchain_persistmem.server.problems import status_of
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.records import KINDS, Change, Kind, Memory, MemoryRecord, Source

router = APIRouter()

_EDITED_KINDS = tuple(kind for kind in KINDS if kind != "profile")


@router.get("/memories/{version}")
async def show_memory(request: Request, access: CurrentAccess, version: UUID) -> Response:
    """Show a version of a memory with everything that belongs to it."""
    return await _show(request, access, version)


@router.post("/memories/{version}/edit")
async def edit_memory(
    request: Request,
    access: CurrentAccess,
    version: UUID,
    text: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    importance: Annotated[str, Form()] = "",
    since: Annotated[str, Form()] = "",
) -> Response:
    """Save what was changed in the form, if the memory is still the one that was shown."""
    try:
        old = await access.memory.history.aversion(version, **access.owner)
        if old.status != "active":
            raise ConcurrentUpdateError(texts()["memory"]["changed_meanwhile"])
        changes = _changes(old, text=text, kind=kind, importance=importance, since=since)
        if not changes:
            raise InvalidInputError(texts()["memory"]["nothing_changed"])
        source: Source = "operator" if access.caller.is_operator else "user"
        new = await access.memory.aedit(old.key, source=source, **changes, **access.owner)
    except MemoryNotFoundError:
        raise
    except PersistMemError as error:
        return await _show(request, access, version, problem=error, typed=text)
    done = "waits" if new.status == "quarantined" else "edited"
    return see_other(request, f"/memories/{new.id}", done=done, **access.query)


@router.post("/memories/{version}/pin")
async def pin_memory(
    request: Request, access: CurrentAccess, version: UUID, pinned: Annotated[bool, Form()]
) -> Response:
    """Pin the memory, or take the pin away."""
    memory = await access.memory.history.aversion(version, **access.owner)
    changed = await access.memory.aedit(memory.key, pinned=pinned, **access.owner)
    done = "pinned" if pinned else "unpinned"
    return see_other(request, f"/memories/{changed.id}", done=done, **access.query)


@router.post("/memories/{version}/restore")
async def restore_memory(request: Request, access: CurrentAccess, version: UUID) -> Response:
    """Make a version of the past current again."""
    memory = await access.memory.history.arestore(version, **access.owner)
    return see_other(request, f"/memories/{memory.id}", done="restored", **access.query)


async def _show(
    request: Request,
    access: Access,
    version: UUID,
    *,
    problem: PersistMemError | None = None,
    typed: str | None = None,
) -> Response:
    """Show the page; with a problem, what was typed stands in the form again."""
    memory = await access.memory.history.aversion(version, **access.owner)
    # The record is that of the key, with all its versions; the page is about the one that was asked for.
    record = await _record_of(access, memory)
    changes: list[Change] = (
        [] if record is None else [change for change in record.changes if change.memory_id == version]
    )
    successor = await _find(access, memory.superseded_by)
    return render(
        request,
        "memory.html",
        status_code=200 if problem is None else status_of(problem),
        page="memories",
        memory=memory,
        record=record,
        changes=changes,
        successor=successor,
        replaces=await _find(access, memory.review_of),
        made_from=[
            original for id in memory.provenance.memory_ids if (original := await _find(access, UUID(id))) is not None
        ],
        current=record.memory if record is not None and record.memory.status == "active" else None,
        can_edit=memory.status == "active"
        and memory.text is not None
        and memory.kind != "profile"
        and memory.provenance.source != "store",
        kinds=_EDITED_KINDS,
        problem=problem,
        typed=memory.text if typed is None else typed,
    )


async def _record_of(access: Access, memory: Memory) -> MemoryRecord | None:
    """The record of a memory's key; None where only something that waits for review has it."""
    try:
        return await access.memory.history.aof(memory.key, **access.owner)
    except MemoryNotFoundError:
        return None


async def _find(access: Access, version: UUID | None) -> Memory | None:
    """A memory by its id; None where there is none, or none any more."""
    if version is None:
        return None
    try:
        return await access.memory.history.aversion(version, **access.owner)
    except MemoryNotFoundError:
        return None


def _changes(old: Memory, *, text: str, kind: str, importance: str, since: str) -> dict[str, Any]:
    """The fields of the form that differ from what is stored, as ``edit`` takes them.

    Raises:
        InvalidInputError: a field is malformed.
    """
    changes: dict[str, Any] = {}
    # A browser sends the ends of lines in the form of its own.
    wording = text.replace("\r\n", "\n")
    if wording.strip() != (old.text or "").replace("\r\n", "\n").strip():
        changes["text"] = wording
    if kind and kind != old.kind:
        changes["kind"] = cast("Kind", kind)
    if importance and importance != f"{old.importance:.2f}":
        try:
            changes["importance"] = float(importance)
        except ValueError as error:
            raise InvalidInputError("importance is no number; write one from 0 to 1, such as 0.8") from error
    if since:
        try:
            day = date.fromisoformat(since)
        except ValueError as error:
            raise InvalidInputError("the day is no date; write it as 2026-03-31") from error
        changes["valid_from"] = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return changes
