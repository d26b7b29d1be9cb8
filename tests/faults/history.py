"""What was asked, when, and what came of it; and whether the database agrees."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_persistmem.errors import (
    ConcurrentUpdateError,
    InvalidInputError,
    PersistMemError,
    StorageUnavailableError,
)

Outcome = Literal["ok", "fail", "unknown"]


@dataclass(slots=True)
class Event:
    """One operation; ``unknown`` until it ended, and for ever if its failure does not say whether it was done."""

    operation: str
    user: str
    item: str
    invoked: float
    ended: float = 0.0
    outcome: Outcome = "unknown"
    error: str | None = None

    @property
    def seconds(self) -> float:
        """How long the caller waited."""
        return self.ended - self.invoked


@dataclass
class History:
    """Events of many threads or tasks."""

    events: list[Event] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Errors that are not of this package, which no caller should see."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def doing(self, operation: str, user: str, item: str = "") -> Iterator[Event]:
        """Record an operation; its errors end here."""
        event = Event(operation, user, item, time.monotonic())
        with self._lock:
            self.events.append(event)
        try:
            yield event
        except (ConcurrentUpdateError, InvalidInputError) as error:
            event.outcome, event.error = "fail", type(error).__name__
        except StorageUnavailableError as error:
            event.outcome, event.error = "unknown", type(error).__name__
        except PersistMemError as error:
            event.outcome, event.error = "fail", f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            self.foreign.append(f"{operation}: {type(error).__name__}: {error}")
            event.error = type(error).__name__
        else:
            event.outcome = "ok"
        finally:
            event.ended = time.monotonic()

    def of(self, operation: str, outcome: Outcome | None = None) -> list[Event]:
        """The events of an operation."""
        return [
            each for each in self.events if each.operation == operation and (outcome is None or each.outcome == outcome)
        ]

    def errors(self) -> Counter[str]:
        """What callers saw, by operation and error."""
        return Counter(f"{each.operation}: {each.error}" for each in self.events if each.error)

    def slowest(self) -> float:
        """The longest that anybody waited, in seconds."""
        return max((each.seconds for each in self.events), default=0.0)


@dataclass(frozen=True)
class Verdict:
    """What became of writes."""

    acknowledged: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    ghosts: tuple[str, ...]
    """Refused for certain, and there all the same."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.ghosts)


def judge(history: History, operation: str, found: "Counter[tuple[str, str]]") -> Verdict:
    """Compare the writes of ``operation`` with how often each (user, item) is found at the end."""
    acknowledged = {(each.user, each.item) for each in history.of(operation, "ok")}
    refused = {(each.user, each.item) for each in history.of(operation, "fail")} - acknowledged
    refused -= {(each.user, each.item) for each in history.of(operation, "unknown")}
    return Verdict(
        acknowledged=len(acknowledged),
        lost=tuple(sorted(item for user, item in acknowledged if not found[user, item])),
        doubled=tuple(sorted(item for (_, item), times in found.items() if times > 1)),
        ghosts=tuple(sorted(item for user, item in refused if found[user, item])),
    )


def describe(error: BaseException) -> str:
    """An error with all that it is chained to, for a search of memory text in it."""
    texts: list[str] = []
    link: Any = error
    while link is not None:
        texts.append(f"{type(link).__name__}: {link}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return " | ".join(texts)
