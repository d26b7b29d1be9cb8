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
from langchain_persistmem.types.representation import is_a, type_name

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
            instance = self.adapter.validate_python(content)
            document = instance.model_dump(mode="json")
            validation.plain_json(document, "content")
        except (ValidationError, InvalidInputError, RecursionError):
            return None
        return type(instance).__name__, document


def shape_of(schema: object) -> Shape | None:
    """Build the shape of the argument of ``open(schema=...)``.

    Raises:
        ConfigurationError: it is no pydantic class, or one that no model can be asked for; the message names the field.
    """
    if schema is None:
        return None
    classes = _classes(schema)
    schemas = [_schema_of(kind) for kind in classes]
    union: Any = classes[0]
    for kind in classes[1:]:
        union = union | kind
    return Shape(schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, TypeAdapter(union))


def _is_union(schema: object) -> bool:
    """True for ``A | B`` and ``Union[A, B]``."""
    try:
        return get_origin(schema) in (Union, UnionType)
    except Exception:  # noqa: BLE001 - typing asks the value for its class, which an object's own code may answer
        return False


def _classes(schema: object) -> list[type[BaseModel]]:
    several: Any = schema
    if is_a(schema, list) or is_a(schema, tuple):
        members: list[Any] = list(several)
    elif _is_union(schema):
        members = list(get_args(schema))
    else:
        members = [several]
    if not members:
        raise ConfigurationError("schema is empty; pass a pydantic class, or leave it out")
    for member in members:
        is_class = is_a(cast("object", member), type)
        if not (is_class and issubclass(member, BaseModel)) or member is BaseModel:
            kind = member.__name__ if is_class else f"of type {type_name(cast('object', member))}"
            raise ConfigurationError(f"schema is {kind}; pass a class that inherits from pydantic.BaseModel")
        if issubclass(member, RootModel):
            name = member.__name__
            raise ConfigurationError(f"schema: {name} is a RootModel; make it a BaseModel with a named field")
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
        return cast("Mapping[str, object]", _inline(whole, whole.get("$defs", {}), kind.__name__, ()))
    raise ConfigurationError(failure)


def _culprit(kind: type[BaseModel]) -> str:
    """Name the first field that has no JSON schema."""
    for name, field in kind.model_fields.items():
        try:
            TypeAdapter(cast("Any", field.annotation)).json_schema()
        except (PydanticUserError, PydanticSchemaGenerationError, NameError):
            return f"{kind.__name__}.{name}"
    return kind.__name__


def _inline(part: object, definitions: Mapping[str, Any], path: str, within: tuple[str, ...]) -> object:
    if isinstance(part, list):
        return [_inline(item, definitions, path, within) for item in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    fields = cast("dict[str, Any]", part)
    reference = fields.get("$ref")
    if isinstance(reference, str) and reference.startswith(_ROOT):
        name = reference.removeprefix(_ROOT)
        # A recursive class cannot be inlined: the schema would have no end.
        if name in within:
            raise ConfigurationError(
                f"schema: {path} contains {name} within itself; models are not asked for shapes without an end, "
                "so give the inner one a class of its own"
            )
        # Beside a reference stand the description and the default of the field: they win over those of the class.
        siblings = {key: value for key, value in fields.items() if key != "$ref"}
        return _inline({**definitions[name], **siblings}, definitions, path, (*within, name))
    result: dict[str, object] = {}
    for key, value in fields.items():
        if key == "properties":
            # The keys here are names of fields, which may be "title" or "$defs" themselves.
            inner = cast("dict[str, object]", value)
            result[key] = {name: _inline(field, definitions, f"{path}.{name}", within) for name, field in inner.items()}
        elif key not in ("$defs", "title", "discriminator"):
            result[key] = _inline(value, definitions, path, within)
    return result
