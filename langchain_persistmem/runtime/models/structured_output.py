"""Answers in the shape of a JSON schema: strictly where the provider has that, in the text where a model knows no schema."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import BaseLLMOutputParser
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig, RunnableSequence
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

Prompt = Sequence[tuple[str, str]]
"""Roles and texts."""

_IN_TEXT = """

Answer with one JSON object that fits this JSON schema, and with nothing else:
"""
_REFUSED = (400, 422)
"""Statuses of a provider that does not take the schema, or an option, as it was sent."""
_UNABLE = (NotImplementedError, TypeError, ValueError, AttributeError, ImportError)
"""Errors of a model that cannot be asked in one way."""
_NOT_STRICT = frozenset({"default", "minLength", "maxLength", "uniqueItems", "examples"})
"""Keywords that strict output has not; what they ask for is checked in the answer."""
_RAW = {"raw", "parsed", "parsing_error"}
"""The keys of an answer beside which a model's message stands."""
_MOST_TRIES = 100
"""Brackets of a text at which no JSON begins, beyond which none is looked for."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to ask a model."""

    runnable: Runnable[Any, Any]
    prompt: Prompt


class StructuredOutput:
    """A chat model that is asked for answers in the shape of one schema."""

    def __init__(self, model: BaseChatModel, schema: Mapping[str, object]) -> None:
        self._model = model
        self._schema = schema

    def invoke(self, prompt: Prompt, config: RunnableConfig) -> object:
        """Ask the model, in another way where it cannot be asked in one."""
        *ways, last = self._ways(prompt)
        for way in ways:
            try:
                answer = way.runnable.invoke(way.prompt, config)
            except Exception as error:
                if not _is_unable(error):
                    raise
                continue
            if answer is not None:
                return read_shape(answer, self._schema)
        return read_shape(last.runnable.invoke(last.prompt, config), self._schema)

    async def ainvoke(self, prompt: Prompt, config: RunnableConfig) -> object:
        """:meth:`invoke`, awaited."""
        *ways, last = self._ways(prompt)
        for way in ways:
            try:
                answer = await way.runnable.ainvoke(way.prompt, config)
            except Exception as error:
                if not _is_unable(error):
                    raise
                continue
            if answer is not None:
                return read_shape(answer, self._schema)
        return read_shape(await last.runnable.ainvoke(last.prompt, config), self._schema)

    def _ways(self, prompt: Prompt) -> list[_Way]:
        """The ways in which the model can be asked, the best first; the last is its text."""
        parameters = inspect.signature(self._model.with_structured_output).parameters  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        usual = _usual_options(parameters)
        strict, strict_options = strict_form(self._schema), _strict_options(self._model, parameters)
        # A model, or a server that only resembles its provider's, may have no strict output.
        options = [(strict, usual | strict_options)] if strict is not None and strict_options else []
        ways: list[_Way] = []
        for schema, options_of_way in [*options, (self._schema, usual)]:
            try:
                runnable = self._model.with_structured_output(dict(schema), **options_of_way)  # pyright: ignore[reportUnknownMemberType]
            except _UNABLE:
                continue
            ways.append(_Way(_without_parser(cast("Runnable[Any, Any]", runnable)), prompt))
        return [*ways, _Way(self._model, self._with_schema(prompt))]

    def _with_schema(self, prompt: Prompt) -> list[tuple[str, str]]:
        schema = json.dumps(self._schema, ensure_ascii=False)
        (role, instructions), *rest = prompt
        return [(role, f"{instructions}{_IN_TEXT}{schema}"), *rest]


def _without_parser(runnable: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """The model of a provider's class as it is bound to a schema: its message may have what a parser does not find.

    ``include_raw=True`` would give both, and asks in a thread of a pool, for which a program waits at its end.
    """
    if isinstance(runnable, RunnableSequence):
        first, *following = runnable.steps
        if isinstance(first, (RunnableBinding, BaseChatModel)) and all(
            isinstance(step, BaseLLMOutputParser) for step in following
        ):
            return cast("Runnable[Any, Any]", first)
    return runnable


def _is_unable(error: Exception) -> bool:
    """Tell if a model refuses the way in which it was asked, rather than fails."""
    return getattr(error, "status_code", None) in _REFUSED or isinstance(error, (NotImplementedError, TypeError))


def _usual_options(parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """The options of every way: a method where one is required."""
    options: dict[str, Any] = {}
    if "method" in parameters and parameters["method"].default is inspect.Parameter.empty:
        options["method"] = "json_schema"
    return options


def _strict_options(model: BaseChatModel, parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """The options with which a provider's class asks for strict output; empty where it has none."""
    options: dict[str, Any] = {}
    profile: object = getattr(model, "profile", None)
    native = isinstance(profile, Mapping) and cast("Mapping[str, object]", profile).get("structured_output") is True
    if native and "method" in parameters:
        options["method"] = "json_schema"
    if "strict" in parameters:
        options["strict"] = True
    return options


def strict_form(schema: Mapping[str, object]) -> Mapping[str, object] | None:
    """The schema as strict output takes it: every field is required and no other allowed; None if it leaves fields open."""
    strict = _strict(schema)
    return cast("Mapping[str, object]", strict) if isinstance(strict, dict) else None


def _strict(part: object) -> object:
    if isinstance(part, (list, tuple)):
        items = [_strict(item) for item in cast("Sequence[object]", part)]
        return None if any(item is None for item in items) else items
    if not isinstance(part, Mapping):
        return part
    fields = {name: value for name, value in cast("Mapping[str, object]", part).items() if name not in _NOT_STRICT}
    strict: dict[str, object] = {}
    for name, value in fields.items():
        # Only these hold other schemas; the keys of "properties" are names of fields, whatever they are called.
        if name == "properties":
            inner = {
                field: _strict(field_schema) for field, field_schema in cast("Mapping[str, object]", value).items()
            }
            strict[name] = None if any(field_schema is None for field_schema in inner.values()) else inner
        else:
            strict[name] = _strict(value) if name in ("items", "anyOf") else value
        if strict[name] is None:
            return None
    if fields.get("type") == "object":
        if "properties" not in strict or isinstance(fields.get("additionalProperties", False), Mapping):
            return None  # a dict of whatever there is
        strict |= {"required": list(cast("Mapping[str, object]", strict["properties"])), "additionalProperties": False}
    return strict


def read_shape(answer: object, schema: Mapping[str, object]) -> object:
    """The answer as JSON, in whatever form a model's class gives it: an object, a message, a call of a tool, or a text with JSON in it."""
    if isinstance(answer, Mapping) and cast("Mapping[str, object]", answer).keys() >= _RAW:
        both = cast("Mapping[str, object]", answer)
        answer = both["raw"] if both["parsed"] is None else both["parsed"]
    if isinstance(answer, AIMessage) and answer.tool_calls:
        answer = answer.tool_calls
    if isinstance(answer, BaseMessage):
        answer = str(answer.text)
    if isinstance(answer, str):
        return read_json(answer, schema)
    if isinstance(answer, (BaseModel, Mapping, list)):
        try:
            answer = to_jsonable_python(answer)
        except (PydanticSerializationError, ValueError, RecursionError):
            return cast("object", answer)
        fitting = _fit([answer], schema, is_whole=True)
        return answer if fitting is None else fitting
    return answer


def read_json(text: str, schema: Mapping[str, object]) -> object:
    """The JSON in a text that fits, within a code block or between other words; the text itself if there is none."""
    values, is_whole = _values(text)
    fitting = _fit(values, schema, is_whole=is_whole)
    return text.strip() if fitting is None else fitting


def _fit(values: Sequence[object], schema: Mapping[str, object], *, is_whole: bool) -> object:
    """Of several values the last one that has fields of the schema; None if there is none.

    Where a schema has one list, small models leave out its name, or write its entries one after the other.

    Args:
        is_whole: nothing else looked like JSON: within an answer that was cut short, entries are not all there are.
    """
    properties = cast("Mapping[str, Any]", schema["properties"])
    objects = _mappings(values)
    lists = [cast("list[object]", value) for value in values if isinstance(value, list)]
    entries = [entry for several in lists for entry in _mappings(several)]
    # Calls of tools, as messages and parsers have them.
    calls = _mappings([entry.get("args") for entry in [*objects, *entries]])
    fitting = [value for value in [*objects, *calls] if not properties.keys().isdisjoint(value.keys())]
    name, *more = properties
    if fitting or not is_whole or more or properties[name]["type"] != "array":
        return fitting[-1] if fitting else None
    if properties[name]["items"]["type"] != "object":
        return {name: lists[-1]} if lists else None
    return {name: entries or objects} if entries or objects else None


def _mappings(values: Sequence[object]) -> list[Mapping[str, Any]]:
    return [cast("Mapping[str, Any]", value) for value in values if isinstance(value, Mapping)]


def _values(text: str) -> tuple[list[object], bool]:
    """The JSON values in a text, objects and lists, none within another; and whether nothing else began like one."""
    values: list[object] = []
    decode: Callable[[str, int], tuple[object, int]] = json.JSONDecoder().raw_decode
    position = failures = 0
    while failures < _MOST_TRIES:
        starts = [start for start in (text.find("{", position), text.find("[", position)) if start >= 0]
        if not starts:
            break
        try:
            value, position = decode(text, min(starts))
            values.append(value)
        except (ValueError, RecursionError):
            position, failures = min(starts) + 1, failures + 1
    return values, failures == 0
