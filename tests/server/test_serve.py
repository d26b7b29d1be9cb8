"""The commands serve and token in processes of their own, and the examples of the pages, in three languages, against them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from langchain_persistmem import PersistMem
from langchain_persistmem.__main__ import main
from tests.server.walk import ADA, BEA, KEY, OPERATOR, SECRET, bearer

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-over-http.md"
SERVE = (sys.executable, "-u", "-m", "langchain_persistmem", "serve", "--port", "0")

pytestmark = pytest.mark.slow

Start = Callable[..., "Served"]


class Served:
    """A server in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.login = self.next_login()
        self.base = self.login.partition("/login")[0]

    def next_login(self) -> str:
        """Wait for the next address that it prints."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if "/login?token=" in line:
                return line.strip()
        raise AssertionError("\n".join(self.lines))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def start(database: str) -> Iterator[Start]:
    """Starts the server on the test's database, with a key unless it is to have none."""
    begun: list[subprocess.Popen[str]] = []

    def start_server(*options: str, key: str | None = KEY) -> Served:
        environment = {**os.environ, "PERSISTMEM_DSN": database} | (
            {} if key is None else {"PERSISTMEM_SERVER_KEY": key}
        )
        process = subprocess.Popen(
            [*SERVE, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        begun.append(process)
        return Served(process)

    yield start_server
    for process in begun:
        process.kill()
        process.communicate()


def test_it_prints_an_address_that_opens_one_session_and_then_the_next(start: Start, memory: PersistMem) -> None:
    memory.remember(SECRET, user_id="bea")
    served = start(key=None)
    assert served.base.startswith("http://127.0.0.1:")
    with httpx.Client(follow_redirects=True) as browser, httpx.Client() as other:
        assert browser.get(served.login).status_code == 200
        assert browser.get(f"{served.base}/v1/people").json()[0]["user_id"] == "bea"
        assert other.get(served.login).status_code == 401
        assert other.get(f"{served.base}/v1/people").status_code == 401
        following = served.next_login()
        assert following != served.login
        assert other.get(following).status_code == 303
        elsewhere = browser.get(f"{served.base}/v1/people", headers={"Host": "evil.example"})
        assert elsewhere.status_code == 400
    assert served.end() == 0
    assert not [line for line in served.lines if "GET" in line or "emerald" in line]


def test_for_a_person_it_shows_that_person_alone_and_read_only_changes_nothing(
    start: Start, memory: PersistMem
) -> None:
    memory.remember(SECRET, user_id="bea")
    memory.remember("I live in Oslo.", user_id="ada")
    served = start("--user", "ada", "--read-only")
    with httpx.Client(base_url=served.base) as browser:
        browser.get(served.login)
        assert [found["text"] for found in browser.get("/v1/memories").json()] == ["I live in Oslo."]
        assert browser.get("/v1/people").status_code == 403
        assert browser.get("/v1/memories", params={"user_id": "bea"}).status_code == 403
        assert browser.post("/v1/remember", json={"text": "x"}, headers=bearer(ADA)).status_code == 403
    assert served.end(signal.SIGINT) == 0


def test_a_token_of_the_command_serves_programs_in_two_languages_who_share_a_memory(
    start: Start, memory: PersistMem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERSISTMEM_SERVER_KEY", KEY)
    assert main(["token", "--user", "maya", "--days", "2"]) == 0
    token = capsys.readouterr().out.strip()
    served = start()
    environment = {**os.environ, "MEMORY": served.base, "TOKEN": token}
    outputs: dict[str, str] = {}
    for language, text in re.findall(
        r"^```(bash|javascript|py)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    ):
        program = {
            "bash": ["bash", "-e", "-c"],
            "javascript": ["node", "--input-type=module", "-e"],
            "py": [sys.executable, "-c"],
        }[language]
        if shutil.which(program[0]) is None:
            continue
        ran = subprocess.run(
            [*program, text], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert ran.returncode == 0, (language, ran.stderr)
        outputs[language] = ran.stdout
    assert "py" in outputs
    assert "I moved to Bergen." in outputs["py"]
    if "bash" in outputs:
        assert outputs["bash"].count("I live in Oslo.") >= 3
        assert "I live in Oslo." in outputs["py"]
    if "javascript" in outputs:
        assert "Lina starts school" in outputs["javascript"]
        assert "Lina starts school" in outputs["py"]
    assert memory.get("city", user_id="maya").pinned
    served.end()


def test_tokens_are_for_a_person_or_an_operator_and_need_the_servers_key(
    start: Start, memory: PersistMem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PERSISTMEM_SERVER_KEY", raising=False)
    assert main(["token", "--user", "ada"]) == 1
    assert "PERSISTMEM_SERVER_KEY" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["token"])
    with pytest.raises(SystemExit):
        main(["token", "--user", "ada", "--operator", "ops"])
    monkeypatch.setenv("PERSISTMEM_SERVER_KEY", KEY)
    capsys.readouterr()
    assert main(["token", "--operator", "ops", "--read-only"]) == 0
    token = capsys.readouterr().out.strip()
    memory.remember(SECRET, user_id="bea")
    served = start()
    with httpx.Client(base_url=served.base, headers={"Authorization": f"Bearer {token}"}) as program:
        assert program.get("/v1/people").json()[0]["user_id"] == "bea"
        assert program.post("/v1/remember", params={"user_id": "bea"}, json={"text": "x"}).status_code == 403
    with httpx.Client(base_url=served.base) as program:
        assert program.get("/v1/people", headers=bearer(OPERATOR, key=KEY[::-1])).status_code == 401
        assert program.get("/v1/memories", headers=bearer(BEA)).json()[0]["text"] == SECRET
    served.end()


def test_a_port_in_use_and_an_open_address_without_a_key_are_refused(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERSISTMEM_DSN", database)
    monkeypatch.delenv("PERSISTMEM_SERVER_KEY", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    assert "--port" in capsys.readouterr().err
    assert main(["serve", "--host", "0.0.0.0"]) == 1
    assert "PERSISTMEM_SERVER_KEY" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["serve", "--port", "70000"])
