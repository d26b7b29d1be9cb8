"""docs/examples/langgraph-server as a process of its own, under `langgraph dev`, for tests/integrations/test_langgraph_server.py."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient
from psycopg import conninfo

from tests.conftest import _create, _drop
from tests.support.ports import free_port

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "langgraph-server"
TOKENS = {"token-of-ada": "ada", "token-of-bob": "bob"}

MORE_GRAPHS = """
import asyncio
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


def ask(state):
    return {"messages": [AIMessage("Booked for " + interrupt("Which day?") + ".")]}


async def wait(state):
    if state["messages"][-1].content == "wait":
        await asyncio.sleep(60)
    return {"messages": [AIMessage("Done.")]}


asking = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").compile()
waiting = StateGraph(MessagesState).add_node(wait).add_edge(START, "wait").compile()
"""
"""Added to the project: a graph that asks back, and one that can be interrupted."""


_KEPT = ("HOME", "PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "TMPDIR")


class Server:
    """One project and one database; ``start`` and ``kill`` as often as wanted."""

    def __init__(self, folder: Path, database: str, proxy: int) -> None:
        self.folder, self.database = folder, database
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.clients: dict[str | None, SyncLangGraphClient] = {}
        self.url = ""
        # little is handed on: a key would start tracing, and the CI's own variables turn telemetry off by themselves
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.environment = kept | {
            "PERSISTMEM_DSN": database,
            "MEMORY_AGENT_TOKENS": json.dumps(TOKENS),
            "PERSISTMEM_SWEEP_MINUTES": "0.01",
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGGRAPH_NO_VERSION_CHECK": "true",
            "HTTP_PROXY": f"http://127.0.0.1:{proxy}",
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy}",
            "NO_PROXY": "127.0.0.1,localhost",
            "NO_COLOR": "1",
        }

    def configure(self, **changes: Any) -> None:
        path = self.folder / "langgraph.json"
        now = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({name: value for name, value in now.items() if value is not None}))

    def start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload", "--port", str(port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--n-jobs-per-worker", "4"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that whatever it starts can be ended with it
            )
        deadline = time.monotonic() + 250
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/ok", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        pytest.fail(f"the server did not start:\n{self.log.read_text()[-5000:]}")

    def stop(self, how: int = signal.SIGINT) -> int:
        """End the server, and everything that it may have started; returns its exit code."""
        while self.clients:
            self.clients.popitem()[1].close()
        if self.process is None:
            return 0
        try:
            os.killpg(self.process.pid, how)
            return self.process.wait(100)
        except ProcessLookupError:
            return self.process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            self.process = None

    def client(self, user: str | None) -> SyncLangGraphClient:
        if user not in self.clients:
            headers = {"Authorization": f"Bearer token-of-{user}"} if user else {}
            self.clients[user] = get_sync_client(url=self.url, headers=headers, timeout=100)
        return self.clients[user]

    def execute(self, query: str) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute(query.encode())

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query.encode(), values).fetchall()


@contextmanager
def a_project(server: str, template: str, knocks: socket.socket) -> Iterator[Server]:
    """A copy of the example with a database of its own."""
    folder = Path(tempfile.mkdtemp(prefix="persistmem-server-"))
    name = _create(server, template)
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    (folder / "more_graphs.py").write_text(MORE_GRAPHS)
    project = Server(folder, conninfo.make_conninfo(server, dbname=name), knocks.getsockname()[1])
    graphs = json.loads((folder / "langgraph.json").read_text())["graphs"]
    more = {"asking": "./more_graphs.py:asking", "waiting": "./more_graphs.py:waiting"}
    project.configure(graphs={**graphs, **more})
    try:
        yield project
    finally:
        try:
            project.stop(signal.SIGKILL)
        finally:
            _drop(server, name)
            shutil.rmtree(folder)
