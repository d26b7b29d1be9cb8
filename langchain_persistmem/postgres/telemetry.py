"""Spans and metrics through OpenTelemetry's API, where that is installed; elsewhere this costs nothing.

Names and numbers only: which operation, statement or model call, how long, how many rows, and the class of an error.
Never content, a parameter, a namespace, a key or an error's text. Where they go is for the application to say, with
OpenTelemetry's SDK; without one the API throws them away.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Protocol

_SCOPE = "langchain_persistmem"


class Measurement(Protocol):
    """The receiver of a number while something is measured."""

    def count(self, number: int) -> None:
        """So many rows came back or were changed, or so many texts were embedded."""
        ...


class _NoMeasurement:
    """The receiver where nobody listens."""

    def count(self, number: int) -> None:
        """See :class:`Measurement`."""


_UNMEASURED = _NoMeasurement()
_NOTHING: AbstractContextManager[Measurement] = nullcontext(_UNMEASURED)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A tracer's kind of span with the instruments that go with it."""

    trace: Any
    tracer: Any
    kind: Any
    duration: Any
    counted: Any
    label: str
    fixed: Mapping[str, str]


def operation(name: str) -> AbstractContextManager[Measurement]:
    """Measure an operation of the application's, such as ``recall``."""
    kinds = _kinds()
    return _NOTHING if kinds is None else _Measured(kinds["operation"], f"persistmem.{name}", name)


@contextmanager
def statements(queries: Sequence[object]) -> Generator[Sequence[Measurement]]:
    """Measure the statements of one round trip by their names; what fails it is what was not counted."""
    kinds = _kinds()
    if kinds is None:
        yield [_UNMEASURED] * len(queries)
        return
    names = [str(getattr(query, "name", "other")) for query in queries]
    measured = [_Measured(kinds["statement"], f"persistmem.sql.{name}", name) for name in names]
    for entry in measured:
        entry.start()
    error: BaseException | None = None
    try:
        yield measured
    except BaseException as failed:
        error = failed
        raise
    finally:
        for entry in measured:
            entry.end(None if error is None or entry.is_counted else type(error))


def model_call(name: str) -> AbstractContextManager[Measurement]:
    """Measure a call of an embedding or chat model, such as ``embed``."""
    kinds = _kinds()
    return _NOTHING if kinds is None else _Measured(kinds["model"], f"persistmem.model.{name}", name)


class _Measured(AbstractContextManager[Measurement]):
    """One span, and one value of the histogram."""

    __slots__ = ("_count", "_kind", "_label", "_name", "_span", "_started", "_within")

    def __init__(self, kind: _Kind, name: str, label: str) -> None:
        self._kind, self._name, self._label = kind, name, label
        self._count: int | None = None

    def count(self, number: int) -> None:
        """See :class:`Measurement`."""
        self._count = number

    @property
    def is_counted(self) -> bool:
        """True once a number came."""
        return self._count is not None

    def start(self) -> None:
        """Begin the span, beside others that may have begun."""
        kind = self._kind
        self._span = kind.tracer.start_span(
            self._name, kind=kind.kind, attributes={kind.label: self._label, **kind.fixed}
        )
        self._started = time.perf_counter()

    def end(self, error: type[BaseException] | None) -> None:
        """End the span, and record how long it took."""
        seconds = time.perf_counter() - self._started
        kind = self._kind
        attributes = {kind.label: self._label, **kind.fixed}
        if error is not None:
            attributes["error.type"] = error.__name__
            self._span.set_attribute("error.type", error.__name__)
            self._span.set_status(kind.trace.Status(kind.trace.StatusCode.ERROR))
        if self._count is not None:
            self._span.set_attribute("persistmem.count", self._count)
            kind.counted.record(self._count, attributes)
        kind.duration.record(seconds, attributes)
        self._span.end()

    def __enter__(self) -> Measurement:
        self.start()
        # an exception's text may be an application's own, which nobody has looked through
        self._within = self._kind.trace.use_span(self._span, record_exception=False, set_status_on_exception=False)
        self._within.__enter__()
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._within.__exit__(None, None, None)
        self.end(error)


@cache
def _kinds() -> Mapping[str, _Kind] | None:
    """The instruments, made at the first use; None where the package is not installed."""
    try:
        from opentelemetry import metrics, trace
    except ImportError:
        return None
    tracer, meter = trace.get_tracer(_SCOPE), metrics.get_meter(_SCOPE)

    def kind(name: str, span: Any, counts: str, label: str, **fixed: str) -> _Kind:
        duration = meter.create_histogram(
            f"persistmem.{name}.duration",
            unit="s",
            description=f"How long {name}s take; its count is how many there are.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        counted = meter.create_histogram(f"persistmem.{name}.{counts}", unit="1", description=f"{counts} by {name}.")
        return _Kind(trace, tracer, span, duration, counted, label, fixed)

    return {
        "operation": kind("operation", trace.SpanKind.INTERNAL, "results", "persistmem.operation"),
        "statement": kind(
            "statement", trace.SpanKind.CLIENT, "rows", "persistmem.statement", **{"db.system.name": "postgresql"}
        ),
        "model": kind("model", trace.SpanKind.CLIENT, "texts", "persistmem.model_call"),
    }


_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Buckets from a point read to a long answer of a chat model."""
