"""The named statements of the ``.sql`` files, each of which lies beside the module of its name.

Each begins with ``-- name: <name>`` and one comment that says what it does and why. Parameters
are ``%(name)s`` with an explicit cast. The few statements with ``{slots}`` are completed by
``memories.py`` and ``search_index.py`` through :mod:`psycopg.sql`. What several statements have in common stands once, as
``-- part: <name>``, and where each says ``-- include: <name>``; or it fills a slot, as :func:`part` gives it.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import LiteralString, cast

from psycopg import sql
from psycopg.abc import AdaptContext

_NAME = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
_INCLUDE = re.compile(r"^ *-- include: (\w+)$", re.MULTILINE)

Query = sql.SQL | sql.Composed
"""A query as psycopg executes it: text of this package, completed by psycopg.sql."""

_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_INDENT = re.compile(r"\n\s*")
_KEPT = 256
"""Completed statements that are kept; only a store's filters make new ones."""
_LONGEST = 8_000
"""Characters of a slot; what is longer is not kept."""


class NamedSQL(sql.SQL):
    """A statement that knows its name, under which it is measured, and is encoded once."""

    def __init__(self, text: LiteralString, name: str) -> None:
        super().__init__(text)
        self.name = name
        self._ascii = text.encode() if text.isascii() else None

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """The bytes that are sent; the same object each time, so that psycopg finds what it worked out for it."""
        return super().as_bytes(context) if self._ascii is None else self._ascii


@cache
def all_statements() -> dict[str, str]:
    """Every statement by its name."""
    found, parts = _read()
    return {name: _whole(text, parts) for name, text in found.items()}


@cache
def _read() -> tuple[dict[str, str], dict[str, str]]:
    """The statements, which may still include parts, and the parts."""
    found: dict[str, str] = {}
    parts: dict[str, str] = {}
    for file in _files():
        _, *pieces = _NAME.split(file.read_text())
        for kind, name, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            if name in found or name in parts:
                raise ValueError(f"two statements are named {name}; rename the one in {file.name}")
            (parts if kind == "part" else found)[name] = text.strip()
    return found, parts


def _files() -> list[Traversable]:
    """The files of statements, each beside the module of its name; the schema and the migrations are no statements."""
    root = files("langchain_persistmem.postgres")
    folders = (root, root.joinpath("queries"), root.joinpath("vector_index"))
    found = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((file for file in found if file.name != "schema.sql"), key=lambda file: file.name)


def _whole(text: str, parts: Mapping[str, str]) -> str:
    """With the parts that it includes, and those that they include."""
    return _INCLUDE.sub(lambda part: _whole(parts[part[1]], parts), text)


def statement(name: LiteralString, **slots: sql.Composable) -> Query:
    """The statement called ``name``, its slots filled; the text itself comes from this package alone."""
    filled = tuple((slot, part.as_string(None)) for slot, part in slots.items())
    if any(len(text) > _LONGEST for _, text in filled):
        return _statement.__wrapped__(name, filled)
    return _statement(name, filled)


def part(name: LiteralString, **slots: sql.Composable) -> sql.Composed:
    """The part called ``name``, its slots filled, for a slot of a statement."""
    return sql.SQL(cast("LiteralString", _bare(_read()[1][name]))).format(**slots)


@lru_cache(_KEPT)
def _statement(name: LiteralString, slots: tuple[tuple[str, str], ...]) -> NamedSQL:
    text = sql.SQL(cast("LiteralString", _short(name)))
    if slots:
        text = text.format(**{slot: sql.SQL(cast("LiteralString", part)) for slot, part in slots})
    return NamedSQL(cast("LiteralString", text.as_string(None)), name)


@cache
def _short(name: str) -> str:
    """Its name, for whoever looks at the server, and no other comment or indentation: psycopg keeps what it worked out
    for statements of up to 4,096 bytes.
    """
    return f"/* {name} */\n" + _bare(all_statements()[name])


def _bare(text: str) -> str:
    return _INDENT.sub("\n", _COMMENT.sub("", text)).strip()
