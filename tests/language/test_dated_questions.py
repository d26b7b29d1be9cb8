"""Questions as people put them: the time of each is read as a person reads it."""

from datetime import UTC, datetime

import pytest

from langchain_persistmem.language.calendar.time_expressions import find_periods

NOW = datetime(2024, 5, 15, 12, tzinfo=UTC)
"""A Wednesday."""

READ = """
As of last summer, which car did I drive? | 2023-06-01 | 2024-05-16
What did I do two weeks after last Easter? | 2024-04-12 | 2024-04-19
What did I do the Sunday after last Easter? | 2024-04-07 | 2024-04-08
What did I tell you this morning? | 2024-05-15 | 2024-05-16
What happened on the 3rd of last month? | 2024-04-03 | 2024-04-04
What did I do on the 10th? | 2024-05-10 | 2024-05-11
What did I do on the 20th? | 2024-04-20 | 2024-04-21
What did I do in the first half of 2023? | 2023-01-01 | 2023-07-01
What did I do in the second half of last year? | 2023-07-01 | 2024-01-01
What did I do in the second quarter of 2023? | 2023-04-01 | 2023-07-01
What did I read in Q3 2023? | 2023-07-01 | 2023-10-01
What did I do half a year ago? | 2023-11-05 | 2023-11-26
How was my summer two years ago? | 2022-06-01 | 2022-09-01
What did I do in May last year? | 2023-05-01 | 2023-06-01
What did I do last year in May? | 2023-05-01 | 2023-06-01
What did I do at Easter two years ago? | 2022-04-15 | 2022-04-19
What have I done since May last year? | 2023-05-01 | 2024-05-16
What did I do in early 2022? | 2022-01-01 | 2023-01-01
What did I do on Valentine's Day? | 2024-02-14 | 2024-02-15
What did I do three days before last Christmas? | 2023-12-21 | 2023-12-22
Was habe ich zwei Wochen nach Ostern gemacht? | 2024-04-12 | 2024-04-19
Was habe ich am Tag vor Weihnachten gemacht? | 2023-12-23 | 2023-12-24
Was war im ersten Halbjahr 2023? | 2023-01-01 | 2023-07-01
Was war im dritten Quartal des letzten Jahres? | 2023-07-01 | 2023-10-01
Was war vor einem halben Jahr? | 2023-11-05 | 2023-11-26
Was habe ich letztes Jahr im Mai gemacht? | 2023-05-01 | 2023-06-01
Qu'ai-je fait ce matin ? | 2024-05-15 | 2024-05-16
Qu'ai-je fait au premier trimestre de 2023 ? | 2023-01-01 | 2023-04-01
Qu'ai-je lu en été il y a deux ans ? | 2022-06-01 | 2022-09-01
¿Qué hice dos semanas después de Semana Santa? | 2024-04-12 | 2024-04-19
¿Qué hago desde hace tres años? | 2021-05-15 | 2024-05-16
¿Qué pasó el 3 del mes pasado? | 2024-04-03 | 2024-04-04
Cosa ho fatto l'altro ieri? | 2024-05-13 | 2024-05-14
Cosa faccio da tre anni? | 2021-05-15 | 2024-05-16
Wat deed ik twee weken na Pasen? | 2024-04-12 | 2024-04-19
Wat doe ik al drie jaar? | 2021-05-15 | 2024-05-16
八个月后我做什么？ | 2025-01-01 | 2025-02-01
八ヶ月後に何をしますか？ | 2025-01-01 | 2025-02-01
8개월 후에 뭐 할까요? | 2025-01-01 | 2025-02-01
"""

NO_TIMES = """
Which room is on the 10th floor?
What did I get for my 30th birthday?
Was the 3rd attempt better?
Should I take half a bottle?
Who won the first half?
What is in the second quarter of the city?
Have I seen half of it?
"""


@pytest.mark.parametrize("line", READ.strip().splitlines())
def test_the_time_of_a_question_is_read_as_a_person_reads_it(line: str) -> None:
    text, start, end = line.split(" | ")
    found = [(each.start.date().isoformat(), each.end.date().isoformat()) for each in find_periods(text, now=NOW)]
    assert found == [(start, end)]


@pytest.mark.parametrize("text", NO_TIMES.strip().splitlines())
def test_a_number_or_a_half_of_something_else_is_no_time(text: str) -> None:
    assert find_periods(text, now=NOW) == ()
