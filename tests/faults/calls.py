"""Every exchange with the server, counted; the N-th meets a fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import psycopg

Fault = Literal["ended", "unanswered"]
"""The backend is ended before the exchange; or the exchange is done, and its answer is lost."""


class Calls:
    """Counts the exchanges with the server, and spoils the N-th."""

    def __init__(self, admin: "psycopg.Connection[Any]") -> None:
        self.admin = admin
        self.left: int | None = None
        self.fault: Fault = "ended"

    @contextmanager
    def spoil(self, number: int, fault: Fault) -> Iterator[None]:
        """The ``number``-th exchange from now on meets the fault."""
        self.left, self.fault = number, fault
        try:
            yield
        finally:
            self.met = self.left is None
            self.left = None

    def due(self, connection: Any) -> Fault | None:
        """What happens to this exchange."""
        if self.left is None or connection is self.admin:
            return None
        self.left -= 1
        if self.left:
            return None
        self.left = None
        if self.fault == "ended":
            self.admin.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.pgconn.backend_pid,))
        return self.fault
