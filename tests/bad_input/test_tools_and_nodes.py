"""What an application's integrations decide by yes and no, and what a model may pass to a tool, found by reflection."""

import functools
import inspect
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import Any

import psycopg
import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

import langchain_persistmem
from langchain_persistmem import (
    CommandState,
    MemoryState,
    PersistMem,
    PersistMemError,
    PersistMemMiddleware,
    answer_commands,
    extract_memory,
    load_memory,
    memory_tools,
)
from tests.bad_input.hashed import Hashed, settings
from tests.support.hostile_values import HOSTILE, MARK, WITHOUT_JSON
from tests.support.parameters import USER, parameters
from tests.support.scripted_model import Scripted, call

KEYS = ("bees", "boats")
LONGEST = 1_200
"""Characters of an answer to a model: what is wrong, and the arguments that the tool takes."""


@pytest.fixture
def filled(database: str) -> Iterator[PersistMem]:
    with PersistMem.open(database, embeddings=Hashed(), settings=settings()) as memory:
        for key in KEYS:
            memory.remember(f"I keep {key}", key=key, user_id=USER)
        yield memory


@pytest.fixture
def look(database: str) -> Iterator[psycopg.Connection[Any]]:
    """One connection for all looks at what is stored: each new one takes longer than most cases."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def rows(look: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    memories = look.execute("SELECT id::text, status, text FROM persistmem.memories ORDER BY id").fetchall()
    return memories + look.execute("SELECT thread_id, id, role FROM persistmem.messages").fetchall()


def config_of(**more: Any) -> Any:
    return {"configurable": {"user_id": USER, "thread_id": "t", **more}}


# --- the arguments of tools -----------------------------------------------------------------------------------------


def _from_json() -> dict[str, Any]:
    """What a model, or a person's answer, can carry: nothing but JSON."""
    values: dict[str, Any] = {
        "a long number": 10**4_000,
        "nested deeply": functools.reduce(lambda inner, _: [inner], range(200), MARK),
    }
    for name, make in HOSTILE.items():
        with suppress(TypeError, ValueError, RecursionError, RuntimeError):
            if name not in WITHOUT_JSON:
                values[name] = json.loads(json.dumps(make()))
    return values


JSON = _from_json()
ARGUMENTS: dict[str, Any] = {"text": "I sail", "query": "bees", "key": "bees"}
TOOLS: dict[str, Any] = {tool.name: tool.args_schema for tool in memory_tools(object.__new__(PersistMem))}
FIELDS = [(tool, field) for tool, schema in TOOLS.items() for field in schema.model_fields]


def test_every_tool_and_its_arguments_are_found() -> None:
    assert len(TOOLS) == 5
    assert {"None", "NaN", "text false", "list of lists", "lone surrogate"} <= JSON.keys()
    assert {("forget_memories", "keys"), ("list_memories", "page"), ("remember", "kind")} <= set(FIELDS)


@pytest.mark.parametrize(("tool", "field"), FIELDS, ids=[" ".join(item) for item in FIELDS])
def test_whatever_a_model_passes_is_answered_shortly_and_erases_nothing(
    filled: PersistMem, look: psycopg.Connection[Any], tool: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="langchain_persistmem")
    (made,) = [item for item in memory_tools(filled) if item.name == tool]
    needed = {name: ARGUMENTS[name] for name, about in TOOLS[tool].model_fields.items() if about.is_required()}
    faults: dict[str, str] = {}
    for name, value in JSON.items():
        try:
            answer = str(made.invoke({**needed, field: value}, config_of()))
        except PersistMemError as error:
            answer = "".join(traceback.format_exception(error))
        except Exception as error:  # noqa: BLE001 - whatever else comes out is the finding
            faults[name] = f"{type(error).__module__}.{type(error).__name__}: {str(error)[:80]!r}"
            continue
        if len(answer) > LONGEST:
            faults[name] = f"is {len(answer)} characters long"
    assert faults == {}
    assert MARK not in caplog.text
    assert {row[2] for row in rows(look)} >= {f"I keep {key}" for key in KEYS}, "nothing was erased or replaced"


# --- yes and no, where an integration is made -------------------------------------------------------------------------

MADE_WITH = {
    name
    for name in langchain_persistmem.__all__
    if getattr(getattr(langchain_persistmem, name), "__module__", "").startswith("langchain_persistmem.integrations")
    and not name.endswith("State")
}


def test_the_switches_of_every_tool_node_and_middleware_are_among_those_that_are_tested() -> None:
    """Their values are refused in ``test_every_parameter.py``, which finds what is public."""
    found = {(item.entry_point, item.name) for item in parameters() if item.switch}
    assert {"PersistMemMiddleware", "load_memory", "extract_memory", "answer_commands", "memory_tools"} <= MADE_WITH
    wanted = {
        (name, parameter.name)
        for name in MADE_WITH
        if not name.startswith("arun_")  # one signature with its twin
        for parameter in inspect.signature(getattr(langchain_persistmem, name)).parameters.values()
        if str(parameter.annotation).removeprefix("<class '").removesuffix("'>") in ("bool", "bool | None")
        and parameter.name != "self"
    }
    assert len(wanted) >= 5
    assert wanted <= found | {(name, option) for name, option in wanted if name.endswith(("Retriever", "History"))}


# --- yes and no, where a run says it ----------------------------------------------------------------------------------


class Context(TypedDict, total=False):
    user_id: str
    off_the_record: Any


def node_of(node: Any, state: Any) -> Callable[[Any, Any], Any]:
    graph: Any = StateGraph(state, context_schema=Context)
    graph.add_node("node", node)
    graph.add_edge(START, "node").add_edge("node", END)
    return lambda config, context: graph.compile().invoke(
        {"messages": [HumanMessage("Remember that I sail")]}, config, context=context
    )


def agent_of(memory: PersistMem, **options: Any) -> Callable[[Any, Any], Any]:
    middleware = PersistMemMiddleware(memory, on_error="raise", background=False, commands=True, **options)
    agent: Any = create_agent(Scripted(answers=["Noted."] * 99), [], middleware=[middleware], context_schema=Context)
    return lambda config, context: agent.invoke({"messages": [HumanMessage("I sail")]}, config, context=context)


def tool_of(memory: PersistMem, name: str, **options: Any) -> Callable[[Any, Any], Any]:
    (tool,) = [item for item in memory_tools(memory, **options) if item.name == name]
    needed = {
        "remember": {"text": "I sail"}, "recall_memories": {"query": "bees"}, "list_memories": {},
        "correct_memory": {"key": "bees", "text": "I sail"}, "forget_memories": {"keys": ["bees"]},
    }[name]  # fmt: skip

    def use(state: Any) -> Any:
        return {"messages": [HumanMessage(str(tool.invoke(needed)))]}

    graph: Any = StateGraph(MemoryState, context_schema=Context)
    graph.add_node("node", use)
    graph.add_edge(START, "node").add_edge("node", END)
    return lambda config, context: graph.compile().invoke(
        {"messages": [HumanMessage("I sail")]}, config, context=context
    )


RUNS: dict[str, Callable[..., Callable[[Any, Any], Any]]] = {
    "load_memory": lambda memory: node_of(load_memory(memory, on_error="raise"), MemoryState),
    "extract_memory": lambda memory: node_of(extract_memory(memory, on_error="raise", background=False), MemoryState),
    "answer_commands": lambda memory: node_of(answer_commands(memory, on_error="raise"), CommandState),
    "PersistMemMiddleware": agent_of,
    **{tool: (lambda memory, tool=tool, **options: tool_of(memory, tool, **options)) for tool in TOOLS},
}
GATED = {name: make for name, make in RUNS.items() if name == "PersistMemMiddleware" or name in TOOLS}


@pytest.mark.parametrize("where", ["config", "context"])
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_run_is_off_the_record_by_true_and_nothing_else_is_guessed(
    filled: PersistMem, look: psycopg.Connection[Any], run: Callable[..., Any], where: str
) -> None:
    before = rows(look)
    invoke = run(filled)
    for name, make in HOSTILE.items():
        value = make()
        if value is None or (where, name) == ("config", "fails at everything"):  # LangChain looks at it first
            continue
        config = config_of(**({"off_the_record": value} if where == "config" else {}))
        with pytest.raises(PersistMemError, match="off_the_record"):
            invoke(config, {"user_id": USER, **({"off_the_record": value} if where == "context" else {})})
        assert rows(look) == before, name


@pytest.mark.parametrize("run", GATED.values(), ids=GATED)
def test_memory_is_allowed_by_true_and_nothing_else_is_guessed(
    filled: PersistMem, look: psycopg.Connection[Any], run: Callable[..., Any]
) -> None:
    before = rows(look)
    for name, make in HOSTILE.items():
        value = make()
        # What fails while it is looked at is a function that failed: no memory, and the run goes on.
        failing = name == "fails at everything" and run is not RUNS["PersistMemMiddleware"]
        with (
            nullcontext() if failing else pytest.raises(Exception if name == "fails at everything" else PersistMemError)
        ):
            run(filled, memory_allowed=lambda state, runtime, value=value: value)(config_of(), {"user_id": USER})
        assert rows(look) == before, name


@pytest.mark.parametrize("name", [name for name in JSON if name not in ("None", "a long number")])
def test_several_memories_are_erased_by_a_clear_yes_and_nothing_else(
    filled: PersistMem, look: psycopg.Connection[Any], name: str
) -> None:
    answers = [[call("forget_memories", keys=list(KEYS))], "Done."]
    agent: Any = create_agent(Scripted(answers=answers), memory_tools(filled), checkpointer=InMemorySaver())
    agent.invoke({"messages": [HumanMessage("Forget all that")]}, config_of())
    before = rows(look)
    agent.invoke(Command(resume=JSON[name]), config_of())
    assert rows(look) == before
