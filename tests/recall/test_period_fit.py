"""A memory's time fits the period that a question asks about by when it was, and by what its text says of then."""

from datetime import UTC, datetime, timedelta

from langchain_persistmem.recall.period_fit import fit
from langchain_persistmem.types.recall_results import Period
from tests.recall.test_evidence import memory

NOW = datetime(2023, 10, 23, 10, 2, tzinfo=UTC)


def of_day(text: str, certainty: float = 1.0) -> Period:
    start = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return Period(start=start, end=start + timedelta(days=1), certainty=certainty, text=text)


def test_what_was_said_then_or_soon_after_or_tells_of_then_fits() -> None:
    asked = [of_day("2023-05-07")]

    def at(day: str, text: str = "text", **fields: object) -> float:
        return fit(memory("m", text, valid_from=datetime.fromisoformat(day).replace(tzinfo=UTC), **fields), asked)

    assert at("2023-05-07") == 1.0
    assert 0 < at("2023-05-12") < at("2023-05-09") < 1
    assert at("2023-05-06") == at("2023-06-07") == 0.0
    assert at("2023-06-07", "We met on May 7th") == 1.0
    assert at("2023-05-08", "We met yesterday") == 1.0
    assert at("2023-06-07", "This year was good") == 0.0


def test_what_was_true_then_fits_half_and_what_had_ended_does_not() -> None:
    asked, began = [of_day("2023-05-07")], datetime(2023, 1, 1, tzinfo=UTC)
    assert fit(memory("m", kind="semantic", valid_from=began), asked) == 0.5
    assert fit(memory("m", kind="semantic", valid_from=began, valid_until=began), asked) == 0.0
    assert fit(memory("m", kind="semantic", valid_from=NOW), asked) == 0.0
    assert fit(memory("m", valid_from=asked[0].start), [of_day("2023-05-07", 0.5)]) == 0.5
