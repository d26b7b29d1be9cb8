"""Options that the integrations share: those of a context, and the clock of a run; checked when a node is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.recall.context import Check
from langchain_persistmem.recall.context_parts.context_text import Form
from langchain_persistmem.recall.context_parts.standing import Standing
from langchain_persistmem.types import validation
from langchain_persistmem.types.moments import check_zone
from langchain_persistmem.types.recall_results import Expand
from langchain_persistmem.types.records import KINDS, Kind
from langchain_persistmem.types.representation import represent


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextOptions:
    """Options of :meth:`PersistMem.context` that are the same on every run."""

    max_tokens: int | None
    kinds: Sequence[Kind] | None
    form: Form
    standing: Standing
    expand: Expand | None
    check: Check

    def resolve(self, memory: PersistMem) -> Mapping[str, Any]:
        """Check the options when a node is made, and return them by name: in a run, a wrong one would only be logged.

        Raises:
            ConfigurationError: the message names the option.
        """
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigurationError(f"max_tokens is {represent(self.max_tokens)}; pass a whole number from 1")
        if "model" in (self.expand, self.check) and memory.backend.model_name is None:
            raise ConfigurationError(
                "expand or check asks a chat model and there is none; open the memory with model=..."
            )
        kinds = None if self.kinds is None else validation.check_list(self.kinds, "kinds")
        unknown = [kind for kind in kinds or () if kind not in KINDS]
        if unknown:
            raise ConfigurationError(f"kinds has {represent(unknown[0])}; use any of {', '.join(KINDS)}")
        return {**asdict(replace(self, kinds=kinds))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """The time by which a run's dates are read and written: a time zone, and a clock of the application's."""

    time_zone: tzinfo | str | None
    now: Callable[[], datetime] | None

    def resolve(self) -> Mapping[str, Any]:
        """Check the options when a node is made, and return them by name.

        Raises:
            ConfigurationError: the message names the option.
        """
        failure = ""
        try:
            zone = check_zone(self.time_zone, "time_zone")
        except InvalidInputError as error:
            failure = str(error)
        else:
            if self.now is None or callable(self.now):
                return {"time_zone": zone, "now": self.now}
            failure = (
                f"now is of type {type(self.now).__name__}; pass a function that returns the present as a datetime"
            )
        raise ConfigurationError(failure)
