"""`persistmem worker` as an operator runs it: a process of its own, which loses nothing and doubles nothing."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings
from langchain_persistmem.__main__ import main
from tests.support.material import turns_in
from tests.support.scripted import Scripted, answer, entry

pytestmark = pytest.mark.slow

ChatOpenAI = pytest.importorskip(
    "langchain_openai", reason="langchain-openai is not installed; run: uv sync --all-extras"
).ChatOpenAI

SECRET = "marzipan"
COMMAND = [sys.executable, "-m", "langchain_persistmem", "worker"]


class ModelServer(ThreadingHTTPServer):
    """An OpenAI-compatible server that makes one memory of each message, and can be held up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = threading.Semaphore(0)
        self.calls = 0
        self.free = threading.Event()
        self.free.set()
        self.failing = False

    @property
    def options(self) -> list[str]:
        return ["--model", "scripted", "--base-url", f"http://127.0.0.1:{self.server_address[1]}/v1"]


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls += 1
        self.server.asked.release()
        self.server.free.wait()
        shown = turns_in(request["messages"][-1]["content"])
        said = answer(*[entry(f"The user says: {turn.text}", turn.number) for turn in shown])
        message = {"role": "assistant", "content": json.dumps(said)}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [choice]}
        body = json.dumps(whole).encode()
        try:
            self.send_response(400 if self.server.failing else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # whoever asked is gone
            pass

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield server
        server.free.set()
        server.shutdown()
        serving.join()


@contextmanager
def working(*arguments: str, database: str) -> "Iterator[subprocess.Popen[str]]":
    environment = {**os.environ, "PERSISTMEM_DSN": database}
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(memory: PersistMem, database: str, count: int) -> None:
    """So many threads of conversation wait to be learnt from, and are due: stored by an application with a chat model."""
    chat, settings = Scripted(answers=iter(())), Settings(worker=False)
    with PersistMem.open(database, embeddings=memory.backend._embedder(), model=chat, settings=settings) as application:
        for number in range(count):
            turns = [("user", f"I have {SECRET} number {number}")]
            application.observe(turns, thread_id=f"t{number}", background=True, user_id="ada")
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE persistmem.pending_work SET due_at = now()")


def jobs(database: str) -> list[Any]:
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT lease FROM persistmem.pending_work").fetchall()


def learnt(memory: PersistMem) -> list[str]:
    found = memory.list(limit=1000, user_id="ada")
    assert all(each.confirmations == 0 for each in found)
    return sorted(str(each.text) for each in found)


def expected(count: int) -> list[str]:
    return sorted(f"The user says: I have {SECRET} number {number}" for number in range(count))


@pytest.mark.ci
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_ends_it_soon_and_the_next_one_goes_on_at_once(
    memory: PersistMem, database: str, model: ModelServer, sign: signal.Signals
) -> None:
    told(memory, database, 3)
    model.free.clear()  # the model thinks for longer than anybody waits
    with working(*model.options, database=database) as process:
        model.asked.acquire()
        process.send_signal(sign)
        _, errors = process.communicate(timeout=250)
        assert (process.returncode, errors) == (0, "")
    assert jobs(database) == [(None,)] * 3
    assert learnt(memory) == []
    model.free.set()
    with working(*model.options, "--once", "--json", database=database) as process:
        out, _ = process.communicate(timeout=250)
    assert (json.loads(out)["threads"], json.loads(out)["added"]) == (3, 3)
    assert learnt(memory) == expected(3)
    assert jobs(database) == []


@pytest.mark.ci
def test_two_of_them_at_once_double_nothing_and_say_nothing_of_what_was_said(
    memory: PersistMem, database: str, model: ModelServer
) -> None:
    told(memory, database, 12)
    model.free.clear()
    with (
        working(*model.options, "--limit", "2", database=database) as one,
        working(*model.options, "--limit", "2", "--json", database=database) as other,
    ):
        for _ in range(2):  # both are at work
            model.asked.acquire()
        model.free.set()
        while jobs(database):
            assert one.poll() is other.poll() is None
            time.sleep(0.05)
        for process in (one, other):
            process.terminate()
        said = [process.communicate(timeout=250) for process in (one, other)]
        assert [one.returncode, other.returncode] == [0, 0]
    assert learnt(memory) == expected(12)
    assert model.calls == 12
    assert not any(SECRET in text for pair in said for text in pair)
    rounds = [int(count) for count in re.findall(r" threads (\d+), ", said[0][0])]
    rounds += [json.loads(line)["threads"] for line in said[1][0].splitlines()]
    assert (sum(rounds), 0 in rounds, max(rounds)) == (12, False, 2)


def test_one_round_deals_with_as_many_threads_as_it_may_and_ends(
    memory: PersistMem, database: str, model: ModelServer, capsys: Any
) -> None:
    told(memory, database, 3)
    assert main(["worker", "--once", "--limit", "2", "--dsn", database, *model.options]) == 0
    assert "threads 2, added 2" in capsys.readouterr().out
    assert len(jobs(database)) == 1
    before = signal.getsignal(signal.SIGTERM)
    assert main(["worker", "--once", "--json", "--calls-per-day", "1", "--dsn", database, *model.options]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == 1
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_daily_cap_of_the_worker_holds(memory: PersistMem, database: str, model: ModelServer, capsys: Any) -> None:
    told(memory, database, 2)
    assert main(["worker", "--once", "--json", "--calls-per-day", "1", "--dsn", database, *model.options]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["added"], done["postponed"]) == (1, 1)


def test_the_status_shows_what_waits_what_failed_and_what_is_to_be_reviewed(
    memory: PersistMem, database: str, model: ModelServer, capsys: Any
) -> None:
    def status(*whose: str) -> dict[str, int]:
        capsys.readouterr()
        assert main(["status", "--json", "--dsn", database, *whose]) == 0
        return json.loads(capsys.readouterr().out)["work"]

    rewrites = {"rewrites": 0, "rewrites_failing": 0, "rewrites_rows": 0}
    none = {"pending": 0, "due": 0, "failing": 0, "dead_letters": 0, "review": 0, **rewrites}
    assert status() == none
    told(memory, database, 2)
    assert status() == {**none, "pending": 2, "due": 2}
    model.failing = True
    assert main(["worker", "--once", "--dsn", database, *model.options]) == 0
    assert status("--user", "ada") == {**none, "pending": 2, "failing": 2}
    assert status("--user", "bob") == none
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE persistmem.messages SET given_up_at = now(), failure = 'x' WHERE thread_id = 't0'")
        connection.execute("DELETE FROM persistmem.pending_work WHERE thread_id = 't0'")
    memory.remember("I live in Oslo", key="home", user_id="ada")
    memory.remember("I live in Rome", key="home", source="tool", user_id="ada")
    assert status("--user", "ada") == {**none, "pending": 1, "failing": 1, "dead_letters": 1, "review": 1}
    assert main(["status", "--dsn", database]) == 0
    assert "turns given up" in capsys.readouterr().out


def test_what_cannot_work_is_said_at_once(empty_database: str, database: str, capsys: Any) -> None:
    assert main(["worker", "--dsn", empty_database]) == 1
    assert "setup()" in capsys.readouterr().err
    assert main(["worker", "--once", "--schema", "nowhere:Wish", "--dsn", database]) == 2
    assert "--schema" in capsys.readouterr().err
    assert main(["worker", "--once", "--schema", "tests.support.scripted:Scripted", "--dsn", database]) == 2
    assert "schema" in capsys.readouterr().err


def test_without_a_model_turns_become_memories_as_they_are(memory: PersistMem, database: str, capsys: Any) -> None:
    memory.observe([("user", f"I have {SECRET} number 0")], thread_id="t0", background=True, user_id="ada")
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE persistmem.pending_work SET due_at = now()")
    assert main(["worker", "--once", "--dsn", database]) == 0
    assert "without --model" in capsys.readouterr().out
    assert learnt(memory) == [f"I have {SECRET} number 0"]


async def test_asyncio_memory_that_is_closed_in_the_middle_gives_its_work_back(
    database: str, embeddings: LocalEmbeddings, model: ModelServer
) -> None:
    chat = ChatOpenAI(base_url=model.options[-1], api_key=SecretStr("none"), model="scripted")
    model.free.clear()
    settings = Settings(quiet_seconds=0.0)
    async with PersistMem.aopen(database, embeddings=embeddings, model=chat, settings=settings) as memory:
        await memory.aobserve([("user", "I live in Oslo")], thread_id="t", background=True, user_id="ada")
        await asyncio.to_thread(model.asked.acquire)
    assert jobs(database) == [(None,)]


async def test_closing_right_after_there_was_work_does_not_wait_for_it(
    database: str, embeddings: LocalEmbeddings, model: ModelServer
) -> None:
    chat = ChatOpenAI(base_url=model.options[-1], api_key=SecretStr("none"), model="scripted")
    for turns in range(5):
        async with PersistMem.aopen(database, embeddings=embeddings, model=chat) as memory:
            await asyncio.sleep(0.1)  # the worker has looked, and sleeps
            await memory.aobserve([("user", f"hello {turns}")], thread_id="t", background=True, user_id="ada")
            memory._wake_worker()
            await asyncio.sleep(0)
    assert len(jobs(database)) == 1
