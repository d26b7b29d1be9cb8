"""A proxy before PostgreSQL that counts round trips and makes the network slower.

A round trip begins when the client sends something after the server has answered, however many statements that is. What
both say is passed on as it comes; with a latency, as much later in each direction.
"""

import queue
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress

import psycopg
import pytest
from psycopg import conninfo

_CHUNK = 65_536


class Proxy:
    """A proxy that runs; make one with :func:`proxied`."""

    def __init__(self, server: str, latency: float) -> None:
        self._server = conninfo.conninfo_to_dict(server)
        self._latency = latency
        self._lock = threading.Lock()
        self._count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self.conninfo = conninfo.make_conninfo(
            server,
            host="127.0.0.1",
            hostaddr=None,
            port=self._listener.getsockname()[1],
            sslmode="disable",
            gssencmode="disable",
        )
        """The connection string of the server behind the proxy."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def round_trips(self) -> int:
        """How often a client has waited for the server so far."""
        with self._lock:
            return self._count

    def close(self) -> None:
        """Close it and all connections through it."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [client, server]
                link = _Link(self)
                self._pump(client, server, link.client_says)
                self._pump(server, client, link.server_says)

    def _connect(self) -> socket.socket:
        host, port = str(self._server.get("host") or "localhost"), int(self._server.get("port") or 5432)
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        server = socket.create_connection((host, port))
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    def _pump(self, source: socket.socket, target: socket.socket, note: Callable[[], None]) -> None:
        """Pass on what comes from ``source``: one thread reads, one writes when the time has come."""
        waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

        def read() -> None:
            data = b"begin"
            while data:
                try:
                    data = source.recv(_CHUNK)
                except OSError:
                    data = b""
                note()
                waiting.put((time.monotonic() + self._latency, data))

        def write() -> None:
            with suppress(OSError):
                while True:
                    due, data = waiting.get()
                    time.sleep(max(0.0, due - time.monotonic()))
                    if not data:
                        target.shutdown(socket.SHUT_WR)
                        return
                    target.sendall(data)

        for run in (read, write):
            threading.Thread(target=run, daemon=True).start()

    def count(self) -> None:
        """One more round trip has begun."""
        with self._lock:
            self._count += 1


class _Link:
    """One connection: who spoke last."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._is_servers_turn = False

    def client_says(self) -> None:
        if not self._is_servers_turn:
            self._is_servers_turn = True
            self._proxy.count()

    def server_says(self) -> None:
        self._is_servers_turn = False


@contextmanager
def proxied(server: str, *, latency: float = 0.0) -> Generator[Proxy]:
    """A proxy before ``server``, a connection string.

    Args:
        latency: seconds that the network takes in each direction.

    Skips the test where a server lets nobody in without TLS: who speaks cannot be seen in what is encrypted.
    """
    with closing(Proxy(server, latency)) as proxy:
        try:
            psycopg.connect(proxy.conninfo).close()
        except psycopg.OperationalError as error:
            if "no encryption" not in str(error):
                raise
            pytest.skip("the server of PERSISTMEM_TEST_DSN takes connections with TLS only")
        yield proxy
