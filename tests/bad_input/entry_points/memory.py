"""The arguments of a memory's methods, and what they have stored, read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from langchain_core.messages import convert_to_messages

from langchain_persistmem import (
    acting_as,
)
from tests.bad_input.corpus import (
    FILTERS,
    MESSAGES,
    MOMENTS,
    NAMESPACES,
    NOT_TEXT,
    NUMBERS,
    VALUES,
)
from tests.bad_input.entry_points.entry_point import (
    FEW_NAME,
    NAME,
    TEXT,
    USER,
    EntryPoint,
    call,
    call_for_everybody,
    call_with,
    fresh,
    nothing,
)
from tests.conftest import Either

_PREFIXES = {name: given for name, given in NAMESPACES.items() if given is not None}
"""LangGraph itself goes through the prefix before a store sees it."""


async def remember(memory: Either, **given: Any) -> tuple[Any, Any]:
    """Keep a statement and read it again."""
    whose = {name: given[name] for name in ("user_id", "namespace") if name in given} or {"user_id": USER}
    kept = await memory.remember(**{"text": f"statement {fresh()}", **whose, **given})
    if kept.status == "quarantined":
        (found,) = [each for each in await memory.review.list(limit=1000, **whose) if each.id == kept.id]
    else:
        found = await memory.get(kept.key, **whose)
    return [getattr(found, name) for name in _kept(given)], [given[name] for name in _kept(given)]


def _kept(given: Mapping[str, Any]) -> list[str]:
    """What comes back; None leaves it to the default."""
    kept = ("text", "key", "value", "speaker", "valid_from", "kind")
    return [name for name in given if name in kept and given[name] is not None]


def distinct(text: Any) -> Any:
    """A statement of its own: two that differ in spaces or capitals are one to memory."""
    return f"{fresh()} {text}" if isinstance(text, str) and text.strip() else text


async def observed(memory: Either, message: Any, thread: str | None = None) -> tuple[Any, Any] | None:
    """Observe one message and read it again."""
    thread = fresh() if thread is None else thread
    await memory.observe([message], thread_id=thread, user_id=USER)
    found = await memory.conversations.messages(thread, user_id=USER)
    if isinstance(message, dict) and "lc" in message:
        return None
    wanted = convert_to_messages([_without_ours(message)])
    return [(each.type, each.content) for each in found], [(each.type, each.content) for each in wanted]


def _without_ours(message: Any) -> Any:
    """What LangChain itself understands of a dict: not the timestamp."""
    return (
        {name: value for name, value in message.items() if name != "timestamp"}
        if isinstance(message, dict)
        else message
    )


async def acted_as(memory: Either, name: Any) -> None:
    with acting_as(name):
        await memory.remember(f"statement {fresh()}", user_id=USER)


async def updated(memory: Either, changes: Any) -> None:
    """A profile of its own for each case."""
    await memory.update_profile(changes, user_id=fresh())


MEMORY = (
    EntryPoint("remember: text", "text", TEXT, lambda m, v: remember(m, text=distinct(v))),
    EntryPoint("remember: key", "key", NAME, lambda m, v: remember(m, key=v)),
    EntryPoint("remember: value", "value", VALUES, lambda m, v: remember(m, value=v)),
    EntryPoint("remember: speaker", "speaker", NAME, lambda m, v: remember(m, speaker=v)),
    EntryPoint("remember: user_id", "user_id|namespace", NAME, lambda m, v: remember(m, user_id=v)),
    EntryPoint("remember: namespace", "namespace", NAMESPACES, lambda m, v: remember(m, namespace=v)),
    EntryPoint("remember: importance", "importance", NUMBERS, lambda m, v: remember(m, importance=v)),
    EntryPoint("remember: confidence", "confidence", NUMBERS, lambda m, v: remember(m, confidence=v)),
    EntryPoint("remember: valid_from", "valid_from", MOMENTS, lambda m, v: remember(m, valid_from=v)),
    EntryPoint("remember: kind", "kind", NAME, lambda m, v: remember(m, kind=v)),
    EntryPoint("remember: source", "source", NAME, lambda m, v: remember(m, source=v)),
    EntryPoint("observe: messages", "messages", MESSAGES, observed),
    EntryPoint("observe: thread_id", "thread_id", NAME, lambda m, v: observed(m, ("user", "hello there"), v)),
    EntryPoint("observe: used", "used", FEW_NAME, call("observe", "used", messages=[], thread_id="t")),
    EntryPoint("recall: query", "query", TEXT, call("recall", "query")),
    EntryPoint("recall: filter", "filter", FILTERS, call("recall", "filter", query="a")),
    EntryPoint("recall: limit", "limit", NUMBERS, call("recall", "limit", query="a")),
    EntryPoint("recall: threshold", "threshold", NUMBERS, call("recall", "threshold", query="a")),
    EntryPoint("recall: at", "at", MOMENTS, call("recall", "at", query="a")),
    EntryPoint("recall: now", "now", MOMENTS, call("recall", "now", query="a")),
    EntryPoint("recall: kinds", "kinds", FEW_NAME, call("recall", "kinds", query="a")),
    EntryPoint("context: query", "query", TEXT, call("context", "query")),
    EntryPoint("context: max_tokens", "max_tokens", NUMBERS, call("context", "max_tokens", query="a")),
    EntryPoint("context: thread_id", "thread_id", FEW_NAME, call("context", "thread_id", query="a")),
    EntryPoint("list: filter", "filter", FILTERS, call("list", "filter")),
    EntryPoint("list: limit", "limit", NUMBERS, call("list", "limit")),
    EntryPoint("list: offset", "offset", NUMBERS, call("list", "offset")),
    EntryPoint("get: key", "key", NAME, call("get", "key")),
    EntryPoint("history: key", "key", FEW_NAME, call("history.versions", "key")),
    EntryPoint("messages: thread_id", "thread_id", NAME, call("conversations.messages", "thread_id")),
    EntryPoint("messages: limit", "limit", NUMBERS, call("conversations.messages", "limit", thread_id="t")),
    EntryPoint("forget: keys", "keys", {**NAME, **{f"[{n}]": [v] for n, v in NAME.items()}}, call("forget", "keys")),
    EntryPoint("forget: query", "query", TEXT, call("forget", "query")),
    EntryPoint("command: message", "message", TEXT, call("command", "message")),
    EntryPoint("edit: text", "text", TEXT, call("edit", "text", key="known")),
    EntryPoint("pin: key", "key", FEW_NAME, call("edit", "key", pinned=True)),
    EntryPoint("set_consent: consent", "consent", FEW_NAME, call("privacy.set_consent", "consent", user_id="else")),
    EntryPoint("acting_as: name", "actor|name", NAME, acted_as),
    EntryPoint(
        "update_profile: changes",
        "changes|profile",
        VALUES,
        updated,
    ),
    EntryPoint("remember: thread_id", "thread_id", FEW_NAME, lambda m, v: remember(m, thread_id=v)),
    EntryPoint(
        "add_messages: messages",
        "messages",
        {n: [v] for n, v in MESSAGES.items() if ":" not in n},
        call("conversations.add", "messages", thread_id="added"),
    ),
    EntryPoint("observe: many messages", "messages", NOT_TEXT, call("observe", "messages", thread_id="t")),
    EntryPoint("clear_messages: thread_id", "thread_id", FEW_NAME, call("conversations.clear", "thread_id")),
    EntryPoint(
        "set_off_record: thread_id", "thread_id", FEW_NAME, call("privacy.set_off_record", "thread_id", user_id="else")
    ),
    EntryPoint(
        "set_off_record: off", "off", NUMBERS, call("privacy.set_off_record", "off", thread_id="t", user_id="else")
    ),
    EntryPoint("may_recall: thread_id", "thread_id", FEW_NAME, call("may_recall", "thread_id")),
    EntryPoint("recall: expand", "expand", FEW_NAME, call("recall", "expand", query="a")),
    EntryPoint("recall: thread_id", "thread_id", FEW_NAME, call("recall", "thread_id", query="a")),
    EntryPoint(
        "recall: namespace",
        "namespace",
        NAMESPACES,
        lambda m, v: call("recall", "namespace", query="a", user_id=None)(m, v) if v is not None else nothing(),
    ),
    EntryPoint("context: form", "form", FEW_NAME, call("context", "form", query="a")),
    EntryPoint("context: check", "check", FEW_NAME, call("context", "check", query="a")),
    EntryPoint("context: kinds", "kinds", FEW_NAME, call("context", "kinds", query="a")),
    EntryPoint("context: shown", "shown", FEW_NAME, call("context", "shown", query="a")),
    EntryPoint(
        "context: messages",
        "messages",
        {n: v if v is None else [v] for n, v in MESSAGES.items() if ":" not in n},
        call("context", "messages", query="a"),
    ),
    EntryPoint("context: now", "now", MOMENTS, call("context", "now", query="a")),
    EntryPoint("list: kinds", "kinds", FEW_NAME, call("list", "kinds")),
    EntryPoint("list: statuses", "statuses", FEW_NAME, call("list", "statuses")),
    EntryPoint("list: sources", "sources", FEW_NAME, call("list", "sources")),
    EntryPoint("list: since", "since", MOMENTS, call("list", "since")),
    EntryPoint("list: until", "until", MOMENTS, call("list", "until")),
    EntryPoint("conversations: limit", "limit", NUMBERS, call("conversations.list", "limit")),
    EntryPoint("conversations: offset", "offset", NUMBERS, call("conversations.list", "offset")),
    EntryPoint("activity: since", "since", MOMENTS, call("admin.activity", "since")),
    EntryPoint("activity: step", "step", FEW_NAME, call("admin.activity", "step")),
    EntryPoint("version: version", "version", FEW_NAME, call("history.version", "version")),
    EntryPoint("messages: offset", "offset", NUMBERS, call("conversations.messages", "offset", thread_id="t")),
    EntryPoint("show: key", "key", FEW_NAME, call("history.of", "key")),
    EntryPoint("changes: key", "key", FEW_NAME, call("history.changes", "key")),
    EntryPoint("changes: limit", "limit", NUMBERS, call("history.changes", "limit")),
    EntryPoint("review: limit", "limit", NUMBERS, call("review.list", "limit")),
    EntryPoint("restore: version", "version", FEW_NAME, call("history.restore", "version")),
    EntryPoint("approve: version", "version", FEW_NAME, call_with("review.approve", user_id=USER)),
    EntryPoint("reject: version", "version", FEW_NAME, call_with("review.reject", user_id=USER)),
    EntryPoint("approve: everything", "everything", NUMBERS, call("review.approve", "everything", user_id="else")),
    EntryPoint("reject: everything", "everything", NUMBERS, call("review.reject", "everything", user_id="else")),
    EntryPoint("people: limit", "limit", NUMBERS, call_for_everybody("admin.people", "limit")),
    EntryPoint("people: begins_with", "begins_with", FEW_NAME, call_for_everybody("admin.people", "begins_with")),
    EntryPoint("people: after", "namespace", _PREFIXES, call_for_everybody("admin.people", "after")),
    EntryPoint("edit: pinned", "pinned", NUMBERS, call("edit", "pinned", key="known", text="I sail in a boat.")),
    EntryPoint(
        "approve: versions",
        "versions",
        {**NOT_TEXT, **{f"[{n}]": [v] for n, v in NOT_TEXT.items()}},
        call_with("review.approve", uuid4(), user_id="else"),
    ),
    EntryPoint(
        "reject: versions",
        "versions",
        {**NOT_TEXT, **{f"[{n}]": [v] for n, v in NOT_TEXT.items()}},
        call_with("review.reject", uuid4(), user_id="else"),
    ),
    EntryPoint("retry: thread_id", "thread_id", FEW_NAME, call("admin.retry", "thread_id")),
    EntryPoint("process_pending: limit", "limit", NUMBERS, call_for_everybody("admin.process_pending", "limit")),
    EntryPoint("forget: limit", "limit", NUMBERS, call("forget", "limit", query="a")),
    EntryPoint("audit: since", "since", MOMENTS, call("privacy.audit", "since")),
    EntryPoint("audit: after", "after", NUMBERS, call("privacy.audit", "after")),
    EntryPoint("audit: limit", "limit", NUMBERS, call("privacy.audit", "limit")),
    EntryPoint("verify_audit: head", "head", FEW_NAME, call("privacy.verify_audit", "head")),
    EntryPoint(
        "command: question",
        "question",
        {n: v for n, v in VALUES.items() if ":" not in n},
        call("command", "question", message="yes"),
    ),
    EntryPoint("command: thread_id", "thread_id", FEW_NAME, call("command", "thread_id", message="hello")),
    EntryPoint(
        "edit: value",
        "value",
        VALUES,
        lambda m, v: call("edit", "value", key="known")(m, v) if v is not None else nothing(),
    ),
    EntryPoint(
        "edit: importance",
        "importance",
        NUMBERS,
        lambda m, v: call("edit", "importance", key="known")(m, v) if v is not None else nothing(),
    ),
    EntryPoint(
        "edit: valid_from",
        "valid_from",
        MOMENTS,
        lambda m, v: call("edit", "valid_from", key="known")(m, v) if v is not None else nothing(),
    ),
    EntryPoint(
        "edit: kind",
        "kind",
        {**NOT_TEXT, "unknown": "wish"},
        lambda m, v: call("edit", "kind", key="known")(m, v) if v is not None else nothing(),
    ),
)
