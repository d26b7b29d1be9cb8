"""The list of people, for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.access import Access, only_reads, operators_only
from langchain_persistmem.server.rendering import render
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.namespace import decode, encode

router = APIRouter()

_PAGE = 50


@router.get("/people")
@operators_only
async def list_people(request: Request, access: CurrentAccess, after: str | None = None) -> Response:
    """Show a page of the people, those behind ``after``."""
    return await _show(request, access, begins_with="", after=after)


@router.post("/people")
@operators_only
@only_reads
async def find_people(
    request: Request,
    access: CurrentAccess,
    begins_with: Annotated[str, Form()] = "",
    after: Annotated[str | None, Form()] = None,
) -> Response:
    """Show the people whose name begins with a text; it is sent in the body, since names are nobody's business either."""
    return await _show(request, access, begins_with=begins_with.strip(), after=after)


async def _show(request: Request, access: Access, *, begins_with: str, after: str | None) -> Response:
    rows = await access.memory.admin.apeople(
        begins_with=begins_with, after=None if after is None else decode(after), limit=_PAGE + 1
    )
    people = [(person, _address(person.user_id, encode(person.namespace))) for person in rows[:_PAGE]]
    more = encode(rows[_PAGE - 1].namespace) if len(rows) > _PAGE else None
    return render(
        request, "people.html", page="people", people=people, more=more, begins_with=begins_with, is_first=after is None
    )


def _address(user_id: str | None, namespace: str) -> dict[str, str]:
    """The parameters that name a person in the address of a page."""
    return {"namespace": namespace} if user_id is None else {"user_id": user_id}
