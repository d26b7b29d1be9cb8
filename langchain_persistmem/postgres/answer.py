"""The answer to a statement that was given to a transaction: there once somebody awaits it."""

from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from psycopg.rows import RowFactory

from langchain_persistmem.postgres.statements import Query

T = TypeVar("T")
U = TypeVar("U")
Parameters = Mapping[str, object]


class Answer(Generic[T]):
    """The answer to a statement. It is there once it, or the answer to a later statement, was awaited, or the transaction has ended.

    Ask :attr:`is_lost` before awaiting it after its transaction.
    """

    def __init__(self, value: "T | Statement", read: Callable[[Any], T] | None = None) -> None:
        """Hold a value, or the statement that will give it and a function that reads its result."""
        self._value = value
        self._read = read

    def __await__(self) -> Generator[Any, Any, T]:
        value = self._value
        if not isinstance(value, Statement):
            return cast("T", value)
        if not value.is_done:
            yield from value.flush().__await__()
        read = value.result if self._read is None else self._read(value.result)
        self._value = read
        return read

    @property
    def is_lost(self) -> bool:
        """True if the transaction was committed, but the connection was lost with the answers that came with the COMMIT."""
        return isinstance(self._value, Statement) and not self._value.is_done

    def then(self, read: Callable[[T], U]) -> "Answer[U]":
        """The answer as ``read`` makes it, once it is awaited."""
        value, before = self._value, self._read
        if not isinstance(value, Statement):
            return Answer(read(cast("T", value)))
        return Answer(value, read if before is None else lambda result: read(before(result)))


@dataclass(slots=True)
class Statement:
    """A statement that was given to a transaction."""

    query: Query
    parameters: Parameters | None
    flush: Callable[[], Coroutine[Any, Any, None]]
    """Sends it, and all that wait beside it."""
    rows: RowFactory[Any] | None = None
    """The form of its rows; None where only their number is wanted."""
    result: Any = None
    is_done: bool = False
