"""Redaction of nested values: JSON of any shape, and serialised messages of LangChain; pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_persistmem.redaction.policy import Redaction


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_IDENTIFIERS = _words(
    "id type tool_call_id tool_use_id call_id index mime_type media_type source_type signature encrypted_content"
)
"""Fields of a message that are left alone: ids that tie its parts together, and values that the provider verifies."""
_FREE_CONTENT = _words("args arguments input artifact output result parameters")
"""Fields with free content of a model or a tool, in which a name such as ``id`` is no identifier of the message."""
_MEDIA = re.compile(r"(?:data:[\w.+\-]+/[\w.+\-]+(?:;[\w=.\-]+)*;base64,)?[A-Za-z0-9+/_\-\s]{200,}={0,2}\s*")
_LONGEST_CARD, _SHORTEST_CARD = 10**19, 10**11


def redact_json(redaction: Redaction, value: Any) -> Any:
    """Redact every string in ``value``, the names of fields too; a number that is a card becomes its placeholder.

    Two names that become the same get a number: ``[EMAIL]`` and ``[EMAIL] 2``.
    """
    if isinstance(value, str):
        return redaction.redact(value)
    if isinstance(value, Mapping):
        return _fields(redaction, cast("Mapping[Any, Any]", value))
    if isinstance(value, (list, tuple)):
        return [redact_json(redaction, item) for item in cast("Sequence[Any]", value)]
    if type(value) is int and _SHORTEST_CARD <= value < _LONGEST_CARD:
        text = str(value)
        return value if redaction.redact(text) == text else redaction.redact(text)
    return value


def redact_message(redaction: Redaction, message: Mapping[str, Any]) -> dict[str, Any]:
    """Redact a serialised message: its content, its tool calls and their results, and the providers' fields; not its ids."""
    data = cast("Mapping[str, Any]", message["data"])
    fields = {
        name: _content(redaction, field) if name == "content" else _part(redaction, name, field)
        for name, field in data.items()
    }
    return {**message, "data": fields}


def _content(redaction: Redaction, content: Any) -> Any:
    """Redact blocks of text as one text: a value may begin in one block and end in the next."""
    if not isinstance(content, list):
        return _part(redaction, "content", content)
    blocks = cast("list[Any]", content)
    texts = {index: text for index, block in enumerate(blocks) if (text := _text_of(block)) is not None}
    parts = dict(zip(texts, redaction.redact_parts(list(texts.values())), strict=True))
    result: list[Any] = []
    for index, block in enumerate(blocks):
        if isinstance(block, str):
            result.append(parts[index])
        elif isinstance(block, Mapping):
            rest = _part(redaction, "", cast("Mapping[str, Any]", block))
            result.append({**rest, "text": parts[index]} if index in parts else rest)
        else:
            result.append(_part(redaction, "", block))
    return result


def _text_of(block: object) -> str | None:
    if isinstance(block, Mapping):
        fields = cast("Mapping[str, object]", block)
        block = fields.get("text") if fields.get("type") == "text" else None
    return block if isinstance(block, str) else None


def _part(redaction: Redaction, name: str, value: Any) -> Any:
    if name in _IDENTIFIERS and isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping) and name not in _FREE_CONTENT:
        fields = cast("Mapping[str, Any]", value)
        media = "type" in fields and fields["type"] not in ("text", "tool_call", "tool_use", "tool_result", "function")
        return {
            inner: field if media and _is_media(field) else _part(redaction, inner, field)
            for inner, field in fields.items()
        }
    if isinstance(value, list) and name not in _FREE_CONTENT:
        return [_part(redaction, "", item) for item in cast("list[Any]", value)]
    return redact_json(redaction, value)


def _is_media(value: object) -> bool:
    """Recognise a picture or a sound in base64: it has no text, and any change would break it."""
    url: object = cast("Mapping[str, object]", value).get("url") if isinstance(value, Mapping) else value
    return isinstance(url, str) and _MEDIA.fullmatch(url) is not None


def _fields(redaction: Redaction, value: Mapping[Any, Any]) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for name, field in value.items():
        free = plain = redaction.redact(name) if isinstance(name, str) else name
        number = 2
        while free in result or (free != name and free in value):
            free, number = f"{plain} {number}", number + 1
        result[free] = redact_json(redaction, field)
    return result
