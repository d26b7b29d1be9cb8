"""One argument of one way in, and what is common to all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.bad_input.corpus import (
    EMPTY_TEXTS,
    FEW_NAMES,
    NAMES,
    NOT_TEXT,
    TEXTS,
)
from tests.conftest import Either
from tests.support.public_methods import get_path

Act = Callable[[Either, Any], Awaitable[Any]]
"""Hands a value over; returns what was stored beside what should have been, or nothing where nothing is stored."""


USER = "somebody"


_number = count()


@dataclass(frozen=True)
class EntryPoint:
    """One argument of one way in."""

    name: str
    field: str
    """What a refusal has to name: one of these words, separated by ``|``."""
    cases: Mapping[str, Any]
    act: Act


def fresh() -> str:
    """A name that nothing has yet."""
    return f"n{next(_number)}"


def call(method: str, argument: str, **more: Any) -> Act:
    """A method, called with the value as one of its arguments."""

    async def act(memory: Either, value: Any) -> None:
        await get_path(memory, method)(**{"user_id": USER, **more, argument: value})

    return act


def call_with(method: str, *arguments: Any, **options: Any) -> Act:
    """A method, called with the value after the other arguments."""

    async def act(memory: Either, value: Any) -> None:
        await get_path(memory, method)(*arguments, value, **options)

    return act


def call_for_everybody(method: str, argument: str) -> Act:
    """A method about all people, called with the value as its only argument."""

    async def act(memory: Either, value: Any) -> None:
        await get_path(memory, method)(**{argument: value})

    return act


async def nothing() -> None:
    """A put of None is a delete."""


NOW = datetime(2026, 1, 1, tzinfo=UTC)


TEXT = {**TEXTS, **EMPTY_TEXTS, **NOT_TEXT}


NAME = {**NAMES, **NOT_TEXT}


FEW_NAME = {**FEW_NAMES, **NOT_TEXT}
