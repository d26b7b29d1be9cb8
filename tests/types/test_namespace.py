"""Whose memories: no two namespaces share a text, and nobody is ever guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_persistmem import ConfigurationError, InvalidInputError, NamespaceMissingError, PersistMem
from langchain_persistmem.types.namespace import decode, encode, fill, prefix_range

labels = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=12)
tuples = st.lists(labels, min_size=1, max_size=5).map(tuple)
hostile = st.lists(st.sampled_from(["a", "/", "%", "%2F", "a/b", "..", "*", "_", "0", "é", "é", "'; --"]), min_size=1)


@given(tuples | hostile.map(tuple))
def test_encoding_can_be_undone(namespace: tuple[str, ...]) -> None:
    if len("/".join(namespace).encode()) < 150:
        assert decode(encode(namespace)) == namespace


@given(hostile.map(tuple), hostile.map(tuple))
def test_a_prefix_range_holds_exactly_what_starts_with_it(prefix: tuple[str, ...], other: tuple[str, ...]) -> None:
    exact, start, until = prefix_range(prefix)
    text = encode(other)
    inside = text == exact or start.encode() <= text.encode() < until.encode()
    assert inside == (other[: len(prefix)] == prefix)


@pytest.mark.parametrize(
    ("namespace", "field"),
    [
        ((), "namespace is empty"),
        (("a", ""), r"namespace\[1\]"),
        (("a", "b\x00"), r"namespace\[1\] has a NUL"),
        (("\ud800",), r"namespace\[0\] has a lone surrogate"),
        (("a", 1), r"namespace\[1\] is of type int"),
        ("ada", "namespace is of type str"),
        (("x" * 600,), "600 bytes"),
    ],
)
def test_a_malformed_namespace_is_refused_by_name(namespace: object, field: str) -> None:
    with pytest.raises(InvalidInputError, match=field):
        encode(namespace)  # type: ignore[arg-type]


def test_a_value_is_never_looked_into_for_braces() -> None:
    assert fill(("memories", "{user_id}"), {"user_id": "{thread_id}", "thread_id": "t"}) == ("memories", "{thread_id}")


def test_without_a_user_the_keys_that_were_found_are_listed() -> None:
    with pytest.raises(NamespaceMissingError, match="keys found: thread_id, userid"):
        fill(("memories", "{user_id}"), {"userid": "ada", "thread_id": "t", "__pregel_x": 1})


@pytest.mark.parametrize("user_id", ["", 7, None])
def test_a_user_id_that_is_no_text_is_refused(user_id: object) -> None:
    with pytest.raises((InvalidInputError, NamespaceMissingError), match="user_id"):
        fill(("memories", "{user_id}"), {"user_id": user_id})


def test_every_method_refuses_to_guess(memory: PersistMem) -> None:
    for call in (
        lambda: memory.remember("x"),
        lambda: memory.recall("x"),
        lambda: memory.context("x"),
        memory.list,
        lambda: memory.get("x"),
        lambda: memory.forget(everything=True),
        lambda: memory.observe([("user", "x")], thread_id="t"),
    ):
        with pytest.raises(NamespaceMissingError, match="user_id"):
            call()
    with pytest.raises(InvalidInputError, match="both given"):
        memory.recall("x", user_id="ada", namespace=("a",))


def test_a_malformed_template_is_refused_when_opening() -> None:
    with pytest.raises(ConfigurationError, match="namespace"):
        PersistMem.open("postgresql://unused", namespace=())
    with pytest.raises(ConfigurationError, match="all users would share"):
        PersistMem.open("postgresql://unused", namespace=("memories", "everybody"))


@pytest.mark.parametrize("other", ["user10", "user_1", "USER1", "user1/", "user%", "*", "user1 ", "úser1"])
def test_nobody_sees_another_whatever_the_ids_are_called(memory: PersistMem, other: str) -> None:
    memory.remember("My bicycle is yellow", user_id="user1")
    memory.observe([("user", "My bicycle has a bell")], thread_id="t", user_id="user1")
    assert memory.recall("yellow bicycle bell", user_id="user1")
    assert memory.recall("yellow bicycle bell", user_id=other) == []
    assert memory.list(user_id=other) == []
    assert memory.forget(everything=True, user_id=other).counts["memories"] == 0
    assert len(memory.list(user_id="user1")) == 2
