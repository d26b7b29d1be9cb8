"""The texts of an item that are embedded and searched: those at the paths of its ``index``, or of the store's."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langgraph.store.base import (
    get_text_at_path,
)

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types.representation import is_a, plain


def texts_of(value: Mapping[str, Any], paths: Sequence[str], *, max_chars: int) -> tuple[str, ...]:
    """Return the texts at ``paths`` of ``value``, each once.

    ``$`` is the whole: its ``text`` or ``content`` if that is a string that is not blank, since
    that is the statement, and else its JSON.

    >>> texts_of({"text": "likes tea", "n": 1}, ["$"], max_chars=100)
    ('likes tea',)
    >>> texts_of({"tags": ["tea", "", "dogs"]}, ["tags[*]"], max_chars=100)
    ('tea', 'dogs')
    """
    texts: list[str] = []
    for path in paths:
        texts += _whole(value) if path in ("", "$") else get_text_at_path(value, path)
    return tuple(dict.fromkeys(text[:max_chars] for text in texts if text[:max_chars].strip()))


def paths_of(index: object, fields: Sequence[str]) -> Sequence[str]:
    """Return the paths that an item names itself, or else the ``fields`` of the store; none where it is not to be found."""
    if index is None:
        return fields
    if index is False:
        return ()
    if is_a(index, list) or is_a(index, tuple):
        paths: Sequence[object] = plain(cast("object", index))
        if all(is_a(path, str) for path in paths):
            return cast("Sequence[str]", paths)
    raise InvalidInputError("index is not usable; pass False, or a list of paths such as ['text', 'tags[*]']")


def _whole(value: Mapping[str, Any]) -> list[str]:
    for name in ("text", "content"):
        statement = value.get(name)
        if isinstance(statement, str) and statement.strip():
            return [statement]
    return get_text_at_path(value, "$") if value else []
