"""Who is calling. Nobody reaches the memory or the threads of another user."""

import json
import os
from typing import Any

from langgraph_sdk import Auth

auth = Auth()

USERS: dict[str, str] = json.loads(os.environ["MEMORY_AGENT_TOKENS"])
"""Token -> user. Your identity provider's place; a user's name has no period, as every label of a namespace."""


@auth.authenticate
async def authenticate(authorization: str | None) -> Auth.types.MinimalUserDict:
    """The user of the ``Authorization`` header, whose memory every run then uses."""
    user = USERS.get((authorization or "").removeprefix("Bearer "))
    if user is None:
        raise Auth.exceptions.HTTPException(status_code=401, detail="unknown token")
    return {"identity": user}


@auth.on
async def others(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> bool:
    """Of all else, such as assistants, nothing may be changed."""
    return ctx.action in {"read", "search"}


@auth.on.threads
@auth.on.crons
async def own_threads(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> dict[str, str]:
    """Threads belong to who made them."""
    mine = {"owner": ctx.user.identity}
    value.setdefault("metadata", {}).update(mine)  # in place: the server keeps what it handed over
    return mine


@auth.on.store
async def own_memories(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> None:
    """Items are reached below ``("memories", user)`` only; a wider search is narrowed to it."""
    mine = ("memories", ctx.user.identity)
    asked = tuple(value["namespace"] or ())
    if ctx.action in {"search", "list_namespaces"} and asked == mine[: len(asked)]:
        value["namespace"] = mine
    elif asked[:2] != mine:
        raise Auth.exceptions.HTTPException(status_code=403, detail=f"only items below {mine} are yours")
