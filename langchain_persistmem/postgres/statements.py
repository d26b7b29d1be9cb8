"""The named statements of ``sql/*.sql``.

Each begins with ``-- name: <name>`` and one comment that says what it does and why. Parameters
are ``%(name)s`` with an explicit cast. The few statements with ``{slots}`` are completed by
``memories.py`` and ``search_index.py`` through :mod:`psycopg.sql`.
"""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from psycopg import sql

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


Query = sql.SQL | sql.Composed
"""What psycopg executes: text of this package, completed by psycopg.sql."""


class NamedSQL(sql.SQL):
    """A statement that knows its name, under which it is measured."""

    def __init__(self, text: LiteralString, name: str) -> None:
        super().__init__(text)
        self.name = name


class NamedComposed(sql.Composed):
    """:class:`NamedSQL` with its slots filled."""

    def __init__(self, parts: sql.Composed, name: str) -> None:
        super().__init__(list(parts))
        self.name = name


@cache
def all_statements() -> dict[str, str]:
    """Every statement by its name."""
    found: dict[str, str] = {}
    for file in sorted(files("langchain_persistmem.postgres").joinpath("sql").iterdir(), key=lambda entry: entry.name):
        _, *parts = _NAME.split(file.read_text())
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"two statements are named {name}; rename the one in {file.name}")
            found[name] = text.strip()
    return found


def statement(name: LiteralString, **slots: sql.Composable) -> Query:
    """The statement called ``name``, its slots filled; the text itself comes from this package alone."""
    text = cast("LiteralString", all_statements()[name])
    return NamedComposed(sql.SQL(text).format(**slots), name) if slots else NamedSQL(text, name)
