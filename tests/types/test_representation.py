"""Values of classes derived from Python's own, whose methods may fail or lie, are read as what they are."""

from enum import StrEnum
from typing import Any

import pytest

from langchain_persistmem.types.representation import plain


def _fail(*_: object, **__: object) -> Any:
    raise RuntimeError


class Text(str):
    __slots__ = ()
    __len__ = __iter__ = __str__ = __repr__ = __getattribute__ = encode = strip = _fail  # type: ignore[assignment]


class Number(int):
    __slots__ = ()
    __lt__ = __ge__ = __index__ = __repr__ = _fail  # type: ignore[assignment]


class Row(tuple[Any, ...]):
    __slots__ = ()
    __iter__ = __len__ = __getitem__ = _fail  # type: ignore[assignment]


class Table(dict[str, Any]):
    __iter__ = items = keys = get = _fail  # type: ignore[assignment]


class Kind(StrEnum):
    semantic = "semantic"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (Text("ada"), "ada"),
        (Kind.semantic, "semantic"),
        (Number(7), 7),
        (Row(("memories", "ada")), ("memories", "ada")),
        ([Text("ada"), 1], ["ada", 1]),
        (Table(a=1), {"a": 1}),
        (True, True),
        (None, None),
    ],
    ids=["text", "enum", "number", "tuple", "list of texts", "dict", "bool", "None"],
)
def test_a_derived_value_is_read_by_the_methods_of_its_base(value: object, wanted: object) -> None:
    found = plain(value)
    assert (found, type(found)) == (wanted, type(wanted))
    if isinstance(wanted, (list, tuple)):
        assert [type(item) for item in found] == [type(item) for item in wanted]
