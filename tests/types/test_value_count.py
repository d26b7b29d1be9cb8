"""How many values there are in a value is found by reading each container once, however often it stands there."""

from typing import Any

import pytest

from langchain_persistmem import InvalidInputError
from langchain_persistmem.types import validation
from langchain_persistmem.types.validation import MAX_JSON_VALUES, check_value_count


def nested(depth: int) -> list[Any]:
    """A list whose values double with each level, though it is ``depth`` small lists."""
    value: list[Any] = ["a"]
    for _ in range(depth):
        value = [value, value]
    return value


def test_each_container_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    elements = validation._elements
    monkeypatch.setattr(validation, "_elements", lambda container: seen.append(id(container)) or elements(container))
    check_value_count([nested(15)] * 3, "value")
    assert len(seen) == len(set(seen)) == 17


@pytest.mark.parametrize("value", [[1] * MAX_JSON_VALUES, {"a": [1] * (MAX_JSON_VALUES - 1)}, nested(18), [], "text"])
def test_a_million_values_are_possible(value: object) -> None:
    check_value_count(value, "value")


def circle() -> list[Any]:
    value: list[Any] = [1]
    value.append({"a": value})
    return value


@pytest.mark.parametrize("value", [[1] * (MAX_JSON_VALUES + 1), nested(19), nested(60), circle(), [circle()]])
def test_more_are_refused_and_so_is_what_holds_itself(value: object) -> None:
    with pytest.raises(InvalidInputError, match="value has more than 1,000,000 values, at all depths; split it"):
        check_value_count(value, "value")
