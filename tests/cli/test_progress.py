"""Long work says how far it is: one record from every method, bars on a terminal, plain lines elsewhere."""

import argparse
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import HumanMessage

from langchain_persistmem import Admin, Conversations, History, PersistMem, Privacy, Progress, Review
from langchain_persistmem.cli import progress as shown
from langchain_persistmem.cli import terminal

TURNS = [{"role": "user", "content": f"Box {number} holds {number * 7} marbles."} for number in range(6)]


async def prepare(either: Any, database: str) -> None:
    for user in ("ada", "ben"):
        await either.observe(TURNS, thread_id="t", user_id=user)
    await either.observe(TURNS, thread_id="later", background=True, user_id="ada")
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE persistmem.pending_work SET due_at = now()")


class History450(BaseChatMessageHistory):
    """A chat history of somebody else's, longer than what is learnt from at once."""

    messages = [HumanMessage(f"Number {number}", id=str(number)) for number in range(450)]  # noqa: RUF012

    def add_messages(self, messages: Any) -> None:
        raise NotImplementedError

    def clear(self) -> None:
        raise NotImplementedError


@pytest.mark.own_database
async def test_every_long_method_reports_until_all_is_done(either: Any, database: str, tmp_path: Path) -> None:
    await prepare(either, database)
    file = tmp_path / "ada.jsonl"
    log = await either.privacy.erasures()
    work: dict[str, Callable[..., Any]] = {
        "rows": lambda progress: either.privacy.export(file, progress=progress, user_id="ada"),
        "rows checked": lambda progress: either.privacy.import_file(file, progress=progress, user_id="tom"),
        "threads": lambda progress: either.admin.process_pending(progress=progress),
        "namespaces": lambda progress: either.admin.maintain(progress=progress),
        "checks": lambda progress: either.admin.diagnose(progress=progress),
        "messages": lambda progress: either.conversations.backfill(
            History450(), thread_id="old", progress=progress, user_id="ada"
        ),
    }
    for step, method in work.items():
        seen: list[Progress] = []
        await method(seen.append)
        assert seen[0].step == step
        for name in {progress.step for progress in seen}:
            done = [progress.done for progress in seen if progress.step == name]
            assert done == sorted(done), name
            assert done[-1] == seen[-1].total or name != seen[-1].step, name
        assert seen[-1].done == seen[-1].total, step
    assert log == []


@pytest.mark.own_database
async def test_a_replay_reports_each_namespace(either: Any, database: str) -> None:
    await prepare(either, database)
    seen: list[Progress] = []
    (first, *_) = await either.list(user_id="ada")
    await either.forget([first.key], user_id="ada")
    await either.privacy.replay_erasures(await either.privacy.erasures(), progress=seen.append)
    assert [(progress.step, progress.done, progress.total) for progress in seen] == [("namespaces", 1, 1)]


def test_there_is_one_convention_for_progress() -> None:
    """Every public method that takes ``progress`` takes the same."""
    groups = (PersistMem, Admin, Conversations, History, Privacy, Review)
    found = {
        f"{group.__name__}.{name}": inspect.signature(method).parameters["progress"]
        for group in groups
        for name, method in inspect.getmembers(group, inspect.isfunction)
        if not name.startswith("_") and "progress" in inspect.signature(method).parameters
    }
    assert len(found) >= 20
    assert {(each.annotation, each.default, each.kind) for each in found.values()} == {
        ("Callable[[Progress], object] | None", None, inspect.Parameter.KEYWORD_ONLY)
    }


def test_a_log_gets_a_line_now_and_then_with_an_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.err.cache_clear()
    moments = iter([0.0, 1.0, 4.0, 12.0, 13.0, 30.0, 31.0])
    lines = shown.PlainLines(clock=lambda: next(moments))
    for done in (10, 20, 60, 70, 150):
        lines(Progress(step="rows", done=done, total=200))
    lines(Progress(step="checks", done=1))
    shown_lines = capsys.readouterr().err.splitlines()
    assert shown_lines == ["rows: 60 of 200 (30 %), about 26 s left", "rows: 150 of 200 (75 %), about 10 s left"]
    terminal.err.cache_clear()


@pytest.mark.parametrize(
    ("progress", "seconds", "line"),
    [
        (Progress(step="rows", done=5), 60, "rows: 5"),
        (Progress(step="rows", done=0, total=0), 60, "rows: 0 of 0 (100 %)"),
        (Progress(step="rows", done=0, total=9), 60, "rows: 0 of 9 (0 %)"),
        (Progress(step="rows", done=1_000, total=61_000), 10, "rows: 1,000 of 61,000 (2 %), about 10 min left"),
    ],
)
def test_a_line_says_only_what_is_known(progress: Progress, seconds: float, line: str) -> None:
    assert shown.line_of(progress, seconds=seconds) == line


def test_for_a_program_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.err.cache_clear()
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    with shown.show_progress(argparse.Namespace(json=True)) as report:
        assert isinstance(report, shown.PlainLines)
    with shown.show_progress(argparse.Namespace(json=False)) as report:
        assert not isinstance(report, shown.PlainLines)
        report(Progress(step="rows", done=1, total=2))
    terminal.err.cache_clear()
