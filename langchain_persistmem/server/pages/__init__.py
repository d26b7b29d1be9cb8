"""The inspector's pages: one router for each subject."""

from fastapi import APIRouter

from langchain_persistmem.server.pages import (
    activity,
    audit,
    conversations,
    forget,
    memories,
    memory,
    operations,
    people,
    privacy,
    prompt,
    review,
    session,
    start,
)

ROUTERS: tuple[APIRouter, ...] = (
    session.router,
    start.router,
    people.router,
    memories.router,
    memory.router,
    forget.router,
    conversations.router,
    prompt.router,
    review.router,
    activity.router,
    privacy.router,
    audit.router,
    operations.router,
)
