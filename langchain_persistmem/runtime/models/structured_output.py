"""Answers in the shape of a JSON schema: strictly where the provider has that, in the text where a model knows no schema."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

Prompt = Sequence[tuple[str, str]]
"""Roles and texts."""

_IN_TEXT = """

Answer with one JSON object that fits this JSON schema, and with nothing else:
"""
_REFUSED = 400
"""Status of a provider that does not take the schema, or an option, as it was sent."""
_NOT_STRICT = frozenset({"default", "minLength", "maxLength", "uniqueItems", "examples"})
"""Keywords that strict output has not; what they ask for is checked in the answer."""
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)


class StructuredOutput:
    """A chat model that is asked for answers in the shape of one schema."""

    def __init__(self, model: BaseChatModel, schema: Mapping[str, object]) -> None:
        self._model = model
        self._schema = schema

    def invoke(self, prompt: Prompt, config: RunnableConfig) -> object:
        """Ask the model."""
        runnable, options = self._runnable(strictly=True)
        if runnable is None:
            return read_json(self._model.invoke(self._with_schema(prompt), config))
        try:
            return runnable.invoke(prompt, config)
        except Exception as error:
            if not options or getattr(error, "status_code", None) != _REFUSED:
                raise
        # This model, or a server that only resembles its provider's, has no strict output.
        return self._plain().invoke(prompt, config)

    async def ainvoke(self, prompt: Prompt, config: RunnableConfig) -> object:
        """:meth:`invoke`, awaited."""
        runnable, options = self._runnable(strictly=True)
        if runnable is None:
            return read_json(await self._model.ainvoke(self._with_schema(prompt), config))
        try:
            return await runnable.ainvoke(prompt, config)
        except Exception as error:
            if not options or getattr(error, "status_code", None) != _REFUSED:
                raise
        return await self._plain().ainvoke(prompt, config)

    def _runnable(self, *, strictly: bool) -> tuple[Runnable[Any, Any] | None, Mapping[str, Any]]:
        """The model with the schema, and the options that ask for strict output; None if it takes no schema."""
        strict = strict_form(self._schema) if strictly else None
        options = _strict_options(self._model) if strict is not None else {}
        schema = dict(strict if strict is not None and options else self._schema)
        try:
            runnable = self._model.with_structured_output(schema, **options)  # pyright: ignore[reportUnknownMemberType]
        except NotImplementedError:
            return None, {}
        return cast("Runnable[Any, Any]", runnable), options

    def _plain(self) -> Runnable[Any, Any]:
        runnable, _ = self._runnable(strictly=False)
        assert runnable is not None  # noqa: S101 - with options it took a schema
        return runnable

    def _with_schema(self, prompt: Prompt) -> list[tuple[str, str]]:
        schema = json.dumps(self._schema, ensure_ascii=False)
        (role, instructions), *rest = prompt
        return [(role, f"{instructions}{_IN_TEXT}{schema}"), *rest]


def _strict_options(model: BaseChatModel) -> dict[str, Any]:
    """The options with which a provider's class asks for strict output; empty where it has none."""
    parameters = inspect.signature(model.with_structured_output).parameters  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
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


def read_json(message: BaseMessage) -> object:
    """The JSON in a model's text, within a code block or between other words; the text itself if there is none."""
    text = str(message.text).strip()
    block = _FENCED.search(text)
    body = block[1] if block else text
    start, end = body.find("{"), body.rfind("}")
    try:
        return json.loads(body[start : end + 1])
    except (ValueError, RecursionError):
        return text
