"""Seconds that are promised on an idle machine, and what they are on one that has other work."""

import time


class Pace:
    """How much longer work takes now than the processor needs for it: 1 on an idle machine, 4 on a crowded one."""

    def __init__(self) -> None:
        self.slowest = 1.0
        self.measure()

    def measure(self) -> None:
        """Look again; the slowest moment counts."""
        for _ in range(3):
            begun, used = time.monotonic(), time.thread_time()
            while time.thread_time() - used < 0.02:
                pass
            self.slowest = max(self.slowest, (time.monotonic() - begun) / 0.02)

    def allows(self, seconds: float) -> float:
        """As many seconds as this machine needs for what takes ``seconds`` on an idle one."""
        self.measure()
        return seconds * self.slowest
