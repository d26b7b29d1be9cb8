"""Microsoft Presidio as a detector for redaction (extra ``[presidio]``): names, places, and what its recognisers know."""

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Protocol

from langchain_persistmem.errors import MissingDependencyError
from langchain_persistmem.redaction import Span


class _Result(Protocol):
    start: int
    end: int
    entity_type: str


class Analyzer(Protocol):
    """What is needed of Presidio's ``AnalyzerEngine``."""

    def analyze(
        self, text: str, language: str, entities: list[str] | None = None, *, score_threshold: float | None = None
    ) -> Iterable[_Result]:
        """The engine's finds."""
        ...


_OURS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "MAC_ADDRESS": "MAC",
    "US_SSN": "SSN",
}
"""Presidio's names for what has one here; the others keep theirs, such as ``PERSON`` and ``LOCATION``."""


class PresidioDetector:
    """What a Presidio ``AnalyzerEngine`` finds.

    The engine is the application's: with which recognisers and which language models, it says itself. Nothing is
    downloaded here. Presidio's own engine without arguments may try to download a spaCy model.

    Args:
        analyzer: a ``presidio_analyzer.AnalyzerEngine``.
        language: of the texts, as the engine knows it.
        entities: only these of Presidio's names, such as ``["PERSON", "LOCATION"]``; by default all.
        threshold: 0 to 1; what the engine is less sure of stays in the text. By default the engine's own.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        *,
        language: str = "en",
        entities: Sequence[str] | None = None,
        threshold: float | None = None,
    ) -> None:
        """Nothing is looked for yet.

        Raises:
            MissingDependencyError: the extra is not installed.
        """
        if find_spec("presidio_analyzer") is None:
            raise MissingDependencyError(
                'PresidioDetector needs the package presidio-analyzer; run: pip install "langchain-persistmem[presidio]"'
            )
        self._analyzer = analyzer
        self._language = language
        self._entities = list(entities) if entities is not None else None
        self._threshold = threshold

    def detect(self, text: str) -> Iterator[Span]:
        """The places that the engine names, in its order."""
        found = self._analyzer.analyze(text, self._language, self._entities, score_threshold=self._threshold)
        for each in found:
            yield Span(each.start, each.end, _OURS.get(each.entity_type, each.entity_type))
