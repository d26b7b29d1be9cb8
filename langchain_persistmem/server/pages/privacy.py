"""Consent, off the record, and a person's data in a file, out and in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import APIRouter, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.errors import PersistMemError
from langchain_persistmem.server.access import Access, only_reads
from langchain_persistmem.server.display import texts
from langchain_persistmem.server.export_transfer import receive_export, send_export
from langchain_persistmem.server.problems import status_of
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.records import CONSENTS, Consent
from langchain_persistmem.types.results import ImportFileResult

router = APIRouter()

_BLOCK = 1_000_000


@router.get("/privacy")
async def show_privacy(request: Request, access: CurrentAccess) -> Response:
    """Show what the person allows, and what they can take along or bring back."""
    return await _show(request, access)


@router.post("/privacy/consent")
async def set_consent(request: Request, access: CurrentAccess, consent: Annotated[str, Form()] = "") -> Response:
    """Change what may be remembered from now on."""
    await access.memory.privacy.aset_consent(cast("Consent", consent), **access.owner)
    return see_other(request, "/privacy", done="consent", **access.query)


@router.post("/privacy/off-record")
async def put_off_record(request: Request, access: CurrentAccess, thread: Annotated[str, Form()] = "") -> Response:
    """Put a conversation off the record by its name, also one that has not begun."""
    await access.memory.privacy.aset_off_record(thread.strip(), **access.owner)
    return see_other(request, "/privacy", done="off_record", **access.query)


@router.post("/export")
@only_reads
async def download_export(access: CurrentAccess) -> Response:
    """Send everything that is stored of the person."""
    return await send_export(access)


@router.post("/import")
async def import_export(
    request: Request,
    access: CurrentAccess,
    file: UploadFile | None = None,
    action: Annotated[str, Form()] = "check",
) -> Response:
    """Check a file of an export, or bring it back to the person that is meant."""
    if file is None or not file.size or not access.owner:  # an operator names the person that it is to belong to
        return await _show(request, access, problem=texts()["privacy"]["import_none"])
    try:
        result = await receive_export(access, _read(file), dry_run=action != "import")
    except PersistMemError as error:
        return await _show(request, access, problem=str(error), status=status_of(error))
    return await _show(request, access, result=result)


async def _read(file: UploadFile) -> AsyncIterator[bytes]:
    while block := await file.read(_BLOCK):
        yield block


async def _show(
    request: Request,
    access: Access,
    *,
    result: ImportFileResult | None = None,
    problem: str | None = None,
    status: int = 422,
) -> Response:
    return render(
        request,
        "privacy.html",
        status_code=200 if problem is None else status,
        page="privacy",
        consent=await access.memory.privacy.aconsent(**access.owner),
        consents=CONSENTS,
        result=result,
        problem=problem,
    )
