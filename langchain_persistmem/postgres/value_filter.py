"""A LangGraph filter dict as an SQL condition: the only SQL that is put together at run time.

Values are always bound or quoted by psycopg, never pasted. ``{"city": "Oslo"}`` compares,
``{"age": {"$gte": 18}}`` uses an operator, a dotted name looks inside, several entries must all
hold. Numbers compare as numbers and strings as strings; a missing key equals ``None``.
``category`` is the memory's category where its value has no field of that name.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from psycopg import sql

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types.records import KINDS, Kind
from langchain_persistmem.types.representation import cut, path_of, represent, type_name
from langchain_persistmem.types.validation import check_list, plain_json, storable

_OPERATOR = re.compile(r"\$[a-zA-Z]{1,12}")

MAX_DEPTH = 20
"""Filters nested deeper are refused: nobody means them."""
MAX_VALUES = 10_000
"""More are refused: PostgreSQL takes 65,535 parameters in a statement, and plans such a filter for seconds."""
_MOST_ENTRIES = 4 * MAX_VALUES
"""Entries of all dicts in a filter, as they are read: an operator is one, and the field that it belongs to."""

_VALUE = sql.SQL("m.value::jsonb")
TRUE = sql.SQL("TRUE")
FALSE = sql.SQL("FALSE")


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL on a memory ``m``, and the parameters that it binds."""

    text: sql.Composable
    parameters: Mapping[str, object]

    def once(self) -> sql.Composable:
        """A part of a WITH list, ``chosen``: the current memories that fit, each looked at once; nothing if all do."""
        if self.text is TRUE:
            return sql.SQL("")
        # The JSON is parsed once for a memory, and not once for each condition.
        return sql.SQL(
            ", chosen AS MATERIALIZED ("
            "SELECT m.id FROM (SELECT id, kind, category, is_turn, value::jsonb AS value FROM persistmem.memories"
            " WHERE namespace = %(namespace)s::text AND status = 'active' OFFSET 0) m WHERE {condition})"
        ).format(condition=self.text)

    def among(self, alias: str) -> sql.Composable:
        """The same as a condition on a row ``alias`` beside :meth:`once`; plain TRUE if there is nothing to ask."""
        if self.text is TRUE:
            return TRUE
        return sql.SQL("{}.memory_id IN (SELECT id FROM chosen)").format(sql.Identifier(alias))


def plain_filter(filter: object) -> Mapping[str, Any] | None:
    """Return a copy of a caller's filter in Python's own types, which all else here reads; None stays None.

    Raises:
        InvalidInputError: it is no dict, or has what JSON cannot hold; the message has the path.
    """
    if filter is not None and not issubclass(type(filter), Mapping):
        raise InvalidInputError(f"filter is of type {type_name(filter)}; pass a dict such as {{'city': 'Oslo'}}")
    return plain_json(filter, "filter", names=_NAMES)


def condition(
    filter: Mapping[str, Any] | None, kinds: Sequence[Kind] | None = None, *, turns: bool = True
) -> Condition:
    """The condition that ``filter`` and ``kinds`` state.

    Args:
        filter: as :func:`plain_filter` returns it.
        turns: False leaves out the turns of conversations.

    Raises:
        InvalidInputError: an unknown kind or operator, or a value that JSON cannot hold; the message has the path.
    """
    kinds = None if kinds is None else check_list(kinds, "kinds")
    for kind in kinds or ():
        if kind not in KINDS:
            raise InvalidInputError(f"kinds has {represent(kind)}; use any of {', '.join(KINDS)}")
    builder = _Builder()
    parts: list[sql.Composable] = []
    if kinds is not None:
        parts.append(sql.SQL("m.kind = ANY ({}::text[])").format(builder.bind(kinds)))
    if not turns:
        parts.append(sql.SQL("NOT m.is_turn"))
    if filter is not None:
        parts.append(builder.all(filter, "filter", _VALUE, 0))
    return Condition(_join(parts, sql.SQL(" AND "), empty=TRUE), builder.parameters)


@dataclass
class _Builder:
    """Collects the parameters while the condition is put together."""

    parameters: dict[str, object] = field(default_factory=dict[str, object])
    count: int = 0

    def bind(self, value: object) -> sql.Composable:
        if len(self.parameters) >= MAX_VALUES:
            raise InvalidInputError(
                f"filter has more than {MAX_VALUES:,} names and values; use $in, whose list is one of them"
            )
        name = f"filter_{len(self.parameters)}"
        self.parameters[name] = value
        return sql.Placeholder(name)

    def json(self, value: object) -> sql.Composable:
        return sql.SQL("{}::jsonb").format(self.bind(json.dumps(value, ensure_ascii=False)))

    def entries(self, mapping: Mapping[str, object]) -> list[tuple[str, object]]:
        """The entries of a dict, counted: PostgreSQL plans a filter of too many for seconds."""
        self.count += 1 + len(mapping)
        if self.count > _MOST_ENTRIES:
            raise InvalidInputError(
                f"filter has more than {MAX_VALUES:,} conditions; use $in, whose list is one of them"
            )
        return [*mapping.items()]

    def all(self, filter: object, path: str, at: sql.Composable, depth: int) -> sql.Composable:
        if not isinstance(filter, Mapping):
            raise InvalidInputError(f"{path} is of type {type_name(filter)}; pass a dict such as {{'city': 'Oslo'}}")
        if depth > MAX_DEPTH:
            raise InvalidInputError(f"{path} is nested deeper than {MAX_DEPTH} levels; simplify it")
        entries = self.entries(cast("Mapping[str, object]", filter))
        parts = [self.entry(name, value, path, position, at, depth) for position, (name, value) in enumerate(entries)]
        return _join(parts, sql.SQL(" AND "), empty=TRUE)

    def entry(
        self, name: str, value: object, path: str, position: int, at: sql.Composable, depth: int
    ) -> sql.Composable:
        where = _path_of(path, name, position)
        if name in ("$and", "$or"):
            filters = _check_list(value, where)
            parts = [self.all(part, cut(f"{where}[{index}]"), at, depth + 1) for index, part in enumerate(filters)]
            if name == "$and":
                return _join(parts, sql.SQL(" AND "), empty=TRUE)
            return _join(parts, sql.SQL(" OR "), empty=FALSE)
        if name == "$not":
            return sql.SQL("NOT COALESCE({}, FALSE)").format(self.all(value, where, at, depth + 1))
        if name.startswith("$"):
            raise InvalidInputError(f"{where} is not a known operator here; use $and, $or, $not, or a field's name")
        field = sql.SQL("({} #> {}::text[])").format(at, self.bind(name.split(".")))
        if "." in name:  # a field that is called so comes first
            field = sql.SQL("COALESCE({} -> {}::text, {})").format(at, self.bind(name), field)
        elif name == "category" and at is _VALUE:
            field = sql.SQL("COALESCE({}, to_jsonb(m.category))").format(field)
        return self.compare(field, value, where, depth + 1)

    def compare(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        entries = self.entries(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else []
        if not any(key.startswith("$") for key, _ in entries):
            return self.equal(field, cast("object", value), where, depth)
        parts: list[sql.Composable] = []
        for position, (name, operand) in enumerate(entries):
            operator = _OPERATORS.get(name)
            path = _path_of(where, name, position)
            if operator is None:
                raise InvalidInputError(f"{path} is not a known operator; use one of {', '.join(_OPERATORS)}")
            parts.append(operator(self, field, operand, path, depth))
        return _join(parts, sql.SQL(" AND "), empty=TRUE)

    def equal(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        """The condition that ``value`` alone states: an object contains it, at any depth; everything else equals it."""
        if isinstance(value, Mapping):
            inside = self.all(cast("Mapping[object, object]", value), where, field, depth)
            return sql.SQL("(COALESCE(jsonb_typeof({}) = 'object', FALSE) AND {})").format(field, inside)
        if isinstance(value, (list, tuple)):
            values = cast("Sequence[object]", value)
            if _holds_objects(values):
                return self.compare_list(field, values, where, depth)
        return self.exactly(field, cast("object", value), where, depth)

    def compare_list(self, field: sql.Composable, values: Sequence[object], where: str, depth: int) -> sql.Composable:
        """A list of the same length, each element of which is as asked for."""
        parts = [
            self.compare(
                sql.SQL("({} -> {})").format(field, sql.Literal(index)), value, cut(f"{where}[{index}]"), depth + 1
            )
            for index, value in enumerate(values)
        ]
        text = "COALESCE(CASE jsonb_typeof({field}) WHEN 'array' THEN jsonb_array_length({field}) = {length} AND {all} END, FALSE)"
        return sql.SQL(text).format(
            field=field, length=sql.Literal(len(values)), all=_join(parts, sql.SQL(" AND "), empty=TRUE)
        )

    def exactly(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        if value is None:
            return sql.SQL("COALESCE({}, 'null') = 'null'").format(field)
        return sql.SQL("COALESCE({} = {}, FALSE)").format(field, self.json(value))

    def not_equal(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        return sql.SQL("NOT {}").format(self.exactly(field, value, where, depth))

    def compare_order(
        self, field: sql.Composable, value: object, where: str, depth: int, *, sign: sql.SQL
    ) -> sql.Composable:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise InvalidInputError(f"{where} takes a number or a string; for dates use ISO 8601 strings")
        if isinstance(value, str):  # by code points, or the answer would depend on the server's locale
            text = """COALESCE(jsonb_typeof({field}) = 'string' AND ({field} #>> '{{}}') COLLATE "C" {sign} {value}, FALSE)"""
            parameter = sql.SQL("{}::text").format(self.bind(storable(value, where)))
            return sql.SQL(text).format(field=field, value=parameter, sign=sign)
        text = "COALESCE(jsonb_typeof({field}) = 'number' AND {field} {sign} {value}, FALSE)"
        return sql.SQL(text).format(field=field, value=self.json(value), sign=sign)

    def among(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        values = _check_list(value, where)  # as one parameter, since a statement takes 65,535 of them
        text = "(COALESCE({field} IN (SELECT jsonb_array_elements({values})), FALSE) OR {missing})"
        missing = sql.SQL("{} IS NULL").format(field) if None in values else FALSE
        return sql.SQL(text).format(field=field, values=self.json(values), missing=missing)

    def not_among(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        return sql.SQL("NOT {}").format(self.among(field, value, where, depth))

    def exists(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        if not isinstance(value, bool):
            raise InvalidInputError(f"{where} takes True or False")
        return sql.SQL("{} IS NOT NULL").format(field) if value else sql.SQL("{} IS NULL").format(field)

    def contains(self, field: sql.Composable, value: object, where: str, depth: int) -> sql.Composable:
        return sql.SQL("COALESCE({} @> {}, FALSE)").format(field, self.json(value))


Operator = Callable[[_Builder, sql.Composable, object, str, int], sql.Composable]
_OPERATORS: Mapping[str, Operator] = {
    "$eq": _Builder.exactly,
    "$ne": _Builder.not_equal,
    "$gt": partial(_Builder.compare_order, sign=sql.SQL(">")),
    "$gte": partial(_Builder.compare_order, sign=sql.SQL(">=")),
    "$lt": partial(_Builder.compare_order, sign=sql.SQL("<")),
    "$lte": partial(_Builder.compare_order, sign=sql.SQL("<=")),
    "$in": _Builder.among,
    "$nin": _Builder.not_among,
    "$exists": _Builder.exists,
    "$contains": _Builder.contains,
}
_NAMES = frozenset({"$and", "$or", "$not", *_OPERATORS})


def _holds_objects(values: Sequence[object]) -> bool:
    """Tell if a list cannot be compared as one value: an object in it is contained and not equalled."""
    return any(
        isinstance(value, Mapping)
        or (isinstance(value, (list, tuple)) and _holds_objects(cast("Sequence[object]", value)))
        for value in values
    )


def _path_of(where: str, name: str, position: int) -> str:
    """Extend a path: an operator by its name, a field by its position, since its name may say much about a person."""
    return cut(f"{where}.{name}") if _OPERATOR.fullmatch(name) else path_of(where, position)


def _check_list(value: object, where: str) -> Sequence[object]:
    if not isinstance(value, (list, tuple)):
        raise InvalidInputError(f"{where} takes a list")
    return cast("Sequence[object]", value)


def _join(parts: Sequence[sql.Composable], word: sql.SQL, *, empty: sql.SQL) -> sql.Composable:
    return sql.SQL("({})").format(word.join(parts)) if parts else empty
