"""Which way the next search of a namespace should take: a guess from the last one, which every statement checks for itself."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

_MOST = 10_000
"""Namespaces that are remembered; most are small, and need not be."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to the nearest memories."""

    way: Literal["few", "many", "graph"]
    """All compared, the likeliest by their signs, or along the graph of the shelf."""
    shelf: int | None = None
    """Of the graph."""


FEW = Arm("few")
MANY = Arm("many")


class Arms:
    """The guesses of one process: a wrong one costs a second statement, and never an answer."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Arm] = OrderedDict()

    def of(self, namespace: str) -> Arm:
        """The way that the last search of the encoded ``namespace`` found to be right."""
        return self._known.get(namespace, FEW)

    def note(self, namespace: str, arm: Arm) -> None:
        """Take ``arm`` the next time."""
        if arm == FEW:
            self._known.pop(namespace, None)
            return
        self._known[namespace] = arm
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
