"""Which way the next search of a namespace should take: a guess from the last one, which every statement checks for itself."""

from collections import OrderedDict
from typing import Literal

_MOST = 10_000
"""Namespaces that are remembered; most are small, and need not be."""
_USES = 64
"""So often the general way is taken before it is looked again whether there is a shorter one."""


Arm = Literal["few", "many", "graph"]
"""A way to the nearest memories: all compared, the likeliest by their signs, or along the graph of the namespace's shelf."""


class Arms:
    """The guesses of one process: a wrong one costs a second statement, and never an answer."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Arm, int]] = OrderedDict()

    def of(self, namespace: str) -> Arm:
        """The way that the last search of the encoded ``namespace`` found to be right."""
        arm, uses = self._known.get(namespace, ("few", 0))
        if arm == "many":
            self._known[namespace] = arm, uses - 1
            if uses <= 0:
                self.note(namespace, "few")
        return arm

    def note(self, namespace: str, arm: Arm) -> None:
        """Take ``arm`` the next time."""
        if arm == "few":
            self._known.pop(namespace, None)
            return
        self._known[namespace] = arm, _USES
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def seen(self, namespace: str, *, large: bool, shelved: bool) -> None:
        """The short statement saw whether the namespace is large, and has a shelf."""
        self.note(namespace, "graph" if shelved else "many" if large else "few")
