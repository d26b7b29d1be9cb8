"""Charts: how memory grows, what it saves, and what waits."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.access import AccessDeniedError
from langchain_persistmem.server.display import tokens_of
from langchain_persistmem.server.pages.charts import bars, kinds_over_time, messages_over_time, tokens_over_time
from langchain_persistmem.server.pages.start import QUEUE
from langchain_persistmem.server.rendering import render
from langchain_persistmem.server.request_checks import CurrentAccess

router = APIRouter()

Step = Literal["day", "week", "month"]


@router.get("/activity")
async def show_activity(request: Request, access: CurrentAccess, step: Step = "week") -> Response:
    """Show the charts of a person, or, for an operator who names nobody, of the whole database."""
    owner, memory = access.owner_or_none, access.memory
    if owner is None and not access.caller.is_operator:
        raise AccessDeniedError
    activities = await memory.admin.aactivity(step=step, **(owner or {}))
    status = await memory.admin.astatus(**(owner or {}))
    budget = memory.backend.settings.context_tokens
    tokens = tokens_of(sum(activity.characters for activity in activities))
    return render(
        request,
        "activity.html",
        page="activity" if owner is not None else "all_activity",
        step=step,
        activities=activities,
        growth=kinds_over_time(activities),
        messages=messages_over_time(activities),
        # A prompt has the conversations of one person in it, never those of everybody.
        tokens=None if owner is None else tokens_over_time(activities, budget=budget),
        budget=budget,
        saved=max(0, round(100 * (1 - budget / tokens))) if tokens else 0,
        queue=bars({name: status.work[name] for name in QUEUE}),
    )
