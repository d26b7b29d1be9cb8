"""Consent, off the record, and a person's data in a file, out and in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, cast

from fastapi import APIRouter, Form, UploadFile
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from langchain_persistmem.errors import PersistMemError
from langchain_persistmem.server.access import Access, only_reads
from langchain_persistmem.server.dependencies import CurrentAccess
from langchain_persistmem.server.display import texts
from langchain_persistmem.server.problems import status_of
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.types.records import CONSENTS, Consent
from langchain_persistmem.types.results import ImportFileResult

router = APIRouter()

_BLOCK = 1_000_000
_GZIP = b"\x1f\x8b"


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
    """Send everything that is stored of the person; the file on our side goes once it is sent."""
    folder = tempfile.TemporaryDirectory(prefix="persistmem-export-")
    path = Path(folder.name) / "memory.jsonl.gz"
    try:
        await access.memory.privacy.aexport(path, **access.owner)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        path, media_type="application/gzip", filename=path.name, background=BackgroundTask(folder.cleanup)
    )


@router.post("/import")
async def import_export(
    request: Request,
    access: CurrentAccess,
    file: UploadFile | None = None,
    action: Annotated[str, Form()] = "check",
    trusted: Annotated[bool, Form()] = False,
) -> Response:
    """Check a file of an export, or bring it back; it is read from the first line to the last before anything is stored."""
    if file is None or not file.size:
        return await _show(request, access, problem=texts()["privacy"]["import_none"])
    with tempfile.TemporaryDirectory(prefix="persistmem-import-") as folder:
        try:
            path = await _store(file, Path(folder))
            result = await access.memory.privacy.aimport_file(
                path, trusted=trusted and access.caller.is_operator, dry_run=action != "import", **access.owner
            )
        except PersistMemError as error:
            return await _show(request, access, problem=str(error).replace(folder, ""), status=status_of(error))
    return await _show(request, access, result=result)


async def _store(file: UploadFile, folder: Path) -> Path:
    """Write an upload to a file, under a name that says whether it is packed."""
    block = await file.read(_BLOCK)
    path = folder / ("memory.jsonl.gz" if block.startswith(_GZIP) else "memory.jsonl")
    with path.open("wb") as target:
        while block:
            await run_in_threadpool(target.write, block)
            block = await file.read(_BLOCK)
    return path


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
