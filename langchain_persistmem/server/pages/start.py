"""The first page: an operator sees the figures of the database, a person their own."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.dependencies import CurrentAccess
from langchain_persistmem.server.rendering import render

router = APIRouter()


@router.get("/")
async def show_start(request: Request, access: CurrentAccess) -> Response:
    """Show the figures."""
    status = await access.memory.admin.astatus(**(access.owner_or_none or {}))
    return render(request, "start.html", status=status)
