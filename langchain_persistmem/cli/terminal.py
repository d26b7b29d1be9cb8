"""The terminal: color where it has it, and no text of a memory that could steer it."""

from __future__ import annotations

import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache

from rich.console import Console
from rich.text import Text

_PICTURES = 0x2400  # where Unicode has a picture for each of ASCII's control characters
_JOINERS = "\u200c\u200d"  # parts of words and of emoji; every other invisible character can mislead


@cache
def out() -> Console:
    """Standard output. Neither markup nor emoji codes are looked for: what is printed is what was remembered."""
    return Console(markup=False, highlight=False, emoji=False)


@cache
def err() -> Console:
    """Standard error, the same way."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def plain(text: str) -> str:
    r"""``text`` on one line, with every control character made visible instead of obeyed.

    >>> plain("a\tb\x1b[2J")
    'a b␛[2J'
    """
    return "".join(_replace_control(character) for character in " ".join(text.split()))


def _replace_control(character: str) -> str:
    if character < " ":
        return chr(_PICTURES + ord(character))
    is_hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in _JOINERS
    return "\N{REPLACEMENT CHARACTER}" if is_hidden else character


def note(text: str, *, quiet: bool = False) -> None:
    """One dim line; on standard error if ``quiet``, where standard output is for a program."""
    (err() if quiet else out()).print(Text(plain(text), style="dim"), soft_wrap=True)


def heading(text: str) -> None:
    """A step of a story."""
    out().print()
    out().rule(Text(text, style="bold cyan"), align="left", style="cyan")


def show_error(message: str) -> None:
    """``error: message`` in red on standard error; further lines of it are indented."""
    first, *more = [plain(line) for line in message.splitlines()] or [""]
    err().print(Text(f"error: {first}", style="bold red"), soft_wrap=True)
    for line in more:
        err().print(Text(f"  {line}", style="red"), soft_wrap=True)


def ask(question: str) -> str:
    """The answer of the person at the terminal; nothing at the end of input."""
    try:
        return out().input(question).strip()
    except EOFError:  # Ctrl-D
        return ""


@contextmanager
def waiting(what: str) -> Generator[None]:
    """A spinner while something takes its time, where there is a terminal; it goes to standard error."""
    if not err().is_terminal:
        yield
        return
    with err().status(Text(plain(what), style="dim")):
        yield
