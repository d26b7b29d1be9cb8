"""Errors of a model's provider as ours, without their text, which may quote a memory."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from langchain_persistmem.errors import EmbeddingError, ExtractionError

T = TypeVar("T")

_FOR_THE_MOMENT = frozenset({408, 409, 425, 429})
_SERVER = 500
"""From here on, an HTTP status is the server's own trouble."""
_MISTAKES = (TypeError, ValueError, LookupError, AttributeError, NotImplementedError, ImportError)
"""Errors that another try does not mend."""
_LONGEST_PAUSE = 0.8  # seconds, before the last try; before each earlier one half as long

_UNUSABLE = frozenset({"LengthFinishReasonError", "OutputParserException", "JSONDecodeError", "ValidationError"})
"""By name, because their packages need not be installed: the model did answer, but not in the shape asked for."""


async def call_provider(
    kind: type[EmbeddingError] | type[ExtractionError],
    doing: str,
    call: Callable[[], Awaitable[T]],
    pause: Callable[[float], Awaitable[None]],
    *,
    tries: int = 1,
) -> T:
    """The result of ``call``; what a provider raises becomes ours, without its text, which may quote a memory.

    Args:
        doing: the call in words, for the message.
        pause: waits so many seconds.
        tries: so often altogether, with pauses, where the provider failed for the moment.
    """
    while True:
        try:
            return await call()
        except Exception as error:  # noqa: BLE001 - whatever a provider raises, its text may quote a memory
            tries -= 1
            seconds, failure = _pause(error, tries), _failure(kind, doing, error)
        if seconds is None:
            raise failure  # outside the handler, so that the original is not its context
        await pause(seconds)


def _pause(error: Exception, tries: int) -> float | None:
    """Seconds until the next try; None where there is none left, or where asking again mends nothing."""
    status = getattr(error, "status_code", None)
    lasting = (
        status not in _FOR_THE_MOMENT and status < _SERVER if isinstance(status, int) else isinstance(error, _MISTAKES)
    )
    if tries <= 0 or lasting:
        return None
    return _LONGEST_PAUSE / 2 ** min(tries - 1, 5) * random.uniform(0.5, 1.0)  # noqa: S311 - who fails together should not return together


def _failure(kind: type[EmbeddingError] | type[ExtractionError], doing: str, error: Exception) -> Exception:
    status = getattr(error, "status_code", None)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    reason = f"{name}{f' (status {status})' if status else ''}"
    is_final = (
        "the turns are kept, the next call tries again" if kind is ExtractionError else "nothing was stored, try again"
    )
    failure = kind(f"{doing} failed: {reason}; {is_final}")
    if isinstance(failure, EmbeddingError):
        failure.provider_failed = not isinstance(error, _MISTAKES)
    if isinstance(failure, ExtractionError):
        failure.unusable_answer = type(error).__name__ in _UNUSABLE
    return failure
