"""Times in several steps are read as a person reads them: in 8 months, for 3 years, as of November, the first Monday of May."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_persistmem.language.calendar.time_expressions import find_periods

NOW = datetime(2023, 10, 23, 10, 2, tzinfo=UTC)
"""A Monday."""

READ = """
The baby is due in 8 months. | 2024-06-13 | 2024-07-04
What will I do in three days? | 2023-10-26 | 2023-10-27
The trip is in two weeks. | 2023-11-03 | 2023-11-10
I have worked here for 3 years. | 2020-10-23 | 2023-10-24
I have lived in Oslo for six months now. | 2023-04-23 | 2023-10-24
As of November I work at Bosch. | 2023-11-01 | 9999-12-30
As of July I work at Bosch. | 2023-07-01 | 2023-10-24
As of November 2022 I worked at Bosch. | 2022-11-01 | 2023-10-24
From November on I work at Bosch. | 2023-11-01 | 9999-12-30
Starting in May 2024 I study. | 2024-05-01 | 9999-12-30
a year and a half ago | 2022-04-13 | 2022-05-04
two and a half years ago | 2021-04-13 | 2021-05-04
one year and two months ago | 2022-08-13 | 2022-09-03
three weeks and two days ago | 2023-09-30 | 2023-10-01
two weeks from now | 2023-11-03 | 2023-11-10
a week from tomorrow | 2023-10-31 | 2023-11-01
two weeks from Friday | 2023-11-10 | 2023-11-11
What did I do on the first Monday of May 2023? | 2023-05-01 | 2023-05-02
What did I do on the second Sunday of May 2023? | 2023-05-14 | 2023-05-15
What did I do on the last weekend of August? | 2023-08-26 | 2023-08-28
the first week of May 2023 | 2023-05-01 | 2023-05-08
the last day of March 2023 | 2023-03-31 | 2023-04-01
the Sunday after Easter 2023 | 2023-04-16 | 2023-04-17
the Monday before 7 May 2023 | 2023-05-01 | 2023-05-02
the week before last | 2023-10-09 | 2023-10-16
the week after next | 2023-11-06 | 2023-11-13
the weekend before last | 2023-10-14 | 2023-10-16
the Friday before last | 2023-10-13 | 2023-10-14
on Tuesday of last week | 2023-10-17 | 2023-10-18
last week on Tuesday | 2023-10-17 | 2023-10-18
the day after tomorrow | 2023-10-25 | 2023-10-26
in acht Monaten | 2024-06-13 | 2024-07-04
seit drei Jahren | 2020-10-23 | 2023-10-24
ab November | 2023-11-01 | 9999-12-30
vor anderthalb Jahren | 2022-04-13 | 2022-05-04
vor einem Jahr und zwei Monaten | 2022-08-13 | 2022-09-03
vorletzte Woche | 2023-10-09 | 2023-10-16
übernächste Woche | 2023-11-06 | 2023-11-13
am ersten Montag im Mai 2023 | 2023-05-01 | 2023-05-02
übermorgen | 2023-10-25 | 2023-10-26
dans huit mois | 2024-06-13 | 2024-07-04
depuis 3 ans | 2020-10-23 | 2023-10-24
à partir de novembre | 2023-11-01 | 9999-12-30
le premier lundi de mai 2023 | 2023-05-01 | 2023-05-02
dentro de dos semanas | 2023-11-03 | 2023-11-10
a partir de noviembre | 2023-11-01 | 9999-12-30
tra due mesi | 2023-12-13 | 2024-01-03
daqui a dois meses | 2023-12-13 | 2024-01-03
over twee weken | 2023-11-03 | 2023-11-10
vanaf november | 2023-11-01 | 9999-12-30
"""


@pytest.mark.parametrize("line", READ.strip().splitlines())
def test_times_in_several_steps(line: str) -> None:
    text, start, end = (part.strip() for part in line.split("|"))
    (found,) = find_periods(text, now=NOW)
    assert (found.start.date().isoformat(), found.end.date().isoformat()) == (start, end)
    assert found.text
    assert found.text in text


@pytest.mark.parametrize(
    "text",
    [
        "How many kilos did I lose in 8 months?",
        "What did we pay for 3 days of skiing?",
        "We are in two minds.",
        "This is for two people.",
        "As of today's standards",
        "The first of many",
        "half of it, and a half more",
    ],
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert all("today" in found.text for found in find_periods(text, now=NOW))


@given(
    words=st.lists(
        st.sampled_from(
            [
                "in",
                "for",
                "as",
                "of",
                "from",
                "ago",
                "a",
                "half",
                "and",
                "year",
                "years",
                "two",
                "8",
                "first",
                "last",
                "before",
                "after",
                "next",
                "monday",
                "week",
                "may",
                "november",
                "now",
                "2023",
                "until",
                "between",
                "seit",
                "ab",
                "vor",
                "anderthalb",
            ]
        ),
        max_size=14,
    ),
    now=st.datetimes(datetime(2, 1, 5), datetime(9990, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_any_row_of_such_words_is_read_without_an_error(words: list[str], now: datetime) -> None:
    for found in find_periods(" ".join(words), now=now):
        assert found.start < found.end
        assert 0 < found.certainty <= 1
