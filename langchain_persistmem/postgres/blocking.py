"""Blocking work behind coroutines: what answers every await at once, and the one step that runs such a coroutine to its end."""

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Blocking(AbstractAsyncContextManager[T]):
    """A blocking context manager with the methods of an awaited one, which answer at once."""

    def __init__(self, manager: AbstractContextManager[T]) -> None:
        self._manager = manager

    async def __aenter__(self) -> T:
        return self._manager.__enter__()

    async def __aexit__(self, *error: Any) -> bool | None:
        return self._manager.__exit__(*error)


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a flow whose every await answers at once, so that one step brings it to its end."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    coroutine.close()
    raise RuntimeError(f"{coroutine.__qualname__} waited for something that is not its backend")
