"""A question's times are read as a person reads them, in several languages, and nothing that is no time is taken for one."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_persistmem.language.calendar.calendar_arithmetic import feast
from langchain_persistmem.language.calendar.time_expressions import LONGEST, find_periods

NOW = datetime(2023, 10, 23, 10, 2, tzinfo=UTC)
"""A Monday."""

READ = """
What did Caroline do on 7 May 2023? | 2023-05-07 | 2023-05-08
What did Caroline do on 7 May? | 2023-05-07 | 2023-05-08
What did Caroline do on May 7th? | 2023-05-07 | 2023-05-08
What did Caroline do on May 7th, 2023? | 2023-05-07 | 2023-05-08
What did Caroline do on the 7th of May? | 2023-05-07 | 2023-05-08
What did Caroline do on 7th May, 2022? | 2022-05-07 | 2022-05-08
What did Caroline do on 2023-05-07? | 2023-05-07 | 2023-05-08
What did Caroline do on 2023/5/7? | 2023-05-07 | 2023-05-08
What did Caroline do on 7.5.2023? | 2023-05-07 | 2023-05-08
What did Caroline do on 05/07/2023? | 2023-05-07 | 2023-05-08
What did Caroline do on 25/07/2023? | 2023-07-25 | 2023-07-26
What did Caroline do on 7.5.23? | 2023-05-07 | 2023-05-08
What was planned in 2023-05? | 2023-05-01 | 2023-06-01
What did I say on 24 December? | 2022-12-24 | 2022-12-25
What did I say on 3-7 May 2023? | 2023-05-03 | 2023-05-08
What did I say from 3 to 7 May? | 2023-05-03 | 2023-05-08
Where was I between 3 and 7 May 2022? | 2022-05-03 | 2022-05-08
Where was I on Feb 29 2020? | 2020-02-29 | 2020-03-01
Where was I on Feb 29? | 2020-02-29 | 2020-03-01
What happened in March? | 2023-03-01 | 2023-04-01
What happened in November? | 2022-11-01 | 2022-12-01
What happened in may? | 2023-05-01 | 2023-06-01
What happened in Jan 2021? | 2021-01-01 | 2021-02-01
What happened in July of 2022? | 2022-07-01 | 2022-08-01
What happened last March? | 2023-03-01 | 2023-04-01
What happens next March? | 2024-03-01 | 2024-04-01
What did we do in 2022? | 2022-01-01 | 2023-01-01
What did we do last year? | 2022-01-01 | 2023-01-01
What did we do this year? | 2023-01-01 | 2024-01-01
What did we do last month? | 2023-09-01 | 2023-10-01
What did we do last week? | 2023-10-16 | 2023-10-23
What did we do this week? | 2023-10-23 | 2023-10-30
What will we do next week? | 2023-10-30 | 2023-11-06
What did we do last weekend? | 2023-10-21 | 2023-10-23
What did we do last night? | 2023-10-22 | 2023-10-24
What did we do yesterday? | 2023-10-22 | 2023-10-23
What did we do the day before yesterday? | 2023-10-21 | 2023-10-22
What do we do today? | 2023-10-23 | 2023-10-24
What do we do tomorrow? | 2023-10-24 | 2023-10-25
What did I buy last Tuesday? | 2023-10-17 | 2023-10-18
What did I buy on Tuesday? | 2023-10-17 | 2023-10-18
What did I buy on Monday? | 2023-10-16 | 2023-10-17
What will I buy on Friday? | 2023-10-27 | 2023-10-28
What did I cook three days ago? | 2023-10-20 | 2023-10-21
What did I cook a week ago? | 2023-10-13 | 2023-10-20
What did I cook two weeks ago? | 2023-10-06 | 2023-10-13
What did I cook 2 weeks ago? | 2023-10-06 | 2023-10-13
What did I cook a couple of weeks ago? | 2023-10-04 | 2023-10-15
What did I cook a month ago? | 2023-09-08 | 2023-10-09
Where did I live two years ago? | 2021-04-24 | 2022-04-24
What did I cook in the past two weeks? | 2023-10-09 | 2023-10-24
What did I cook in the last 3 days? | 2023-10-20 | 2023-10-24
What did I cook the past month? | 2023-09-23 | 2023-10-24
What did I do last spring? | 2023-03-01 | 2023-06-01
What did I do last summer? | 2023-06-01 | 2023-09-01
What did I do this summer? | 2023-06-01 | 2023-09-01
What did I do in the summer of 2021? | 2021-06-01 | 2021-09-01
What did I do last winter? | 2022-12-01 | 2023-03-01
What did I do in the fall? | 2023-09-01 | 2023-12-01
What did I do last fall? | 2022-09-01 | 2022-12-01
What did I cook around Christmas? | 2022-12-24 | 2022-12-27
What did I cook at Easter 2023? | 2023-04-07 | 2023-04-11
What did I wear on Halloween? | 2022-10-31 | 2022-11-01
What did I cook for Thanksgiving 2022? | 2022-11-24 | 2022-11-25
Where was I on New Year's Eve? | 2022-12-31 | 2023-01-02
Which trips were between June and August? | 2023-06-01 | 2023-09-01
Which trips were between June and August 2022? | 2022-06-01 | 2022-09-01
Which trips were between November and February? | 2022-11-01 | 2023-03-01
Which trips from May 2021 to July 2022 were good? | 2021-05-01 | 2022-08-01
What was between 2023-05-01 and 2023-06-10? | 2023-05-01 | 2023-06-11
What have I read since March? | 2023-03-01 | 2023-10-24
What had I read before May 2023? | 0001-01-02 | 2023-05-01
What had I read until May 2023? | 0001-01-02 | 2023-06-01
What did I read after Christmas? | 2022-12-27 | 2023-10-24
What did I do two weeks before 7 May 2023? | 2023-04-20 | 2023-04-27
What did I do the week after 7 May 2023? | 2023-05-11 | 2023-05-18
What did I do one day before 1 March 2023? | 2023-02-28 | 2023-03-01
Was habe ich am 7. Mai gesagt? | 2023-05-07 | 2023-05-08
Was habe ich am 7. Mai 2022 gesagt? | 2022-05-07 | 2022-05-08
Was war vor zwei Wochen? | 2023-10-06 | 2023-10-13
Was war letzte Woche? | 2023-10-16 | 2023-10-23
Was war letzten Dienstag? | 2023-10-17 | 2023-10-18
Was war im Sommer 2022? | 2022-06-01 | 2022-09-01
Was war zwischen Juni und August? | 2023-06-01 | 2023-09-01
Was war gestern? | 2023-10-22 | 2023-10-23
Was war vorgestern? | 2023-10-21 | 2023-10-22
Was ist seit März neu? | 2023-03-01 | 2023-10-24
Was war letztes Jahr? | 2022-01-01 | 2023-01-01
Was war an Weihnachten? | 2022-12-24 | 2022-12-27
Qu'est-ce que j'ai fait hier ? | 2023-10-22 | 2023-10-23
Qu'est-ce que j'ai fait avant-hier ? | 2023-10-21 | 2023-10-22
Qu'ai-je dit la semaine dernière ? | 2023-10-16 | 2023-10-23
Qu'ai-je dit il y a deux semaines ? | 2023-10-06 | 2023-10-13
Qu'ai-je dit le 7 mai 2023 ? | 2023-05-07 | 2023-05-08
Qu'ai-je dit en mars ? | 2023-03-01 | 2023-04-01
Qu'ai-je dit mardi dernier ? | 2023-10-17 | 2023-10-18
Qu'ai-je dit entre juin et août ? | 2023-06-01 | 2023-09-01
Qu'ai-je dit l'année dernière ? | 2022-01-01 | 2023-01-01
Où étais-je pendant l'été 2022 ? | 2022-06-01 | 2022-09-01
¿Qué hice el 7 de mayo de 2023? | 2023-05-07 | 2023-05-08
¿Qué hice hace dos semanas? | 2023-10-06 | 2023-10-13
¿Qué hice el mes pasado? | 2023-09-01 | 2023-10-01
¿Qué hice el martes pasado? | 2023-10-17 | 2023-10-18
¿Qué hice en marzo? | 2023-03-01 | 2023-04-01
¿Qué hice ayer? | 2023-10-22 | 2023-10-23
¿Qué hice la primavera pasada? | 2023-03-01 | 2023-06-01
Che cosa ho fatto due settimane fa? | 2023-10-06 | 2023-10-13
Che cosa ho fatto la settimana scorsa? | 2023-10-16 | 2023-10-23
Che cosa ho fatto il 7 maggio? | 2023-05-07 | 2023-05-08
Che cosa ho fatto lunedì scorso? | 2023-10-16 | 2023-10-17
Che cosa ho fatto ieri? | 2023-10-22 | 2023-10-23
O que fiz em março? | 2023-03-01 | 2023-04-01
O que fiz na semana passada? | 2023-10-16 | 2023-10-23
O que fiz há duas semanas? | 2023-10-06 | 2023-10-13
O que fiz duas semanas atrás? | 2023-10-06 | 2023-10-13
O que fiz segunda-feira passada? | 2023-10-16 | 2023-10-17
O que fiz ontem? | 2023-10-22 | 2023-10-23
Wat deed ik vorige week? | 2023-10-16 | 2023-10-23
Wat deed ik twee weken geleden? | 2023-10-06 | 2023-10-13
Wat deed ik op 7 mei? | 2023-05-07 | 2023-05-08
Wat deed ik afgelopen dinsdag? | 2023-10-17 | 2023-10-18
Wat deed ik gisteren? | 2023-10-22 | 2023-10-23
2023年5月7日我说了什么？ | 2023-05-07 | 2023-05-08
2023年5月我说了什么？ | 2023-05-01 | 2023-06-01
2022年我说了什么？ | 2022-01-01 | 2023-01-01
5月7日に何を言った？ | 2023-05-07 | 2023-05-08
12月我做了什么？ | 2022-12-01 | 2023-01-01
昨天我吃了什么？ | 2023-10-22 | 2023-10-23
前天我吃了什么？ | 2023-10-21 | 2023-10-22
上周我吃了什么？ | 2023-10-16 | 2023-10-23
上周末我做了什么？ | 2023-10-21 | 2023-10-23
上周五我做了什么？ | 2023-10-20 | 2023-10-21
三天前我做了什么？ | 2023-10-20 | 2023-10-21
两周前我做了什么？ | 2023-10-06 | 2023-10-13
去年我做了什么？ | 2022-01-01 | 2023-01-01
先月何をした？ | 2023-09-01 | 2023-10-01
先週の金曜日に何をした？ | 2023-10-20 | 2023-10-21
2022年の夏に何をした？ | 2022-06-01 | 2022-09-01
지난주에 뭐 했지? | 2023-10-16 | 2023-10-23
어제 뭐 했지? | 2023-10-22 | 2023-10-23
"""
NOT_A_TIME = """
What may Ada have said?
Who may come?
Who is April's brother?
What did June paint?
Did they march to the town hall?
Who had to fall?
Which spring water do I like?
How many years did I study?
How many days a week do I run?
I have 3 cats and 2000 dollars
My room is 2022
Is 99/99/9999 a date?
Is 2023-13-45 one?
Did it take 7260.5 seconds?
The price was 1999.5
Call 0041 79 123 45 67
Who won 3-1?
Which version is 1.2.3.4?
Wer wohnt hier?
Was mache ich an Sonntagen?
What do we do on Sundays?
Mes amis sont là
Je suis allé au bal masqué
Il fait beau
La segunda casa es mía
tea
我喜欢茶
"""


def cases(table: str) -> list[list[str]]:
    return [[part.strip() for part in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize(("text", "first", "end"), cases(READ))
def test_a_time_is_read(text: str, first: str, end: str) -> None:
    found = find_periods(text, now=NOW)
    assert [(each.start.date().isoformat(), each.end.date().isoformat()) for each in found] == [(first, end)]
    assert 0 < found[0].certainty <= 1
    assert found[0].text in text


@pytest.mark.parametrize("text", NOT_A_TIME.strip().splitlines())
def test_what_is_no_time_is_not_taken_for_one(text: str) -> None:
    assert find_periods(text, now=NOW) == ()


def test_several_times_are_several_periods() -> None:
    found = find_periods("What did I do on 7 May and two weeks before that, or in 2021?", now=NOW)
    starts = [each.start.date().isoformat() for each in found]
    assert starts == ["2023-05-07", "2023-04-20", "2021-01-01"]


def test_what_is_certain_is_told_from_what_is_not() -> None:
    certainty = [
        find_periods(text, now=NOW)[0].certainty
        for text in ("on 7 May 2023", "in March", "on Tuesday", "after Christmas", "What is there today?")
    ]
    assert certainty == sorted(certainty, reverse=True)
    assert certainty[0] == 1.0


def test_a_day_begins_at_midnight_of_the_asker() -> None:
    zone = timezone(timedelta(hours=9))
    (found,) = find_periods("yesterday", now=datetime(2023, 10, 23, 1, tzinfo=zone))
    assert found.start == datetime(2023, 10, 22, tzinfo=zone)
    assert found.end - found.start == timedelta(days=1)


@pytest.mark.parametrize(("year", "sunday"), [(2019, "04-21"), (2023, "04-09"), (2024, "03-31"), (2038, "04-25")])
def test_easter_is_when_it_is(year: int, sunday: str) -> None:
    assert (feast("easter", year)[0] + timedelta(days=2)).isoformat() == f"{year}-{sunday}"


WORDS = [
    "two",
    "weeks",
    "ago",
    "before",
    "after",
    "since",
    "between",
    "and",
    "last",
    "next",
    "the",
    "of",
    "in",
    "may",
    "march",
    "spring",
    "Christmas",
    "Tuesday",
    "7",
    "31",
    "2023",
    "0",
    "29",
    "February",
    "year",
    "day",
    "weekend",
    "that",
    "hier",
    "vor",
    "mes",
    "2023-05-07",
    "3/4/5",
    "年",
    "月",
    "5月",
    "昨天",
    ".",
    ",",
    "-",
    "until",
    "new",
    "eve",
    "9999",
    "1900",
]
moments = st.datetimes(timezones=st.just(UTC))


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)), moments)
def test_any_text_at_any_time_has_periods_that_are_in_order(text: str, now: datetime) -> None:
    for each in find_periods(text, now=now):
        assert each.start < each.end
        assert 0 < each.certainty <= 1


@pytest.mark.parametrize(
    "unit", ["two weeks ago in May 2023 and ", "1", "1 ", "the ", "年月日1", "before ", "-", "7 to "]
)
def test_a_long_text_costs_no_more_than_its_beginning(unit: str) -> None:
    long = (unit * 20_000)[:20_000]
    assert find_periods(long, now=NOW) == find_periods(long[:LONGEST], now=NOW)
