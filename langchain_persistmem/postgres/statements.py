"""The named statements of the ``.sql`` files, each of which lies beside the module of its name.

Each begins with ``-- name: <name>`` and one comment that says what it does and why. Parameters
are ``%(name)s`` with an explicit cast. The few statements with ``{slots}`` are completed by
``memories.py`` and ``search_index.py`` through :mod:`psycopg.sql`. What several statements have in common stands once, as
``-- part: <name>``, and where each says ``-- include: <name>``; or it fills a slot, as :func:`part` gives it.

The files say ``persistmem.``, ``halfvec`` and ``<#>``, so that they can be read, and tried by hand. Where a statement is sent,
:meth:`NamedSQL.within` puts the name of the schema of this database in place of the first, and qualifies what is pgvector's:
nothing depends on ``search_path``.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Formatter
from typing import LiteralString, NamedTuple, cast

from psycopg import sql
from psycopg.abc import AdaptContext

_NAME = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
_INCLUDE = re.compile(r"^ *-- include: (\w+)$", re.MULTILINE)

Query = sql.SQL | sql.Composed
"""A query as psycopg executes it: text of this package, completed by psycopg.sql."""

_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_INDENT = re.compile(r"\n\s*")
_PLACEHOLDER = re.compile(r"%%|%\((\w+)\)s")
_LONGEST_CACHED = 4_096
"""Bytes of a statement whose placeholders psycopg reads once; a longer one it would read with each call."""
_KEPT = 256
"""Completed statements that are kept; only a store's filters make new ones."""
_LONGEST = 8_000
"""Characters of a slot; what is longer is not kept."""


class Schemas(NamedTuple):
    """The two schemas that statements name, and whether tables may be distributed; the same for all of a database."""

    own: str = "persistmem"
    """``Settings.schema``."""
    vector: str | None = None
    """That of the extension ``vector``; None leaves it to ``search_path``."""
    has_citus: bool = False
    """Tables may be distributed by Citus, which has to see by the namespace where a statement belongs."""


# A setting keeps its name whatever the schema is: a transaction is about one schema.
_OWN_SCHEMA = re.compile(r"(?<!current_setting\(')(?<!set_config\(')(?<!SET LOCAL )\bpersistmem\b")
_VECTOR_NAME = re.compile(r"(?<![\w.'])halfvec(?:_\w+_ops)?\b")
_VECTOR_OPERATOR = re.compile(r"<#>|<->")


# What only the planner of a single server needs to be told; by Citus it is not understood, and each shard is a small table.
_FOR_ONE_SERVER = re.compile(
    r"nullif\((?P<key>\w+\.namespace = %\(namespace\)s::text), false\) IS NOT NULL|OFFSET 0 /\* one server \*/"
    r"|\(SELECT (?P<value>%\(namespace\)s::text)\)"
)


def name_schemas(text: str, schemas: Schemas) -> str:
    """SQL of this package, with its schema and pgvector's in place."""
    if schemas.has_citus:
        text = _FOR_ONE_SERVER.sub(lambda match: match["key"] or match["value"] or "", text)
    if schemas.own != "persistmem":
        text = _OWN_SCHEMA.sub(schemas.own, text)
    if schemas.vector is not None:
        vector = sql.Identifier(schemas.vector).as_string(None).replace("%", "%%")
        text = _VECTOR_NAME.sub(lambda match: f"{vector}.{match[0]}", text)
        text = _VECTOR_OPERATOR.sub(lambda match: f"OPERATOR({vector}.{match[0]})", text)
    return text


class _Piece(NamedTuple):
    """A piece of a statement: our text, or a quoted value or name, in which nothing is to be replaced."""

    text: str
    ours: bool


class NamedSQL(sql.SQL):
    """A statement that knows its name, under which it is measured, and is encoded once."""

    def __init__(self, text: LiteralString, name: str, pieces: tuple[_Piece, ...] = ()) -> None:
        super().__init__(text)
        self.name = name
        self._pieces = pieces or (_Piece(text, True),)
        self._placed: dict[Schemas, NamedSQL] = {}
        self._ascii = text.encode() if text.isascii() else None
        self._numbered: tuple[NamedSQL, tuple[str, ...]] | None = None

    def within(self, schemas: Schemas) -> "NamedSQL":
        """The statement for a database whose schemas these are."""
        placed = self._placed.get(schemas)
        if placed is None:
            text = "".join(name_schemas(piece.text, schemas) if piece.ours else piece.text for piece in self._pieces)
            placed = self._placed[schemas] = NamedSQL(cast("LiteralString", text), self.name)
        return placed

    @property
    def is_long(self) -> bool:
        """Tell if psycopg would read its placeholders with each call."""
        return len(self._obj) > _LONGEST_CACHED

    def numbered(self) -> "tuple[NamedSQL, tuple[str, ...]]":
        """The statement with PostgreSQL's own placeholders, and the names of the parameters in their order."""
        if self._numbered is None:
            numbers: dict[str, int] = {}

            def number(match: re.Match[str]) -> str:
                return "%" if match[1] is None else f"${numbers.setdefault(match[1], len(numbers) + 1)}"

            text = _PLACEHOLDER.sub(number, self._obj)
            self._numbered = NamedSQL(cast("LiteralString", text), self.name), tuple(numbers)
        return self._numbered

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """The bytes that are sent; the same object each time, so that psycopg finds what it worked out for it."""
        return super().as_bytes(context) if self._ascii is None else self._ascii


@cache
def all_statements() -> dict[str, str]:
    """Every statement by its name."""
    texts, parts = _read()
    return {name: _whole(text, parts) for name, text in texts.items()}


@cache
def _read() -> tuple[dict[str, str], dict[str, str]]:
    """The statements, which may still include parts, and the parts."""
    texts: dict[str, str] = {}
    parts: dict[str, str] = {}
    for file in _files():
        _, *pieces = _NAME.split(file.read_text())
        for kind, name, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            if name in texts or name in parts:
                raise ValueError(f"two statements are named {name}; rename the one in {file.name}")
            (parts if kind == "part" else texts)[name] = text.strip()
    return texts, parts


def _files() -> list[Traversable]:
    """The files of statements, each beside the module of its name; the schema and the migrations are no statements."""
    root = files("langchain_persistmem.postgres")
    folders = (root, root.joinpath("queries"), root.joinpath("vector_index"))
    sources = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((file for file in sources if file.name != "schema.sql"), key=lambda file: file.name)


def _whole(text: str, parts: Mapping[str, str]) -> str:
    """With the parts that it includes, and those that they include."""
    return _INCLUDE.sub(lambda part: _whole(parts[part[1]], parts), text)


def statement(name: LiteralString, **slots: sql.Composable) -> NamedSQL:
    """The statement called ``name``, its slots filled; the text itself comes from this package alone."""
    filled = tuple((slot, tuple(_pieces(part))) for slot, part in slots.items())
    if any(len(piece.text) > _LONGEST for _, pieces in filled for piece in pieces):
        return _statement.__wrapped__(name, filled)
    return _statement(name, filled)


def _pieces(part: sql.Composable) -> Iterator[_Piece]:
    """The filling of a slot, taken apart: the values of a user's filter are no text of ours."""
    if isinstance(part, sql.Composed):
        for inner in part:
            yield from _pieces(inner)
    else:
        text = part.as_string(None)
        if text.startswith('"persistmem".'):  # a table of ours by its name
            yield _Piece("persistmem", True)
            yield _Piece(text.removeprefix('"persistmem"'), False)
        else:
            yield _Piece(text, isinstance(part, sql.SQL))


def part(name: LiteralString, **slots: sql.Composable) -> sql.Composed:
    """The part called ``name``, its slots filled, for a slot of a statement."""
    return sql.SQL(cast("LiteralString", _bare(_read()[1][name]))).format(**slots)


@lru_cache(_KEPT)
def _statement(name: LiteralString, slots: tuple[tuple[str, tuple[_Piece, ...]], ...]) -> NamedSQL:
    text = _short(name)
    if not slots:
        return NamedSQL(cast("LiteralString", text), name)
    fillings = dict(slots)
    pieces: list[_Piece] = []
    for literal, slot, _, _ in Formatter().parse(text):
        pieces.append(_Piece(literal, True))
        pieces.extend(fillings[slot] if slot is not None else ())
    whole = "".join(piece.text for piece in pieces)
    return NamedSQL(cast("LiteralString", whole), name, tuple(pieces))


@cache
def _short(name: str) -> str:
    """Its name, for whoever looks at the server, and no other comment or indentation: psycopg keeps what it worked out
    for statements of up to 4,096 bytes.
    """
    return f"/* {name} */\n" + _bare(all_statements()[name])


def _bare(text: str) -> str:
    return _INDENT.sub("\n", _COMMENT.sub("", text)).strip()
