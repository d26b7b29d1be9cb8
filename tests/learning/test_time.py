"""Dates are those of the sender's clock, exact as far as they are known, and in one time zone wherever they are written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import psycopg
import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from langchain_persistmem import (
    ConfigurationError,
    InvalidInputError,
    MemoryState,
    PersistMem,
    extract_memory,
    load_memory,
)
from langchain_persistmem.types.moments import at_offset, check_zone
from tests.support.scripted import answer, entry

EVENING = "2026-06-01T21:30:00-04:00"
"""The second of June in UTC."""


def said(text: str, when: str = EVENING) -> HumanMessage:
    return HumanMessage(text, additional_kwargs={"timestamp": when})


@pytest.fixture
def plain(opened: Callable[..., PersistMem]) -> PersistMem:
    return opened(with_model=False)


async def test_the_senders_offset_is_kept_with_message_and_memory(either: Any, database: str) -> None:
    await either.observe([said("The dentist is tomorrow at ten.")], thread_id="t", user_id="ada")
    (memory,) = await either.list(user_id="ada")
    assert (memory.utc_offset, memory.valid_from.isoformat()) == (-240, EVENING)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT utc_offset FROM persistmem.messages").fetchall() == [(-240,)]
    (found,) = await either.recall("When is the dentist?", user_id="ada")
    assert found.memory.valid_from.date().isoformat() == "2026-06-01"


def test_a_server_that_runs_in_utc_tells_no_offset(plain: PersistMem) -> None:
    plain.observe([("user", "I like the sea a lot.")], thread_id="t", user_id="ada")
    assert plain.list(user_id="ada")[0].utc_offset is None
    local = datetime(2026, 6, 1, 21, 30, tzinfo=timezone(timedelta(hours=-4)))
    plain.observe([("user", "I like the hills a lot.")], thread_id="t", now=local, user_id="ada")
    assert {each.utc_offset for each in plain.list(user_id="ada")} == {None, -240}


@pytest.mark.parametrize(
    ("options", "day"),
    [
        ({}, "2026-06-01"),
        ({"time_zone": "Europe/Oslo"}, "2026-06-02"),
        ({"time_zone": UTC}, "2026-06-02"),
        ({"now": datetime.fromisoformat("2026-06-01T22:00:00-04:00")}, "2026-06-01"),
        ({"now": datetime.fromisoformat("2026-06-02T02:00:00+00:00")}, "2026-06-02"),
        ({"now": datetime.fromisoformat("2026-06-02T02:00:00+00:00"), "time_zone": "America/New_York"}, "2026-06-01"),
        ({"messages": [said("When is the dentist?", "2026-06-03T09:00:00+02:00")]}, "2026-06-02"),
    ],
)
@pytest.mark.parametrize("form", ["sections", "prose", "json"])
def test_a_context_has_one_time_zone(options: Any, day: str, form: Any, plain: PersistMem) -> None:
    plain.observe([said("The dentist is tomorrow at ten.")], thread_id="t", user_id="ada")
    text = plain.context("When is the dentist?", form=form, user_id="ada", **options).text
    assert day in text
    assert len({each for each in ("2026-06-01", "2026-06-02") if each in text}) == 1


def test_yesterday_is_that_of_the_zone(plain: PersistMem) -> None:
    for hour, food in ((3, "soup"), (20, "curry")):
        plain.observe(
            [said(f"I had {food} for a meal.", f"2026-06-02T{hour:02}:00:00+00:00")], thread_id=food, user_id="ada"
        )
    now = datetime(2026, 6, 2, 23, tzinfo=UTC)
    explained = plain.context(
        "What did I have yesterday?", time_zone="America/New_York", now=now, explain=True, user_id="ada"
    )
    assert explained.explanation is not None
    (period,) = explained.explanation.interpretation.periods
    assert period.start.isoformat() == "2026-06-01T00:00:00-04:00"
    assert explained.recollections[0].text in ("I had soup for a meal.", "I had curry for a meal.")
    (first, *_) = plain.recall(
        "What did I have yesterday?", now=now.astimezone(check_zone("America/New_York", "zone")), user_id="ada"
    )
    assert first.text == "I had soup for a meal."


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "x" * 1000, 7, b"UTC", "UTC\x00"])
def test_what_is_no_time_zone_is_refused_by_name(zone: Any, plain: PersistMem) -> None:
    with pytest.raises(InvalidInputError, match="time_zone"):
        plain.context("When is the dentist?", time_zone=zone, user_id="ada")
    with pytest.raises(ConfigurationError, match="time_zone"):
        load_memory(plain, time_zone=zone)
    with pytest.raises(ConfigurationError, match="time_zone"):
        extract_memory(plain, time_zone=zone)


def run(memory: PersistMem, text: str, configurable: dict[str, Any], **options: Any) -> dict[str, Any]:
    graph: Any = StateGraph(MemoryState)
    graph.add_node("load", load_memory(memory, on_error="raise", **options))
    graph.add_node("learn", extract_memory(memory, background=False, on_error="raise", **options))
    graph.add_edge(START, "load")
    graph.add_edge("load", "learn")
    graph.add_edge("learn", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t", "user_id": "ada", **configurable}}
    return compiled.invoke({"messages": [HumanMessage(text)]}, config)


def clock() -> datetime:
    return datetime(2026, 6, 2, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("configurable", "options"),
    [
        ({"time_zone": "America/New_York"}, {}),
        ({}, {"time_zone": "America/New_York"}),
        ({"time_zone": "America/New_York"}, {"time_zone": "UTC"}),
    ],
)
def test_nodes_have_the_zone_of_the_run_and_a_clock(configurable: Any, options: Any, plain: PersistMem) -> None:
    run(plain, "The dentist is tomorrow at ten.", configurable, now=clock, **options)
    (memory,) = plain.list(user_id="ada")
    assert (memory.utc_offset, memory.valid_from.isoformat()) == (-240, EVENING)
    state = run(plain, "When is the dentist?", {**configurable, "thread_id": "u"}, now=clock, **options)
    assert "2026-06-01" in state["memory_context"]


def test_middleware_has_the_zone_of_the_run(plain: PersistMem) -> None:
    agents = pytest.importorskip("langchain.agents")
    from langchain_persistmem import PersistMemMiddleware
    from tests.support.scripted_model import Scripted

    model = Scripted(answers=["Fine."])
    memories = PersistMemMiddleware(plain, background=False, now=clock, on_error="raise")
    agent = agents.create_agent(model, middleware=[memories])
    run_of = {"thread_id": "t", "user_id": "ada", "time_zone": "America/New_York"}
    agent.invoke({"messages": "The dentist is tomorrow at ten."}, {"configurable": run_of})
    assert [each.utc_offset for each in plain.list(user_id="ada")] == [-240]
    agent.invoke({"messages": "When is the dentist?"}, {"configurable": {**run_of, "thread_id": "u"}})
    assert "2026-06-01" in str(model.requests[-1])


@pytest.mark.parametrize(
    ("date", "text", "precision", "day", "written"),
    [
        ("2026-05-27", "The user ran a race on 2026-05-27.", "day", "2026-05-27", "2026-05-27:"),
        ("2026-05", "The user ran a race in May 2026.", "month", "2026-05-01", "2026-05:"),
        ("2024", "The user ran a race in 2024.", "year", "2024-01-01", "2024:"),
        ("~2026-05-27", "The user ran a race around 2026-05-27.", "about", "2026-05-27", "about 2026-05-27:"),
        ("", "The user ran a race.", "told", "2026-06-01", "told on 2026-06-01:"),
        ("soon", "The user runs a race soon.", "told", "2026-06-01", "told on 2026-06-01:"),
        ("2026-13-40", "The user runs a race.", "told", "2026-06-01", "told on 2026-06-01:"),
        ("", "The user ran a race in May 2025.", "month", "2025-05-01", "2025-05:"),
        ("2026-06-01", "The user ran a race on 2026-06-01.", "day", "2026-06-01", "2026-06-01:"),
    ],
)
def test_an_event_has_the_date_that_is_known_and_no_other(
    date: str, text: str, precision: str, day: str, written: str, opened: Callable[..., PersistMem]
) -> None:
    memory = opened(answer(entry(text, 1, type="event", date=date)))
    memory.observe([said("I ran a race")], thread_id="t", user_id="ada")
    (event,) = memory.list(user_id="ada")
    assert (event.date_precision, event.valid_from.date().isoformat()) == (precision, day)
    assert event.told_at is not None
    assert event.told_at.isoformat() == EVENING
    assert f"\n{written}\n" in memory.context("Which race did the user run?", user_id="ada").text


def test_the_model_is_shown_the_senders_day(opened: Callable[..., PersistMem]) -> None:
    shown: list[str] = []

    def given(messages: Any) -> Any:
        shown.append(messages[1][1])
        return answer()

    memory = opened(answer(entry("The user drank tea.", 1, type="event", date="2026-06-01")), given)
    memory.observe([said("I drank tea")], thread_id="t", user_id="ada")
    memory.observe([said("I drank tea and more", "2026-06-02T21:30:00-04:00")], thread_id="t", user_id="ada")
    assert "\nk1 2026-06-01 The user drank tea.\n" in shown[0]
    assert "\nTuesday 2026-06-02\n1 user: I drank tea and more\n" in shown[0]


def test_the_day_that_is_asked_for_comes_before_its_neighbours(plain: PersistMem) -> None:
    now = datetime(2026, 11, 29, 20, tzinfo=UTC)
    foods = ["soup", "pasta", "pizza", "curry", "sushi", "stew", "salad", "tacos", "ramen", "falafel"]
    for back, food in enumerate(foods):
        day = (now - timedelta(days=back)).replace(hour=12)
        plain.observe([said(f"I had {food} for lunch.", day.isoformat())], thread_id=f"t{back}", user_id="ada")
    for back, food in enumerate(foods):
        question = f"What did I have for lunch on {now - timedelta(days=back):%B %d}?"
        assert plain.recall(question, now=now, user_id="ada")[0].text == f"I had {food} for lunch."


def test_offsets_are_safe_at_the_ends_of_the_calendar() -> None:
    first = datetime.min.replace(tzinfo=UTC)
    assert at_offset(first, -60) == first
    assert at_offset(datetime(2026, 1, 1, tzinfo=UTC), None).tzinfo is UTC


class _Failing(tzinfo):
    def utcoffset(self, dt: datetime | None, /) -> timedelta:
        return timedelta(hours=1)

    def dst(self, dt: datetime | None, /) -> None:
        return None

    def tzname(self, dt: datetime | None, /) -> str:
        return "failing"


def test_a_time_zone_that_fails_is_refused_by_the_name_of_its_argument() -> None:
    with pytest.raises(InvalidInputError, match=r"^timezone fails as a time zone"):
        check_zone(_Failing(), "timezone")
