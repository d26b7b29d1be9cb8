"""The base of this package's retrievers: what they are made with and asked with is checked by name and by type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from langchain_persistmem.errors import ConfigurationError, InvalidInputError, PersistMemError
from langchain_persistmem.types import validation
from langchain_persistmem.types.representation import is_a, plain, quote, type_name

_MOST = 10_000
"""Entries of a mapping, such as retrievers by name."""


class StrictRetriever(BaseRetriever):
    """A retriever that refuses every option of a call that is not its own, such as somebody else's namespace."""

    # Strict: a text is no number, and a number no switch. Pydantic's own message would quote what was passed.
    model_config = ConfigDict(arbitrary_types_allowed=True, strict=True, hide_input_in_errors=True)

    call_options: ClassVar[tuple[str, ...]]
    """The options that a single call may have."""

    @model_validator(mode="wrap")
    @classmethod
    def _name_wrong_fields(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        fields = validation.plain_dict(values, "the fields", error=ConfigurationError)
        for name, value in fields.items():
            if name in cls.model_fields:
                fields[name] = _read_field(value, f"{cls.__name__} cannot be made: {name}")
        try:
            return handler(fields)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False, include_context=False)
        except PersistMemError:
            raise
        except Exception:  # noqa: BLE001 - a value may say by code of its own what it is
            faults = []
        faults_of_fields = [fault for fault in faults if fault["loc"] and fault["loc"][0] in cls.model_fields]
        reason = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in faults_of_fields[:3])
        raise ConfigurationError(f"{cls.__name__} cannot be made: {reason or 'an argument is not one of its own'}")

    @staticmethod
    def check_query(query: object) -> str:
        """Return a question, if it is a text.

        Raises:
            InvalidInputError: it is something else.
        """
        query = plain(query)
        if not is_a(query, str):
            raise InvalidInputError(f"query is of type {type_name(query)}; pass a string")
        return query

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the options of one call, if all of them are this retriever's.

        Raises:
            InvalidInputError: one is not; whose memories are read is never an option of a call.
        """
        unknown = [name for name in options if name not in self.call_options]
        if unknown:
            raise InvalidInputError(
                f"{quote(unknown[0])} is no option of a call to this retriever; use {', '.join(self.call_options)}"
            )
        return options


def _read_field(value: object, where: str) -> object:
    """Read a field for pydantic, which asks each value for its class, and goes through every sequence and mapping to its end.

    Raises:
        ConfigurationError: it fails at that, or has no end.
    """
    value = cast("object", plain(value))
    if issubclass(type(value), Mapping) and not issubclass(type(value), dict):
        value = cast("object", validation.plain_dict(value, where, at_most=_MOST, error=ConfigurationError))
    elif issubclass(type(value), Sequence) and not issubclass(type(value), (str, bytes, list, tuple)):
        value = cast("object", validation.check_list(value, where, error=ConfigurationError))
    inner: Iterable[object] = ()
    if issubclass(type(value), dict):
        inner = cast("dict[object, object]", value).values()
    elif issubclass(type(value), (list, tuple)):
        inner = cast("Sequence[object]", value)
    for part in (value, *inner):
        validation.call_foreign(
            lambda part=part: isinstance(part, Runnable),
            f"{where} cannot be read",
            "pass what its type says",
            error=ConfigurationError,
        )
    return value
