"""The base of this package's retrievers: what they are made with and asked with is checked by name and by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator

from langchain_persistmem.errors import ConfigurationError, InvalidInputError, PersistMemError
from langchain_persistmem.types import validation
from langchain_persistmem.types.representation import is_a, plain, quote, type_name


class StrictRetriever(BaseRetriever):
    """A retriever that refuses every option of a call that is not its own, such as somebody else's namespace."""

    # Strict: a text is no number, and a number no switch. Pydantic's own message would quote what was passed.
    model_config = ConfigDict(arbitrary_types_allowed=True, strict=True, hide_input_in_errors=True)

    call_options: ClassVar[tuple[str, ...]]
    """The options that a single call may have."""

    @model_validator(mode="wrap")
    @classmethod
    def _name_wrong_fields(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(
                {name: _plain_field(value, name) for name, value in validation.plain_dict(values, "the fields").items()}
            )
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


def _plain_field(value: object, name: str) -> object:
    """A field as pydantic may read it: it goes through every sequence to its end, which one of another class need not have."""
    value = plain(value)
    is_foreign = issubclass(type(value), Sequence) and not issubclass(type(value), (str, bytes, list, tuple))
    return validation.check_list(value, name) if is_foreign else value
