"""For whoever runs the database: its state, what failed, the diagnosis, and the log of erasures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.access import operators_only
from langchain_persistmem.server.pages.charts import bars
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.erasure_log_line import Erasure
from langchain_persistmem.types.namespace import encode

router = APIRouter()

_ERASURES = 200
_PAGE = 1_000
_LEVELS = ("error", "warning", "note")


@router.get("/operations")
@operators_only
async def show_operations(request: Request, access: CurrentAccess) -> Response:
    """Show the state of the database, and the messages that were given up."""
    status = await access.memory.admin.astatus()
    letters = await access.memory.admin.adead_letters()
    return render(
        request,
        "operations.html",
        page="operations",
        status=status,
        queue=bars(status.work),
        letters=[(letter, encode(letter.namespace)) for letter in letters],
    )


@router.post("/operations/retry")
@operators_only
async def retry(request: Request, access: CurrentAccess, thread: Annotated[str, Form()]) -> Response:
    """Have the messages of a conversation that were given up learnt from again; the address names the person."""
    await access.memory.admin.aretry(thread, **access.owner)
    return see_other(request, "/operations", done="retried")


@router.get("/doctor")
@operators_only
async def show_findings(request: Request, access: CurrentAccess) -> Response:
    """Run the diagnosis, and show its findings, the worst first."""
    findings = await access.memory.admin.adiagnose()
    urgent = [finding for level in _LEVELS for finding in findings if finding.level == level]
    return render(
        request,
        "doctor.html",
        page="doctor",
        urgent=urgent,
        in_order=[finding for finding in findings if finding.level == "ok"],
    )


@router.get("/erasures")
@operators_only
async def show_erasures(request: Request, access: CurrentAccess) -> Response:
    """Show the latest entries of the log of erasures."""
    log = await _read_log(access)
    return render(
        request,
        "erasures.html",
        page="erasures",
        erasures=log[: -_ERASURES - 1 : -1],
        hidden=max(0, len(log) - _ERASURES),
        is_interrupted=any(entry.completed_at is None for entry in log),
    )


@router.get("/erasures.jsonl")
@operators_only
async def download_erasures(access: CurrentAccess) -> Response:
    """Send the whole log, to be stored outside of the database."""
    lines = "".join(f"{entry.line}\n" for entry in await _read_log(access))
    headers = {"Content-Disposition": 'attachment; filename="erasures.jsonl"'}
    return Response(lines, headers=headers, media_type="application/x-ndjson")


@router.post("/erasures/resume")
@operators_only
async def resume_erasures(request: Request, access: CurrentAccess) -> Response:
    """Finish the erasures that were interrupted."""
    await access.memory.privacy.aresume_erasures()
    return see_other(request, "/erasures", done="resumed")


async def _read_log(access: CurrentAccess) -> list[Erasure]:
    """The whole log, the oldest first; it has no content, and a line for each erasure."""
    log: list[Erasure] = []
    while True:
        page = await access.memory.privacy.aerasures(after=log[-1].id if log else None, limit=_PAGE)
        log += page
        if len(page) < _PAGE:
            return log
