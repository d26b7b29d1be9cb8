"""Reading what a chat model is shown for extraction, as the models of the tests do."""

import re
from typing import NamedTuple

_TURN = re.compile(r"^(\d+) ([^:\n]*): (.*(?:\n\| .*)*)", re.MULTILINE)
_KNOWN = re.compile(r"^(k\d+) (?:(?:told |~)?\d{4}(?:-\d\d)?(?:-\d\d)? )?(?:\[[^]\n]*\] )?(.*)", re.MULTILINE)


class ShownTurn(NamedTuple):
    """One numbered turn."""

    number: int
    author: str
    text: str


def turns_in(material: str) -> list[ShownTurn]:
    """The numbered turns, in their order."""
    section = material.partition("<messages>")[2]
    return [ShownTurn(int(n), author, text.replace("\n| ", "\n")) for n, author, text in _TURN.findall(section)]


def users_turns_in(material: str) -> list[ShownTurn]:
    """The numbered turns of users."""
    return [turn for turn in turns_in(material) if not turn.author.startswith(("assistant", "tool", "system"))]


def known_in(material: str) -> dict[str, str]:
    """The known memories by their labels, without a day or a key before them."""
    section = material.partition("<known>")[2].partition("</known>")[0]
    return dict(_KNOWN.findall(section))
