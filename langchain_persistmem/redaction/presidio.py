"""Microsoft Presidio as a detector for redaction (extra ``[presidio]``): names, places, and other entities."""

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
    """The part of Presidio's ``AnalyzerEngine`` that the detector uses."""

    def analyze(
        self, text: str, language: str, entities: list[str] | None = None, *, score_threshold: float | None = None
    ) -> Iterable[_Result]:
        """Find entities."""
        ...


_CATEGORIES = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "MAC_ADDRESS": "MAC",
    "US_SSN": "SSN",
}
"""Categories by Presidio's names; other entities keep their names, such as ``PERSON`` and ``LOCATION``."""


class PresidioDetector:
    """A detector that uses a Presidio ``AnalyzerEngine``.

    The application makes the engine and chooses its recognisers and language models. Nothing is downloaded here.
    Presidio's own engine without arguments may try to download a spaCy model.

    Args:
        analyzer: a ``presidio_analyzer.AnalyzerEngine``.
        language: of the texts, as the engine knows it.
        entities: only these of Presidio's names, such as ``["PERSON", "LOCATION"]``; by default all.
        threshold: 0 to 1; entities of a lower score stay in the text. By default the engine's own.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        *,
        language: str = "en",
        entities: Sequence[str] | None = None,
        threshold: float | None = None,
    ) -> None:
        """Take the engine; it runs at the first call of :meth:`detect`.

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
        """Find spans, in the order of the engine."""
        results = self._analyzer.analyze(text, self._language, self._entities, score_threshold=self._threshold)
        for result in results:
            yield Span(result.start, result.end, _CATEGORIES.get(result.entity_type, result.entity_type))
