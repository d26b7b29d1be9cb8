"""The first page: the figures of the database for an operator, of one person for them and where an operator names them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.pages.charts import bars, kinds_over_time
from langchain_persistmem.server.rendering import render
from langchain_persistmem.server.request_checks import CurrentAccess

router = APIRouter()

QUEUE = ("pending", "due", "failing", "dead_letters", "review")
"""The figures of waiting work that are always shown."""
_RECENT = 6


@router.get("/")
async def show_start(request: Request, access: CurrentAccess) -> Response:
    """Show the figures."""
    owner = access.owner_or_none
    status = await access.memory.admin.astatus(**(owner or {}))
    queue = bars({name: status.work[name] for name in QUEUE})
    if owner is None:
        return render(request, "start.html", page="overview", status=status, queue=queue)
    memories = await access.memory.alist(limit=_RECENT, **owner)
    consent = await access.memory.privacy.aconsent(**owner)
    activities = await access.memory.admin.aactivity(step="week", **owner)
    return render(
        request,
        "person.html",
        page="person",
        status=status,
        queue=queue,
        memories=memories,
        consent=consent,
        chart=kinds_over_time(activities),
    )
