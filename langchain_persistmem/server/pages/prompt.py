"""The prompt as the model would see it: the context of a message, its tokens, and what was left out and why."""

from __future__ import annotations

import asyncio
from typing import Annotated, cast

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.errors import InvalidInputError, PersistMemError
from langchain_persistmem.recall.context_parts.context_text import FORMS
from langchain_persistmem.recall.context_parts.context_text import Form as ContextForm
from langchain_persistmem.recall.context_parts.standing import STANDINGS, Standing
from langchain_persistmem.server.access import Access, only_reads
from langchain_persistmem.server.display import tokens_of
from langchain_persistmem.server.pages.charts import strip
from langchain_persistmem.server.problems import status_of
from langchain_persistmem.server.rendering import render
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.recall_results import Context

router = APIRouter()


@router.get("/prompt")
async def show_form(request: Request, access: CurrentAccess) -> Response:
    """Show the form."""
    return _show(request, access)


@router.post("/prompt")
@only_reads
async def show_context(
    request: Request,
    access: CurrentAccess,
    message: Annotated[str, Form()] = "",
    max_tokens: Annotated[str, Form()] = "",
    form: Annotated[str, Form()] = "sections",
    standing: Annotated[str, Form()] = "brief",
    thread: Annotated[str, Form()] = "",
) -> Response:
    """Show the context of a message."""
    typed = {"message": message, "max_tokens": max_tokens, "form": form, "standing": standing, "thread": thread}
    try:
        # At once, since each is a statement of its own: what the model is given, and what it would have to be given instead.
        context, activities, consent = await asyncio.gather(
            access.memory.acontext(
                message,
                max_tokens=_count(max_tokens),
                form=cast("ContextForm", form),
                standing=cast("Standing", standing),
                thread_id=thread or None,
                explain=True,
                **access.owner,
            ),
            access.memory.admin.aactivity(step="month", **access.owner),
            access.memory.privacy.aconsent(**access.owner),
        )
    except PersistMemError as error:
        return _show(request, access, typed, problem=error)
    return _show(
        request,
        access,
        typed,
        context=context,
        stored_tokens=tokens_of(sum(activity.characters for activity in activities)),
        is_paused=consent == "paused",
    )


def _show(
    request: Request,
    access: Access,
    typed: dict[str, str] | None = None,
    *,
    context: Context | None = None,
    stored_tokens: int = 0,
    is_paused: bool = False,
    problem: PersistMemError | None = None,
) -> Response:
    """Show the form with what was typed, and below it the context, if there is one."""
    # Without a message the form has what an application gets that sets nothing.
    budget = access.memory.backend.settings.context_tokens
    typed = typed or {"message": "", "max_tokens": "", "form": "sections", "standing": "brief", "thread": ""}
    explanation = None if context is None else context.explanation
    return render(
        request,
        "prompt.html",
        status_code=200 if problem is None else status_of(problem),
        page="prompt",
        typed=typed,
        forms=FORMS,
        standings=STANDINGS,
        usual_budget=budget,
        budget=budget if context is None or not typed["max_tokens"] else int(typed["max_tokens"]),
        context=context,
        explanation=explanation,
        found_at=strip(() if context is None else (one.score for one in context.recollections if one.score)),
        left_at=strip(() if explanation is None else (one.score for one in explanation.omissions)),
        stored_tokens=stored_tokens,
        is_paused=is_paused,
        problem=problem,
    )


def _count(number: str) -> int | None:
    if not number:
        return None
    if not number.isascii() or not number.isdigit() or len(number) > len("1000000"):
        raise InvalidInputError("the number of tokens is no whole number up to a million; write one such as 1500")
    return int(number)
