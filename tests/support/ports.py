"""Ports for servers that tests start, stop and start again."""

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port that nobody uses, and that the system gives to no outgoing connection while the server is away."""
    below = max(20_000, int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32768)
    while True:
        port = random.SystemRandom().randrange(15_000, below)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
