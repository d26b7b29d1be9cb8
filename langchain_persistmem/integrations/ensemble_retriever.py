"""One LangChain retriever over the session, memory and one's own documents."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_executor_for_config, patch_config
from langchain_core.runnables.utils import ConfigurableFieldSpec, get_unique_config_specs
from pydantic import model_validator

from langchain_persistmem.errors import (
    ConfigurationError,
    InvalidInputError,
    NamespaceMissingError,
    PersistMemError,
    UseAsyncMethodError,
)
from langchain_persistmem.integrations.fusion import Origin, RankedCandidate, fuse
from langchain_persistmem.integrations.strict_retriever import StrictRetriever
from langchain_persistmem.runtime.run_identity import read_config
from langchain_persistmem.types import validation
from langchain_persistmem.types.representation import is_a, plain, quote, represent

logger = logging.getLogger(__name__)

_MOST = 1_000
_PROGRAM_FAULTS = (NamespaceMissingError, UseAsyncMethodError)
"""Going on would hide them, and the next run has them again."""


class PersistMemEnsembleRetriever(StrictRetriever):
    """Merge the session, memory and one's own documents: weighted, each document once, with labels.

    Every retriever is asked with the run's config, all of them at once, and traced as a child. Their
    lists are merged by weighted reciprocal rank fusion: a document's score is the sum, over the
    retrievers that found it, of ``weight / (c + rank)``. See ``docs/how-to/merge-with-your-documents.md``.

    A document's metadata gains ``origins``, a list of ``"session"``, ``"memory"`` and ``"documents"``,
    and ``fusion``: the ``score``, and which ``retriever`` ``found`` it at which ``rank``.

    For one call, ``k``, ``weights`` and ``options`` can be given. ``options`` are what a retriever is
    invoked with, by its name: ``ensemble.invoke(query, config, options={"memory": {"kinds": ["semantic"]}})``.
    """

    call_options: ClassVar[tuple[str, ...]] = ("k", "weights", "options")

    session: RetrieverLike | None = None
    """Usually a :class:`PersistMemSessionRetriever`."""
    memory: RetrieverLike | None = None
    """Usually a :class:`PersistMemRetriever`."""
    documents: RetrieverLike | Sequence[RetrieverLike] | Mapping[str, RetrieverLike] = ()
    """One's own: one, several, or several by name. Without names of theirs, several are ``documents_1`` and so on."""
    weights: Mapping[str, float] = {}
    """0 or more, by name or by origin; 1 where nothing is said. A retriever of weight 0 is not asked."""
    k: int = 10
    """At most so many documents in the end, 1 to 1,000; how many each retriever gives is its own ``k``."""
    c: int = 60
    """The greater, the less a first rank counts for more than a tenth; 60 is what the method's authors found."""
    on_error: Literal["raise", "continue"] = "raise"
    """``"continue"`` logs the failure of a retriever, without content, and merges the lists of the others.
    ``NamespaceMissingError`` and ``UseAsyncMethodError`` are raised all the same: they are faults of the program."""

    @model_validator(mode="after")
    def _check(self) -> PersistMemEnsembleRetriever:
        if not self._by_name():
            raise ConfigurationError("the ensemble has no retriever; pass session=, memory= or documents=")
        if any(name in ("session", "memory") for name in self._documents()):
            raise ConfigurationError("documents has a retriever named 'session' or 'memory'; use another name")
        try:
            validation.count(self.c, "c")
            validation.count(self.k, "k", at_least=1, at_most=_MOST)
            self._weights_of(self.weights)
        except (
            InvalidInputError
        ) as error:  # a ValueError, which pydantic would wrap, with all that was passed in its message
            reason = str(error)
        else:
            return self
        raise ConfigurationError(reason)

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """The configurable fields of all retrievers."""
        return get_unique_config_specs(
            spec for _, retriever in self._by_name().values() for spec in retriever.config_specs
        )

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """Ask all retrievers about ``input``, and merge their documents, best first.

        Raises:
            NamespaceMissingError: the run names no user.
            InvalidInputError: an argument is out of range, or no option of a call; the message names it.
        """
        input = self.check_query(input)
        return super().invoke(input, config, **self.check_options(kwargs), run=read_config(config))

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """:meth:`invoke`, awaited."""
        input = self.check_query(input)
        return await super().ainvoke(input, config, **self.check_options(kwargs), run=read_config(config))

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check the options of one call, and those that it hands to our own retrievers, at any depth."""
        options = super().check_options(options)
        by_retriever = {} if options.get("options") is None else self._by_names(options["options"], "options")
        for name, value in by_retriever.items():
            by_retriever[name] = validation.plain_dict(value, f"options[{quote(name)}]")
            # Here and not where it is asked: with on_error="continue" that would pass as a failure of the retriever.
            for own_name, (origin, retriever) in self._by_name().items():
                if name in (own_name, origin) and isinstance(retriever, StrictRetriever):
                    by_retriever[name] = retriever.check_options(by_retriever[name])
        return {**options, "options": by_retriever}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        call = self._call(**options)

        def ask(source: _Source) -> list[Document] | Exception:
            child = patch_config(call.run, callbacks=run_manager.get_child(tag=source.name))
            try:
                return source.retriever.invoke(query, child, **source.options)
            except Exception as error:  # noqa: BLE001 - whatever a retriever raises; _merge() raises or logs it
                return error

        with get_executor_for_config(call.run) as executor:
            return self._merge(call, list(executor.map(ask, call.sources)))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        call = self._call(**options)

        async def ask(source: _Source) -> list[Document] | Exception:
            child = patch_config(call.run, callbacks=run_manager.get_child(tag=source.name))
            try:
                return await source.retriever.ainvoke(query, child, **source.options)
            except Exception as error:  # noqa: BLE001 - whatever a retriever raises; _merge() raises or logs it
                return error

        return self._merge(call, await asyncio.gather(*(ask(source) for source in call.sources)))

    def _call(
        self,
        run: RunnableConfig | None = None,
        k: int | None = None,
        weights: Mapping[str, float] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> _Call:
        """Check and collect the options of this call."""
        most = validation.count(self.k if k is None else k, "k", at_least=1, at_most=_MOST)
        all_weights = self._weights_of(self.weights) | ({} if weights is None else self._weights_of(weights))
        sources: list[_Source] = []
        for name, (origin, retriever) in self._by_name().items():
            weight = float(all_weights.get(name, all_weights.get(origin, 1.0)))
            if weight > 0:
                own_options = {**(options or {}).get(origin, {}), **(options or {}).get(name, {})}
                sources.append(_Source(origin, name, retriever, weight, own_options))
        return _Call(run or read_config(None), most, sources)

    def _merge(self, call: _Call, answers: Sequence[list[Document] | Exception]) -> list[Document]:
        lists: list[RankedCandidate] = []
        for source, answer in zip(call.sources, answers, strict=True):
            if isinstance(answer, Exception):
                if self.on_error == "raise" or isinstance(answer, _PROGRAM_FAULTS):
                    raise answer
                logger.warning("the ensemble went on without %s: %s", source.name, _describe(answer))
            else:
                lists.append(
                    RankedCandidate(origin=source.origin, retriever=source.name, weight=source.weight, documents=answer)
                )
        return fuse(lists, c=self.c)[: call.k]

    def _by_name(self) -> dict[str, tuple[Origin, RetrieverLike]]:
        """All retrievers by name, each with its origin."""
        retrievers: dict[str, tuple[Origin, RetrieverLike]] = {}
        if self.session is not None:
            retrievers["session"] = "session", self.session
        if self.memory is not None:
            retrievers["memory"] = "memory", self.memory
        for name, retriever in self._documents().items():
            retrievers[name] = "documents", retriever
        return retrievers

    def _documents(self) -> Mapping[str, RetrieverLike]:
        documents = self.documents
        if isinstance(documents, Mapping):
            return documents
        if isinstance(documents, Sequence):
            return {f"documents_{number}": retriever for number, retriever in enumerate(documents, 1)}
        return {"documents": documents}

    def _by_names(self, options: object, where: str) -> dict[str, Any]:
        """Return a dict by names of retrievers as a new one, checked."""
        entries = validation.plain_dict(options, where)
        retrievers = self._by_name()
        names = sorted({*retrievers, *(origin for origin, _ in retrievers.values())})
        for name in entries:
            if name not in names:
                raise InvalidInputError(
                    f"{where} has {represent(name)}, which no retriever is called; use {', '.join(names)}"
                )
        return entries

    def _weights_of(self, weights: object) -> dict[str, float]:
        entries = {name: plain(weight) for name, weight in self._by_names(weights, "weights").items()}
        for name, weight in entries.items():
            if is_a(weight, bool) or not (is_a(weight, int) or is_a(weight, float)) or not 0 <= weight < math.inf:
                raise InvalidInputError(f"weights[{quote(name)}] is {represent(weight)}; pass a number of 0 or more")
        return entries


@dataclass(frozen=True, slots=True)
class _Source:
    """A retriever with its options in one call."""

    origin: Origin
    name: str
    retriever: RetrieverLike
    weight: float
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class _Call:
    run: RunnableConfig
    k: int
    sources: list[_Source]


def _describe(error: Exception) -> str:
    """Describe a failure without content: a foreign message may quote a document, ours never quotes a memory."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, PersistMemError) else name
