"""What a model's provider raises becomes ours, without its text, which may quote a memory."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from langchain_persistmem.errors import EmbeddingFailed, ExtractionFailed

T = TypeVar("T")

_UNUSABLE = frozenset({"LengthFinishReasonError", "OutputParserException", "JSONDecodeError", "ValidationError"})
"""By name, because their packages need not be installed: the model did answer, but not in the shape asked for."""


def guarded(ours: type[EmbeddingFailed] | type[ExtractionFailed], doing: str, call: Callable[[], T]) -> T:
    """The result of ``call``; what a provider raises becomes ours, without its text, which may quote a memory."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, its text may quote a memory
        failure = _failure(ours, doing, error)
    raise failure


async def aguarded(ours: type[EmbeddingFailed] | type[ExtractionFailed], doing: str, answer: Awaitable[T]) -> T:
    """:func:`guarded` for what is awaited."""
    try:
        return await answer
    except Exception as error:  # noqa: BLE001 - whatever a provider raises, its text may quote a memory
        failure = _failure(ours, doing, error)
    raise failure


def _failure(ours: type[EmbeddingFailed] | type[ExtractionFailed], doing: str, error: Exception) -> Exception:
    status = getattr(error, "status_code", None)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    reason = f"{name}{f' (status {status})' if status else ''}"
    kept = (
        "the turns are kept, the next call tries again" if ours is ExtractionFailed else "nothing was stored, try again"
    )
    failure = ours(f"{doing} failed: {reason}; {kept}")
    if isinstance(failure, ExtractionFailed):
        failure.unusable_answer = type(error).__name__ in _UNUSABLE
    return failure
