"""A person over HTTP: profile, consent, conversations, export and import, audit; and the figures of everybody for operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse

from langchain_persistmem.server.access import operators_only
from langchain_persistmem.server.api.bodies import ConsentBody, OffRecordBody, ProfileBody
from langchain_persistmem.server.api.memory_routes import Limit, Offset
from langchain_persistmem.server.export_transfer import receive_export, send_export
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.namespace import decode
from langchain_persistmem.types.records import AuditCheck, AuditEntry, Turn
from langchain_persistmem.types.results import Conversation, ImportFileResult, Person, StatusResult, TurnOutcome

router = APIRouter(tags=["person"])


@router.get("/profile")
async def get_profile(access: CurrentAccess) -> dict[str, Any]:
    """Return the structured document about the person."""
    profile = await access.memory.aprofile(**access.owner)
    return profile.model_dump(mode="json")


@router.patch("/profile")
async def update_profile(access: CurrentAccess, body: ProfileBody) -> dict[str, Any]:
    """Merge changes into the profile; the version before stays in the history of the key `profile`."""
    profile = await access.memory.aupdate_profile(body.changes, **access.owner)
    return profile.model_dump(mode="json")


@router.get("/consent")
async def get_consent(access: CurrentAccess) -> ConsentBody:
    """Return the person's consent."""
    return ConsentBody(consent=await access.memory.privacy.aconsent(**access.owner))


@router.put("/consent")
async def set_consent(access: CurrentAccess, body: ConsentBody) -> ConsentBody:
    """Change the person's consent, from this moment on; stored memories stay."""
    await access.memory.privacy.aset_consent(body.consent, **access.owner)
    return body


@router.get("/off-record")
async def get_off_record(access: CurrentAccess, thread_id: str) -> OffRecordBody:
    """Return whether a conversation is off the record."""
    off = await access.memory.privacy.aoff_record(thread_id, **access.owner)
    return OffRecordBody(thread_id=thread_id, off=off)


@router.put("/off-record")
async def set_off_record(access: CurrentAccess, body: OffRecordBody) -> OffRecordBody:
    """Put a conversation off the record, or back on it."""
    await access.memory.privacy.aset_off_record(body.thread_id, body.off, **access.owner)
    return body


@router.get("/conversations")
async def list_conversations(access: CurrentAccess, limit: Limit = 100, offset: Offset = 0) -> list[Conversation]:
    """List the person's conversations in figures, the one of the latest message first."""
    return await access.memory.conversations.alist(limit=limit, offset=offset, **access.owner)


@router.get("/turns")
async def list_turns(access: CurrentAccess, thread_id: str, limit: Limit = 100, offset: Offset = 0) -> list[Turn]:
    """Return a conversation's stored turns, oldest first; pages are counted from its end."""
    return await access.memory.conversations.aturns(thread_id, limit=limit, offset=offset, **access.owner)


@router.get("/outcomes")
async def list_outcomes(
    access: CurrentAccess, thread_id: str, limit: Limit = 100, offset: Offset = 0
) -> list[TurnOutcome]:
    """Return what came of each turn of a conversation: the statements that rest on it, and those dropped, and why."""
    return await access.memory.conversations.aoutcomes(thread_id, limit=limit, offset=offset, **access.owner)


@router.get("/export", response_class=FileResponse)
async def export(access: CurrentAccess) -> FileResponse:
    """Return all stored data of the person as packed JSON Lines, which /v1/import takes."""
    return await send_export(access)


@router.post(
    "/import",
    openapi_extra={"requestBody": {"required": True, "content": {"application/gzip": {}, "application/x-ndjson": {}}}},
)
async def import_file(
    request: Request,
    access: CurrentAccess,
    dry_run: Annotated[bool, Query(description="Only check and count.")] = False,
) -> ImportFileResult:
    """Bring back the rows of an export, sent as the body of the request; the same file again changes nothing."""
    return await receive_export(access, request.stream(), dry_run=dry_run)


@router.get("/audit")
async def list_audit(
    access: CurrentAccess,
    after: Annotated[int | None, Query(description="The page that follows this number; 0 for the first.")] = None,
    limit: Limit = 100,
) -> list[AuditEntry]:
    """List the audit log: actor, action, memories and time, without content."""
    return await access.memory.privacy.aaudit(after=after, limit=limit, **access.owner)


@router.get("/audit/check")
async def verify_audit(access: CurrentAccess) -> AuditCheck:
    """Check the audit log's chain."""
    return await access.memory.privacy.averify_audit(**access.owner)


@router.get("/status")
async def get_status(access: CurrentAccess) -> StatusResult:
    """Count rows and waiting work of the person; for an operator who names nobody, of the whole database."""
    return await access.memory.admin.astatus(**(access.owner_or_none or {}))


@router.get("/people")
@operators_only
async def list_people(
    access: CurrentAccess,
    begins_with: Annotated[str, Query(description="Only those whose id begins with this.")] = "",
    after: Annotated[
        str | None, Query(description="The namespace before the page, encoded as in memories/ada.")
    ] = None,
    limit: Limit = 100,
) -> list[Person]:
    """List the people that have memory, with figures and without content."""
    page = None if after is None else decode(after)
    return await access.memory.admin.apeople(begins_with=begins_with, after=page, limit=limit)
