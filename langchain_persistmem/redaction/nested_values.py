"""Redacting what is not one text: JSON of any shape, and messages as LangChain serialises them; pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_persistmem.redaction.policy import Redaction


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_IDENTIFIERS = _words(
    "id type tool_call_id tool_use_id call_id index mime_type media_type source_type signature encrypted_content"
)
"""Of a message: they tie its parts together, or are checked by the provider to the letter."""
_GIVEN = _words("args arguments input artifact output result parameters")
"""What a model or a tool put there: nothing in it is ours."""
_MEDIA = re.compile(r"(?:data:[\w.+\-]+/[\w.+\-]+(?:;[\w=.\-]+)*;base64,)?[A-Za-z0-9+/_\-\s]{200,}={0,2}\s*")
_LONGEST_CARD, _SHORTEST_CARD = 10**19, 10**11


def redacted_json(redaction: Redaction, value: Any) -> Any:
    """``value`` with every string in it redacted, the names of fields too; a number that is a card becomes its placeholder.

    Two names that become the same are told apart by a number: ``[EMAIL]`` and ``[EMAIL] 2``.
    """
    if isinstance(value, str):
        return redaction.redact(value)
    if isinstance(value, Mapping):
        return _fields(redaction, cast("Mapping[Any, Any]", value))
    if isinstance(value, (list, tuple)):
        return [redacted_json(redaction, each) for each in cast("Sequence[Any]", value)]
    if type(value) is int and _SHORTEST_CARD <= value < _LONGEST_CARD:
        text = str(value)
        return value if redaction.redact(text) == text else redaction.redact(text)
    return value


def redacted_message(redaction: Redaction, message: Mapping[str, Any]) -> dict[str, Any]:
    """A serialised message: its content, calls of tools and what came of them, and all that providers add; no ids."""
    data = cast("Mapping[str, Any]", message["data"])
    redacted = {
        name: _content(redaction, each) if name == "content" else _part(redaction, name, each)
        for name, each in data.items()
    }
    return {**message, "data": redacted}


def _content(redaction: Redaction, content: Any) -> Any:
    """Blocks of text are one text: what began in one may end in the next."""
    if not isinstance(content, list):
        return _part(redaction, "content", content)
    blocks = cast("list[Any]", content)
    texts = {place: text for place, block in enumerate(blocks) if (text := _text_of(block)) is not None}
    parts = dict(zip(texts, redaction.redact_parts(list(texts.values())), strict=True))
    redacted: list[Any] = []
    for place, block in enumerate(blocks):
        if isinstance(block, str):
            redacted.append(parts[place])
        elif isinstance(block, Mapping):
            rest = _part(redaction, "", cast("Mapping[str, Any]", block))
            redacted.append({**rest, "text": parts[place]} if place in parts else rest)
        else:
            redacted.append(_part(redaction, "", block))
    return redacted


def _text_of(block: object) -> str | None:
    if isinstance(block, Mapping):
        fields = cast("Mapping[str, object]", block)
        block = fields.get("text") if fields.get("type") == "text" else None
    return block if isinstance(block, str) else None


def _part(redaction: Redaction, name: str, value: Any) -> Any:
    if name in _IDENTIFIERS and isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping) and name not in _GIVEN:
        fields = cast("Mapping[str, Any]", value)
        media = "type" in fields and fields["type"] not in ("text", "tool_call", "tool_use", "tool_result", "function")
        return {
            inner: each if media and _is_media(each) else _part(redaction, inner, each)
            for inner, each in fields.items()
        }
    if isinstance(value, list) and name not in _GIVEN:
        return [_part(redaction, "", each) for each in cast("list[Any]", value)]
    return redacted_json(redaction, value)


def _is_media(value: object) -> bool:
    """Whether this is a picture or a sound in base64: there is nothing to read in it, and any change would break it."""
    url: object = cast("Mapping[str, object]", value).get("url") if isinstance(value, Mapping) else value
    return isinstance(url, str) and _MEDIA.fullmatch(url) is not None


def _fields(redaction: Redaction, value: Mapping[Any, Any]) -> dict[Any, Any]:
    redacted: dict[Any, Any] = {}
    for name, each in value.items():
        wanted = plain = redaction.redact(name) if isinstance(name, str) else name
        number = 2
        while wanted in redacted or (wanted != name and wanted in value):
            wanted, number = f"{plain} {number}", number + 1
        redacted[wanted] = redacted_json(redaction, each)
    return redacted
