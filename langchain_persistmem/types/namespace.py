"""Namespaces: LangGraph's tuple of labels, in the form that the database stores.

A namespace is the privacy boundary. It is written as one text, its labels joined by "/",
and "/" and "%" inside a label escaped, so that no two tuples share a text and no label can
reach into a neighbour: ``("memories", "user1")`` never is a prefix of ``("memories", "user10")``.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from langchain_persistmem.errors import ConfigurationError, InvalidInputError, NamespaceMissingError
from langchain_persistmem.types.representation import cut, is_a, plain, type_name
from langchain_persistmem.types.validation import storable

Namespace = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """All namespaces that begin with ``prefix``; with the empty prefix, all there are."""

    prefix: Namespace = ()


@dataclass(frozen=True, slots=True)
class Several:
    """Several namespaces, and those under several prefixes: what a batch of a store needs."""

    reaches: tuple[Namespace | Within, ...]


Reach = Namespace | Within | Several
"""The rows that a transaction may see: one namespace, those under a prefix, or several of both."""

EVERYWHERE = Within()
"""All namespaces: for background work, maintenance and the schema, never for one person's request."""

NOBODY = Several(())
"""For tables that hold nothing of a person."""

MAX_BYTES = 512
"""The longest encoded namespace: it is part of every index entry, beside the vector."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def encode(namespace: Namespace) -> str:
    """Encode ``namespace`` as the one text that stands for it.

    Raises:
        InvalidInputError: a label is empty, not a string, or holds NUL or a lone surrogate, the
            tuple is empty, or the text is longer than 512 bytes.
    """
    # A call encodes its namespace at each of its statements; only plain strings are the same whenever they are equal.
    is_plain = type(namespace) is tuple and all(type(label) is str for label in namespace)
    return _encode_once(namespace) if is_plain else _encode(namespace)


def _encode(namespace: Namespace) -> str:
    labels = _check_labels(namespace)
    if not labels:
        raise InvalidInputError("namespace is empty; give at least one label, such as ('memories', 'ada')")
    text = _encoded(labels)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise InvalidInputError(f"namespace takes {size} bytes, at most {MAX_BYTES} are possible; use shorter labels")
    return text


_encode_once = lru_cache(1_024)(_encode)


def decode(text: str) -> Namespace:
    """Decode the text of :func:`encode`."""
    return tuple(label.replace("%2F", "/").replace("%25", "%") for label in text.split("/"))


def prefix_range(prefix: Namespace) -> tuple[str, str, str]:
    """Compute ``(exact, from, until)``: a namespace starts with ``prefix`` if its text is ``exact`` or in [from, until).

    "0" is the character after "/", so the range is exact in the "C" collation and an
    ordinary btree serves it. The empty prefix means every namespace.
    """
    if not prefix:
        return "", "", "\U0010ffff"
    exact = encode(prefix)
    return exact, f"{exact}/", f"{exact}0"


def placeholders(template: Namespace) -> tuple[str, ...]:
    """Return the names in braces of ``template``, in order: ``("memories", "{user_id}")`` -> ``("user_id",)``."""
    return tuple(name for label in template for name in _PLACEHOLDER.findall(label))


def check_template(template: Namespace) -> Namespace:
    """Return ``template`` if it separates users.

    Raises:
        ConfigurationError: it has no placeholder, so all users would share one memory, or a label is malformed.
    """
    try:
        encode(template)
    except InvalidInputError as error:
        raise ConfigurationError(f"open(namespace=...): {error}") from error
    if not placeholders(template):
        raise ConfigurationError(
            f"namespace={cut(repr(template))} has no name in braces, so all users would share one memory; write "
            "('memories', '{user_id}'), and for a shared memory pass namespace=(...) to the calls that mean it"
        )
    return template


Pattern = tuple[str | None, ...]
"""The labels that namespaces begin with; None is any label."""


def literal_prefix(template: Namespace) -> Namespace:
    """Return the labels of ``template`` before the first name in braces."""
    return tuple(itertools.takewhile(lambda label: not _PLACEHOLDER.search(label), template))


def shape(template: Namespace, *, begins_with: str = "") -> str:
    """Build a regular expression for the encoded namespaces that ``template`` can become, without deeper ones.

    Python and PostgreSQL read it alike: every character other than a letter, a digit or "_" is escaped. If
    ``begins_with`` is not empty, the part for ``{user_id}`` begins with it.
    """
    pieces = _PLACEHOLDER.split(_encoded(template))  # texts, and the names between them
    beginning = _escape(_encoded((begins_with,)))
    for index in range(1, len(pieces), 2):
        pieces[index] = f"({beginning}[^/]{'*' if beginning else '+'})" if pieces[index] == "user_id" else "([^/]+)"
    pieces[::2] = [_escape(text) for text in pieces[::2]]
    return f"^{''.join(pieces)}$"


def _escape(text: str) -> str:
    return re.sub(r"[^\w/]", lambda match: "\\" + match[0], text)


def _encoded(labels: Namespace) -> str:
    return "/".join(label.replace("%", "%25").replace("/", "%2F") for label in labels)


def read(template: Namespace, namespace: Namespace) -> dict[str, str]:
    """Read the values that :func:`fill` needs to make ``namespace`` of ``template``."""
    match = re.match(shape(template), encode(namespace))
    values = match.groups() if match else ()
    return {name: decode(value)[0] for name, value in zip(placeholders(template), values, strict=False)}


def fill(template: Namespace, variables: Mapping[str, object]) -> Namespace:
    """Replace each ``{name}`` of ``template`` by ``variables[name]``; braces inside a value stay as they are.

    Raises:
        NamespaceMissingError: a name has no value; the message lists the names that have one.
        InvalidInputError: a value is not a string, or is empty.
    """
    values: dict[str, str] = {}
    for name in placeholders(template):
        value = plain(variables.get(name))
        if value is None:
            keys = cut(", ".join(sorted(key for key in variables if not key.startswith("__")))) or "none"
            raise NamespaceMissingError(
                f"whose memory is meant? The namespace {cut(repr(template))} needs {name!r}; keys found: {keys}. "
                f"Pass {name}=..., or put {name!r} into the run's context or config['configurable']."
            )
        if not is_a(value, str) or not value:
            raise InvalidInputError(
                f"{name} is {_describe(value)}; pass a string with at least one character, such as str({name})"
            )
        values[name] = value
    return tuple(_PLACEHOLDER.sub(lambda match: values[match[1]], label) for label in template)


def _check_labels(namespace: object) -> Namespace:
    if not is_a(namespace, tuple):
        raise InvalidInputError(
            f"namespace is {_describe(namespace)}; pass a tuple of strings, such as ('memories', 'ada')"
        )
    labels: list[str] = []
    for position, label in enumerate(plain(cast("object", namespace))):
        where = f"namespace[{position}]"
        if not is_a(label, str):
            raise InvalidInputError(f"{where} is {_describe(label)}; every label is a string")
        if not label:
            raise InvalidInputError(f"{where} is empty; every label has at least one character")
        labels.append(storable(label, where))
    return tuple(labels)


def _describe(value: object) -> str:
    return "empty" if is_a(value, str) and not value else f"of type {type_name(value)}"
