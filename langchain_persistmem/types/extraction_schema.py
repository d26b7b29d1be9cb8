"""An application's own classes for extracted memories: pydantic classes as a JSON schema and a check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    PydanticSchemaGenerationError,
    PydanticUserError,
    RootModel,
    TypeAdapter,
    ValidationError,
)

from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.types import validation

_ROOT = "#/$defs/"

Schema = type[BaseModel] | Sequence[type[BaseModel]] | UnionType
"""The argument of ``open(schema=...)``: a pydantic class, a list of them, or their union."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The JSON schema of the application's classes, and the check of a model's answer against them."""

    schema: Mapping[str, object]
    """JSON schema of one content, without references."""
    adapter: TypeAdapter[BaseModel]

    def fit(self, content: object) -> tuple[str, Mapping[str, Any]] | None:
        """Return the name of the class that ``content`` fits, and the content as JSON; None if it fits none."""
        try:
            made = self.adapter.validate_python(content)
            document = made.model_dump(mode="json")
            validation.check_json(document, "content")
        except (ValidationError, InvalidInputError, RecursionError):
            return None
        return type(made).__name__, document


def shape_of(given: object) -> Shape | None:
    """Build the shape of the argument of ``open(schema=...)``.

    Raises:
        ConfigurationError: it is no pydantic class, or one that no model can be asked for; the message names the field.
    """
    if given is None:
        return None
    classes = _classes(given)
    schemas = [_schema_of(each) for each in classes]
    union: Any = classes[0]
    for each in classes[1:]:
        union = union | each
    return Shape(schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, TypeAdapter(union))


def _classes(given: object) -> list[type[BaseModel]]:
    if isinstance(given, (list, tuple)):
        members = list(cast("Sequence[object]", given))
    else:
        members = list(get_args(given)) if get_origin(given) in (Union, UnionType) else [given]
    if not members:
        raise ConfigurationError("schema is empty; pass a pydantic class, or leave it out")
    for each in members:
        if not (isinstance(each, type) and issubclass(each, BaseModel)) or each is BaseModel:
            kind = each.__name__ if isinstance(each, type) else f"of type {type(each).__name__}"
            raise ConfigurationError(f"schema is {kind}; pass a class that inherits from pydantic.BaseModel")
        if issubclass(each, RootModel):
            raise ConfigurationError(f"schema: {each.__name__} is a RootModel; make it a BaseModel with a named field")
    return cast("list[type[BaseModel]]", members)


def _schema_of(kind: type[BaseModel]) -> Mapping[str, object]:
    """Build the JSON schema of a class, with its references replaced by their definitions."""
    failure = ""
    try:
        whole = kind.model_json_schema()
    except (PydanticUserError, PydanticSchemaGenerationError) as error:
        failure = f"schema: {_culprit(kind)} has no JSON schema ({type(error).__name__}); give it a type that JSON has"
    else:
        if not kind.model_fields:
            raise ConfigurationError(f"schema: {kind.__name__} has no fields; add what is to be remembered")
        return cast("Mapping[str, object]", _inlined(whole, whole.get("$defs", {}), kind.__name__, ()))
    raise ConfigurationError(failure)


def _culprit(kind: type[BaseModel]) -> str:
    """Name the first field that has no JSON schema."""
    for name, field in kind.model_fields.items():
        try:
            TypeAdapter(cast("Any", field.annotation)).json_schema()
        except (PydanticUserError, PydanticSchemaGenerationError, NameError):
            return f"{kind.__name__}.{name}"
    return kind.__name__


def _inlined(part: object, definitions: Mapping[str, Any], path: str, within: tuple[str, ...]) -> object:
    if isinstance(part, list):
        return [_inlined(each, definitions, path, within) for each in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    fields = cast("dict[str, Any]", part)
    reference = fields.get("$ref")
    if isinstance(reference, str) and reference.startswith(_ROOT):
        name = reference.removeprefix(_ROOT)
        if name in within:
            raise ConfigurationError(
                f"schema: {path} contains {name} within itself; models are not asked for shapes without an end, "
                "so give the inner one a class of its own"
            )
        beside = {key: each for key, each in fields.items() if key != "$ref"}
        return _inlined({**definitions[name], **beside}, definitions, path, (*within, name))
    inlined: dict[str, object] = {}
    for key, each in fields.items():
        if key == "properties":
            inner = cast("dict[str, object]", each)
            inlined[key] = {
                name: _inlined(field, definitions, f"{path}.{name}", within) for name, field in inner.items()
            }
        elif key not in ("$defs", "title", "discriminator"):
            inlined[key] = _inlined(each, definitions, path, within)
    return inlined
