"""Spans and metrics say what was done and how long it took, and never to whom or about what."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_persistmem import InvalidInputError, PersistMem, Settings, StorageUnavailableError
from langchain_persistmem.postgres.statements import all_statements, statement
from tests.conftest import Either, Open

SECRET = "zanzibar"
PERSON = "ada-lovelace"


class Told:
    """What the application's exporter was given."""

    def __init__(self) -> None:
        self.spans_exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.spans_exporter.get_finished_spans()}

    def metric(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def everything(self) -> str:
        data = self.reader.get_metrics_data()
        return "".join(span.to_json() for span in self.spans.values()) + (data.to_json() if data else "")


@pytest.fixture(scope="session")
def exporting() -> Told:
    """OpenTelemetry's providers can be set once in a process."""
    told = Told()
    tracers = trace.get_tracer_provider()
    if not isinstance(tracers, TracerProvider):  # a page of the documentation may have been faster
        tracers = TracerProvider()
        trace.set_tracer_provider(tracers)
    tracers.add_span_processor(SimpleSpanProcessor(told.spans_exporter))
    metrics.set_meter_provider(MeterProvider(metric_readers=[told.reader]))
    return told


@pytest.fixture
def told(exporting: Told) -> Iterator[Told]:
    exporting.spans_exporter.clear()
    yield exporting
    exporting.spans_exporter.clear()


async def test_an_operation_has_a_span_with_its_statements_and_model_calls_below_it(either: Either, told: Told) -> None:
    await either.remember(f"I was in {SECRET}", user_id=PERSON)
    spans = told.spans
    operation = spans["persistmem.remember"]
    assert operation.attributes == {"persistmem.operation": "remember"}
    below = {span.name for span in spans.values() if span.parent and span.parent.span_id == operation.context.span_id}
    assert {"persistmem.sql.hold_namespace", "persistmem.sql.insert_memories", "persistmem.model.embed"} <= below
    insert = spans["persistmem.sql.insert_memories"]
    assert insert.attributes is not None
    assert insert.attributes["db.system.name"] == "postgresql"
    assert insert.attributes["persistmem.count"] == 1
    assert insert.kind is trace.SpanKind.CLIENT


async def test_nothing_that_is_told_has_content_a_person_or_a_key(either: Either, told: Told) -> None:
    await either.remember(f"I was in {SECRET}", key=f"key-{SECRET}", user_id=PERSON)
    await either.recall(f"Who was in {SECRET}?", user_id=PERSON)
    await either.observe([{"role": "user", "content": f"My {SECRET}"}], thread_id=f"t-{SECRET}", user_id=PERSON)
    with pytest.raises(InvalidInputError):
        await either.remember(f"{SECRET} \x00", user_id=PERSON)
    everything = told.everything()
    assert "persistmem.recall" in everything
    assert SECRET not in everything
    assert PERSON not in everything


async def test_an_error_is_told_by_its_class_alone(either: Either, told: Told) -> None:
    with pytest.raises(InvalidInputError):
        await either.recall("tea", limit=0, user_id=PERSON)
    span = told.spans["persistmem.recall"]
    assert span.attributes is not None
    assert span.attributes["error.type"] == "InvalidInputError"
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description is None
    assert not span.events
    errors = [point for point in told.metric("persistmem.operation.duration") if "error.type" in point.attributes]
    assert any(point.attributes["error.type"] == "InvalidInputError" for point in errors)


async def test_a_statement_that_fails_is_told_too(either_with: Open, database: str, told: Told) -> None:
    await (await either_with(settings=Settings(worker=False))).remember("I like tea", user_id=PERSON)
    either = await either_with(settings=Settings(statement_seconds=2.0, worker=False))
    told.spans_exporter.clear()
    with psycopg.connect(database) as other, pytest.raises(StorageUnavailableError):
        other.execute("SELECT FROM persistmem.namespaces FOR UPDATE")
        await either.remember("I like coffee", user_id=PERSON)
    attributes = told.spans["persistmem.sql.hold_namespace"].attributes
    assert attributes is not None
    assert attributes["error.type"] == "StorageUnavailableError"


def test_metrics_count_and_time_each_operation_statement_and_model_call(memory: PersistMem, told: Told) -> None:
    def count(metric: str, label: str, value: str) -> int:
        return sum(point.count for point in told.metric(metric) if point.attributes[label] == value)

    before = count("persistmem.operation.duration", "persistmem.operation", "recall")
    memory.remember("I like tea", user_id=PERSON)
    for _ in range(3):
        memory.recall("tea", user_id=PERSON)
    assert count("persistmem.operation.duration", "persistmem.operation", "recall") == before + 3
    assert count("persistmem.statement.duration", "persistmem.statement", "insert_terms") >= 1
    assert count("persistmem.statement.rows", "persistmem.statement", "insert_memories") >= 1
    assert count("persistmem.model.duration", "persistmem.model_call", "embed_query") >= 3
    assert count("persistmem.model.texts", "persistmem.model_call", "embed") >= 1


def test_our_spans_hang_below_the_applications(memory: PersistMem, told: Told) -> None:
    with trace.get_tracer("application").start_as_current_span("request") as request:
        memory.list(user_id=PERSON)
        assert trace.get_current_span() is request
    parent = told.spans["persistmem.list"].parent
    assert parent is not None
    assert parent.span_id == request.get_span_context().span_id


async def test_our_model_calls_have_names_of_their_own(either_with: Open, told: Told) -> None:
    either = await either_with({"memories": []}, {"queries": ["tea?"]}, settings=Settings(worker=False))
    await either.observe([{"role": "user", "content": "I like green tea a lot."}], thread_id="t", user_id=PERSON)
    await either.recall("tea", expand="model", user_id=PERSON)
    assert {"persistmem.model.extract", "persistmem.model.expand"} <= set(told.spans)


async def test_langchains_tracers_see_the_same_names_and_no_person(either_with: Open) -> None:
    either = await either_with({"memories": []}, {"queries": ["tea?"]}, settings=Settings(worker=False))
    seen: dict[str, Any] = {}

    class Names(BaseCallbackHandler):
        def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
            seen[str(kwargs.get("name"))] = kwargs.get("metadata")

    async def flow(_: str) -> None:
        await either.observe([{"role": "user", "content": "I like green tea a lot."}], thread_id="t", user_id=PERSON)
        await either.recall("tea", expand="model", user_id=PERSON)

    await RunnableLambda(flow).ainvoke("", {"callbacks": [Names()]})
    assert {"persistmem_extract", "persistmem_expand"} <= set(seen)
    assert seen["persistmem_expand"]["persistmem_purpose"] == "expand"
    assert PERSON not in str(seen)


def test_every_statement_knows_its_name() -> None:
    for name, text in all_statements().items():
        if "{" not in text:
            assert statement(name).name == name  # type: ignore[arg-type, union-attr]
    from psycopg import sql

    assert statement("neighbours", embedding=sql.Identifier("embedding")).name == "neighbours"  # type: ignore[union-attr]


WITHOUT = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
from langchain_persistmem.postgres import telemetry
with telemetry.operation("recall") as seen:
    seen.count(3)
assert telemetry.operation("a") is telemetry.model_call("c")
"""


def test_without_opentelemetry_nothing_is_made() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT], check=True)


def test_nothing_is_made_before_it_is_used() -> None:
    code = (
        "import langchain_persistmem.client.persistmem; from langchain_persistmem.postgres import telemetry; "
        "assert not telemetry._kinds.cache_info().misses"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
