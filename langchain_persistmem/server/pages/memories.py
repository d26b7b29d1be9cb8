"""The memories of a person: a list with filters, a search with scores and their parts, and a form to add one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.errors import InvalidInputError, PersistMemError
from langchain_persistmem.server.access import Access, only_reads
from langchain_persistmem.server.pages.charts import strip
from langchain_persistmem.server.problems import status_of
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.records import KINDS, SOURCES, STATUSES, Kind, Memory, Source, Status

router = APIRouter()

_PAGE = 50
_FOUND = 30
_LEFT_OUT = 30
_ADDED_KINDS = ("auto", "semantic", "episodic", "procedural")


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a list, as a form or an address has them; empty where there is none."""

    kind: str = ""
    status: str = ""
    source: str = ""
    since: str = ""
    until: str = ""

    @property
    def present(self) -> Mapping[str, str]:
        """Those that are chosen, as parameters of an address."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    @property
    def kinds(self) -> Sequence[Kind] | None:
        """The kinds, as a method takes them."""
        return [cast("Kind", self.kind)] if self.kind else None

    @property
    def statuses(self) -> Sequence[Status] | None:
        """The statuses; None for what is current."""
        if self.status == "any":
            return STATUSES
        return [cast("Status", self.status)] if self.status else None

    @property
    def sources(self) -> Sequence[Source] | None:
        """The sources."""
        return [cast("Source", self.source)] if self.source else None

    @property
    def period(self) -> tuple[datetime | None, datetime | None]:
        """The first moment, and the one at which the last day is over; in UTC.

        Raises:
            InvalidInputError: a date is none.
        """
        until = _midnight(self.until, "until")
        return _midnight(self.since, "since"), None if until is None else until + timedelta(days=1)

    def fit(self, memory: Memory) -> bool:
        """True for a memory that a search has found, and that the filters leave in."""
        since, until = self.period
        if self.source and memory.provenance.source != self.source:
            return False
        return (since is None or memory.valid_from >= since) and (until is None or memory.valid_from < until)


def _of_address(kind: str = "", status: str = "", source: str = "", since: str = "", until: str = "") -> Filters:
    return Filters(kind, status, source, since, until)


def _of_form(
    kind: Annotated[str, Form()] = "",
    status: Annotated[str, Form()] = "",
    source: Annotated[str, Form()] = "",
    since: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
) -> Filters:
    return Filters(kind, status, source, since, until)


AddressFilters = Annotated[Filters, Depends(_of_address)]
FormFilters = Annotated[Filters, Depends(_of_form)]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]


@router.get("/memories")
async def list_memories(
    request: Request, access: CurrentAccess, filters: AddressFilters, number: PageNumber = 1
) -> Response:
    """Show a page of the memories that the filters leave in."""
    return await _show_list(request, access, filters, number)


@router.post("/memories")
@only_reads
async def search_memories(
    request: Request, access: CurrentAccess, filters: FormFilters, query: Annotated[str, Form()] = ""
) -> Response:
    """Search; without a query, show the list with these filters."""
    if not query.strip():
        return see_other(request, "/memories", **filters.present, **access.query)
    try:
        explanation = await access.memory.aexplain(query, kinds=filters.kinds, limit=_FOUND, **access.owner)
        recollections = [one for one in explanation.recollections if filters.fit(one.memory)]
    except PersistMemError as error:
        return await _show_list(request, access, Filters(), 1, query=query, problem=error)
    consent = await access.memory.privacy.aconsent(**access.owner)
    return render(
        request,
        "search.html",
        **_choices(filters, query),
        found=recollections,
        explanation=explanation,
        omissions=[one for one in explanation.omissions if filters.fit(one.memory)][:_LEFT_OUT],
        found_at=strip(one.score for one in recollections),
        left_at=strip(one.score for one in explanation.omissions),
        is_paused=consent == "paused",
    )


@router.post("/memories/add")
async def add_memory(
    request: Request,
    access: CurrentAccess,
    text: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "auto",
) -> Response:
    """Store a statement."""
    if kind not in _ADDED_KINDS:
        raise InvalidInputError(f"kind is not one of {', '.join(_ADDED_KINDS)}; choose one of the form")
    source: Source = "operator" if access.caller.is_operator else "user"
    try:
        memory = await access.memory.aremember(text, kind=cast("Kind", kind), source=source, **access.owner)
    except PersistMemError as error:
        return await _show_list(request, access, Filters(), 1, text=text, problem=error)
    done = "waits" if memory.status == "quarantined" else "remembered"
    return see_other(request, f"/memories/{memory.id}", done=done, **access.query)


async def _show_list(
    request: Request,
    access: Access,
    filters: Filters,
    number: int,
    *,
    query: str = "",
    text: str = "",
    problem: PersistMemError | None = None,
) -> Response:
    """Show the list; with a problem, what was typed stands in the form again."""
    since, until = filters.period
    # One more than a page has, which says whether there is a next one: to count all that fit would take longer than the page.
    memories = await access.memory.alist(
        kinds=filters.kinds,
        statuses=filters.statuses,
        sources=filters.sources,
        since=since,
        until=until,
        limit=_PAGE + 1,
        offset=(number - 1) * _PAGE,
        **access.owner,
    )
    status = await access.memory.admin.astatus(**access.owner)
    return render(
        request,
        "memories.html",
        status_code=200 if problem is None else status_of(problem),
        **_choices(filters, query),
        memories=memories[:_PAGE],
        number=number,
        has_more=len(memories) > _PAGE,
        total=status.counts["memories"],
        text=text,
        problem=problem,
    )


def _choices(filters: Filters, query: str) -> dict[str, Any]:
    """The values of the search form."""
    return {
        "page": "memories", "filters": filters, "query": query, "kinds": KINDS, "sources": SOURCES,
        "statuses": (*STATUSES, "any"), "added_kinds": _ADDED_KINDS,
    }  # fmt: skip


def _midnight(day: str, name: str) -> datetime | None:
    if not day:
        return None
    try:
        calendar_day = date.fromisoformat(day)
        # The day after is wanted too, and the calendar has an end.
        return (
            datetime(calendar_day.year, calendar_day.month, calendar_day.day, tzinfo=UTC)
            + timedelta(days=1)
            - timedelta(days=1)
        )
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"{name} is no date; write it as 2026-03-31") from error
