"""Conversations: their figures, and each message with what was learnt from it, and what was left out and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from langchain_persistmem.server.pages.memories import PageNumber
from langchain_persistmem.server.rendering import render, see_other
from langchain_persistmem.server.request_checks import CurrentAccess

router = APIRouter()

_PAGE = 50
_MESSAGES = 40

Thread = Annotated[str, Query(min_length=1)]


@router.get("/conversations")
async def list_conversations(request: Request, access: CurrentAccess, number: PageNumber = 1) -> Response:
    """Show a page of the conversations."""
    conversations = await access.memory.conversations.alist(
        limit=_PAGE + 1, offset=(number - 1) * _PAGE, **access.owner
    )
    return render(
        request,
        "conversations.html",
        page="conversations",
        conversations=conversations[:_PAGE],
        number=number,
        has_more=len(conversations) > _PAGE,
    )


@router.get("/conversation")
async def show_conversation(
    request: Request, access: CurrentAccess, thread: Thread, number: PageNumber = 1
) -> Response:
    """Show a page of a conversation, counted from its end."""
    offset = (number - 1) * _MESSAGES
    turns = await access.memory.conversations.aturns(thread, limit=_MESSAGES + 1, offset=offset, **access.owner)
    has_earlier, turns = len(turns) > _MESSAGES, turns[-_MESSAGES:]
    outcomes = await access.memory.conversations.aoutcomes(thread, limit=_MESSAGES, offset=offset, **access.owner)
    by_message = {outcome.message_id: outcome for outcome in outcomes}
    return render(
        request,
        "conversation.html",
        page="conversations",
        thread=thread,
        messages=[(turn, by_message.get(turn.id)) for turn in turns],
        number=number,
        has_earlier=has_earlier,
        off_record=await access.memory.privacy.aoff_record(thread, **access.owner),
    )


@router.post("/conversation/off-record")
async def set_off_record(
    request: Request, access: CurrentAccess, thread: Annotated[str, Form()], off: Annotated[bool, Form()]
) -> Response:
    """Put a conversation off the record, or back on it."""
    await access.memory.privacy.aset_off_record(thread, off, **access.owner)
    done = "off_record" if off else "on_record"
    return see_other(request, "/conversation", thread=thread, done=done, **access.query)
