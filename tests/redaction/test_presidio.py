"""Presidio's engine as a detector; with recognisers of patterns and lists only, because no language model is a package."""

from collections.abc import Iterator
from typing import Any

import pytest

from langchain_persistmem import PresidioDetector, Redaction
from langchain_persistmem.errors import MissingDependencyError


@pytest.fixture(scope="module")
def analyzer() -> Any:
    """A real AnalyzerEngine, whose language engine knows no language."""
    presidio = pytest.importorskip(
        "presidio_analyzer", reason="presidio-analyzer is not installed; run: uv sync --group presidio"
    )
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    class NoModel(NlpEngine):
        def load(self) -> None: ...

        def is_loaded(self) -> bool:
            return True

        def process_text(self, text: str, language: str) -> NlpArtifacts:
            return NlpArtifacts([], None, [], [], self, language)

        def process_batch(self, texts: Any, language: str, *_: Any, **__: Any) -> Iterator[tuple[str, NlpArtifacts]]:
            return ((each, self.process_text(each, language)) for each in texts)

        def is_stopword(self, word: str, language: str) -> bool:
            return False

        def is_punct(self, word: str, language: str) -> bool:
            return False

        def get_supported_entities(self) -> list[str]:
            return []

        def get_supported_languages(self) -> list[str]:
            return ["en"]

    recognizers = [
        presidio.PatternRecognizer(supported_entity="PERSON", deny_list=["Ada Byron"]),
        presidio.PatternRecognizer(
            supported_entity="EMAIL_ADDRESS", patterns=[presidio.Pattern("mail", r"\S+@\S+\.\w+", 0.4)]
        ),
    ]
    registry = presidio.RecognizerRegistry(recognizers=recognizers)
    return presidio.AnalyzerEngine(registry=registry, nlp_engine=NoModel(), supported_languages=["en"])


def test_what_the_engine_finds_is_redacted_under_our_names(analyzer: Any) -> None:
    detector = PresidioDetector(analyzer)
    text = "Ada Byron wrote to ada@example.com about 4111 1111 1111 1111"
    assert [tuple(span) for span in detector.detect(text)] == [(0, 9, "PERSON"), (19, 34, "EMAIL")]
    redaction = Redaction(detectors=[detector])
    assert redaction.redact(text) == "[PERSON] wrote to [EMAIL] about [CARD]"
    assert redaction.redact(redaction.redact(text)) == redaction.redact(text)


def test_only_the_entities_and_the_certainty_that_were_asked_for(analyzer: Any) -> None:
    text = "Ada Byron, ada@example.com"
    for options in ({"entities": ["PERSON"]}, {"threshold": 0.9}):
        redaction = Redaction(categories=[], detectors=[PresidioDetector(analyzer, **options)])
        assert redaction.redact(text) == "[PERSON], ada@example.com"


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_persistmem.redaction import presidio

    monkeypatch.setattr(presidio, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"\[presidio\]"):
        PresidioDetector(object())  # type: ignore[arg-type]
