"""LangChain's messages become turns here at the entry point; the engine never sees a framework type.

Turns that cannot be stored are refused with the field where an application gave them, and cleaned where a graph did.
"""

import hashlib
import json
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, Literal, cast

from langchain_core.messages import BaseMessage, convert_to_messages, message_to_dict, messages_from_dict
from langchain_core.messages.utils import MessageLikeRepresentation
from langchain_core.utils.uuid import uuid7
from pydantic import BaseModel

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.redaction.nested_values import redact_message
from langchain_persistmem.runtime.off_record_marks import MESSAGE_TYPES, leave_out_off_record
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.moments import offset_of
from langchain_persistmem.types.records import Turn
from langchain_persistmem.types.representation import cut, is_a, plain, type_name

logger = logging.getLogger(__name__)

MAX_MESSAGES = 10_000
"""The most messages in one call: they are checked, stored and learnt from as a whole, and held in memory for it."""

Role = Literal["user", "assistant", "system", "tool"]
_ROLES: dict[str, Role] = {
    "human": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "HumanMessageChunk": "user",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "remove": "system",
}

MAX_TURN_CHARS = 1_000_000
MAX_SPEAKER_CHARS = 200
_LARGEST_INTEGER = 10**4_000
_MESSAGE_FIELDS = ("data", "content", "additional_kwargs", "response_metadata", "tool_calls", "args", "artifact")
"""LangChain's own names in a message, which an error may show."""
_FINITE = (str, bytes, dict, list, tuple, set, frozenset, BaseModel)
"""Iterables with an end."""
_ADVICE = "pass a LangChain message, or a dict with 'role' and 'content'"
_NEEDED = ("type", "id", "name", "tool_call_id")
"""Fields of a message without which it is none."""


@dataclass(frozen=True, slots=True)
class CleanTurns:
    """Turns that can be stored, and what that took."""

    turns: list[Turn]
    cleaned: int = 0
    """Turns without something that cannot be stored."""
    left_out: int = 0
    """Turns that cannot be stored in any form."""


def turns_of(
    messages: Sequence[MessageLikeRepresentation] | MessageLikeRepresentation,
    *,
    redaction: Redaction | None,
    now: datetime,
) -> list[Turn]:
    """Messages, in any form that LangChain takes, as turns; with ``redaction``, redacted.

    A message's date is ``additional_kwargs["timestamp"]`` or, for a dict, its ``"timestamp"``: an
    aware datetime or ISO 8601 text, whose offset from UTC is the sender's; without one it is ``now``. A message without an id gets one
    made from its role, text and date, so that observing it again stores nothing twice; without a
    date either, it is always a new one. It is made from the redacted text: a hash of what was taken out
    would let it be guessed.

    Raises:
        InvalidInputError: something is no message, its date has no time zone, or there are more than ``MAX_MESSAGES``.
        RedactionError: a detector of the application's failed.
    """
    values = (
        [messages]
        if issubclass(type(messages), (str, BaseMessage, dict))
        else validation.check_list(messages, "messages", at_most=MAX_MESSAGES)
    )
    counts: Counter[str] = Counter()  # of all messages together: two equal ones of one moment are two turns
    rules = _rules_of(redaction)
    return [
        _turn_of(value, f"messages[{index}]", redaction, rules, counts, now=now) for index, value in enumerate(values)
    ]


def _turn_of(
    value: object, where: str, redaction: Redaction | None, rules: bytes, counts: Counter[str], *, now: datetime
) -> Turn:
    message, text, content, timestamp = _read_message(value, where)
    sent_at = now if timestamp is None else _moment(timestamp, f"{where}.timestamp")
    # The clock of a server, which runs in UTC, tells nothing about the sender's.
    is_local = timestamp is not None or sent_at.utcoffset()
    role = _ROLES.get(message.type, _ROLES.get(getattr(message, "role", ""), "user"))
    text = text if redaction is None else redaction.redact(text)
    id = message.id
    if not id and timestamp is not None:
        base = "\x1f".join((role, text, sent_at.isoformat()))
        counts[base] += 1
        id = hashlib.sha256(f"{base}\x1f{counts[base]}".encode(errors="replace")).hexdigest()[:32]
    speaker = message.name if message.name and message.name.strip() else None
    if isinstance(timestamp, datetime) and "timestamp" in message.additional_kwargs:  # JSON has no datetime
        content["data"]["additional_kwargs"] = {**message.additional_kwargs, "timestamp": sent_at.isoformat()}
    if redaction is not None:
        speaker = redaction.redact(speaker) if speaker is not None else None
        content = redact_message(redaction, content)
    return Turn(
        id=id or str(uuid7()),
        role=role,
        text=text,
        sent_at=sent_at,
        speaker=speaker,
        content=content,
        utc_offset=offset_of(sent_at) if is_local else None,
        has_id=bool(id),
        digest=rules + digest_words(role, speaker, text, content),
    )


def turns_to_observe(
    messages: Sequence[MessageLikeRepresentation] | MessageLikeRepresentation,
    *,
    redaction: Redaction | None,
    now: datetime,
    clean: bool,
) -> CleanTurns:
    """:func:`turns_on_the_record`; with ``clean``, without what cannot be stored, of which it is said how much that was.

    Raises:
        InvalidInputError: a message cannot be stored, and ``clean`` is False; or there are no messages at all.
    """
    left_out = 0
    # One message that cannot be read must not cost the others: only then they are read one by one.
    try:
        turns = turns_on_the_record(messages, redaction=redaction, now=now)
    except InvalidInputError:
        if not clean or not isinstance(messages, list):
            raise
        readable = [message for message in messages if _is_readable(message, redaction, now)]
        turns, left_out = turns_on_the_record(readable, redaction=redaction, now=now), len(messages) - len(readable)
    result = clean_turns(turns) if clean else CleanTurns(turns)
    if result.cleaned or result.left_out or left_out:
        logger.warning(
            "%d messages were cleaned, %d left out: not storable", result.cleaned, result.left_out + left_out
        )
    return replace(result, left_out=result.left_out + left_out)


def _is_readable(message: MessageLikeRepresentation, redaction: Redaction | None, now: datetime) -> bool:
    try:
        turns_of([message], redaction=redaction, now=now)
    except InvalidInputError:
        return False
    return True


def digest_words(role: str, speaker: str | None, text: str, content: Mapping[str, Any]) -> bytes:
    """The 16 bytes by which the words of a message are compared; without what a provider says about them."""
    data: object = content.get("data")
    fields: Mapping[str, object] = cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {}
    words: list[object] = [role, speaker, text, fields.get("content"), fields.get("tool_calls")]
    return hashlib.sha256(json.dumps(words, default=str, sort_keys=True).encode()).digest()[:16]


def _rules_of(redaction: Redaction | None) -> bytes:
    """Four bytes that name the rules of redaction: texts of other rules cannot be compared."""
    if redaction is None:
        return bytes(4)
    detectors = [f"{type(detector).__module__}.{type(detector).__qualname__}" for detector in redaction.detectors]
    key = redaction.pseudonym_key
    rules = repr((sorted(redaction.categories or ("all",)), detectors, key is not None))
    secret = key.encode() if isinstance(key, str) else key or b""
    return hashlib.sha256(secret + rules.encode()).digest()[:4]


def turns_on_the_record(
    messages: Sequence[MessageLikeRepresentation] | MessageLikeRepresentation,
    *,
    redaction: Redaction | None,
    now: datetime,
) -> list[Turn]:
    """:func:`turns_of`, without what may not be learnt from.

    Left out are the messages that were marked as said off the record, what was answered to them, and the
    summaries that LangChain's middleware writes in the user's name.

    Raises:
        InvalidInputError: something is no message, or its date has no time zone.
    """
    turns = turns_of(messages, redaction=redaction, now=now)
    return leave_out_off_record([turn for turn in turns if not _is_summary(turn)])


def _is_summary(turn: Turn) -> bool:
    return "lc_source" in turn.content["data"].get("additional_kwargs", {})


def by_middleware(message: object) -> bool:
    """LangChain's SummarizationMiddleware puts its summary where the user's messages stood, as a message of the user."""
    kwargs = _fields_of(message).get("additional_kwargs") if is_a(message, BaseMessage) else None
    return issubclass(type(kwargs), dict) and "lc_source" in cast("dict[str, object]", kwargs)


def messages_of(turns: Sequence[Turn]) -> list[BaseMessage]:
    """Stored turns as the messages that they were."""
    return messages_from_dict([dict(turn.content) for turn in turns])


def check_size(message: object, where: str) -> None:
    """Refuse a message of which a field has no end, before anything looks into it.

    Such a field holds itself, or another so often that it has none, or is an iterable of a class that LangChain does not know.

    Raises:
        InvalidInputError: it has such a field; the message names it.
    """
    if issubclass(type(message), (list, tuple)):  # a role and a content
        validation.check_value_count(message, where)
    is_message = is_a(message, BaseMessage)
    fields = _fields_of(message) if is_message else message
    entries = dict[object, object].items(cast("dict[object, object]", fields)) if is_a(fields, dict) else ()
    for name, field in entries:
        path = cut(f"{where}.{name}") if is_a(name, str) and name in _MESSAGE_FIELDS else where
        if issubclass(type(field), (dict, list, tuple)):
            validation.check_value_count(field, path)
        if is_message and name != "artifact" and _is_foreign_iterable(field):
            raise InvalidInputError(f"{path} is of type {type_name(field)}; pass a string or a list")


def _is_foreign_iterable(value: object) -> bool:
    """True for an iterable of a class of somebody's own, which LangChain would read to its end."""
    kind = type(value)
    return issubclass(kind, Iterable) and (
        not issubclass(kind, _FINITE) or (issubclass(kind, list) and kind is not list)
    )


def message_id(message: BaseMessage) -> str | None:
    """Return a message's id; None where it has none, or one that is no text."""
    id = _fields_of(message).get("id")
    return id if is_a(id, str) else None


def _copy_message(value: object, where: str, depth: int = 0) -> Any:
    """Copy a message that is no LangChain message in Python's own containers: those of other classes may fail, or have no end.

    Raises:
        InvalidInputError: there is an iterable of another kind in it.
    """
    value = cast("object", plain(value))
    if depth > validation.MAX_DEPTH:  # no deeper does LangChain look
        return value
    if is_a(value, dict):
        entries = cast("dict[object, object]", value)
        return {plain(key): _copy_message(inner, where, depth + 1) for key, inner in entries.items()}
    if issubclass(type(value), (list, tuple)):
        items = [_copy_message(inner, where, depth + 1) for inner in cast("Sequence[object]", value)]
        return items if is_a(value, list) else tuple(items)
    if _is_foreign_iterable(value):
        raise InvalidInputError(f"{where} has a field of type {type_name(value)}; pass a string, a list or a dict")
    return value


def _fields_of(message: BaseMessage) -> dict[str, object]:
    """The fields of a message by C's own method: those of a class of the caller's may fail, or lie."""
    return object.__getattribute__(message, "__dict__")


def has_end(message: object) -> bool:
    """True for a message that :func:`check_size` takes."""
    try:
        check_size(message, "")
    except InvalidInputError:
        return False
    return True


def _read_message(value: object, where: str) -> tuple[BaseMessage, str, dict[str, Any], object]:
    """Read a message, its text, its content as a dict, and its timestamp.

    Raises:
        InvalidInputError: it is none, or has no end.
    """
    if not issubclass(type(value), MESSAGE_TYPES):  # LangChain reads any other as a pair, to its end
        raise InvalidInputError(f"{where} is of type {type_name(value)}; {_ADVICE}")
    check_size(value, where)
    fields: Any = value if is_a(value, BaseMessage) else _copy_message(value, where)
    timestamp: object = None
    if issubclass(type(fields), dict):
        # LangChain quotes all of a dict that is no message.
        if "lc" not in fields and ("content" not in fields or not ("role" in fields or "type" in fields)):
            raise InvalidInputError(f"{where} is no message; {_ADVICE}")
        timestamp = fields.pop("timestamp", None)
    try:
        (message,) = convert_to_messages([fields])
        timestamp = message.additional_kwargs.get("timestamp") if timestamp is None else timestamp
        text, content = plain(str(message.text)), message_to_dict(message)
        labels = {
            "id": message.id,
            "name": message.name,
            "type": message.type or "",
            "role": getattr(message, "role", None),
        }
    except Exception as error:  # noqa: BLE001 - LangChain raises many, and what is no message may run code of its own
        reason = f"{where} is no message ({type(error).__name__})"
    else:
        for name, label in labels.items():  # a message that was made without LangChain's checks
            if not (label is None or is_a(label, str)):
                raise InvalidInputError(f"{where}.{name} is of type {type_name(label)}; pass a string")
        return message, text, content, timestamp
    raise InvalidInputError(f"{reason}; {_ADVICE}")


def _moment(timestamp: object, where: str) -> datetime:
    if isinstance(timestamp, str):
        try:
            timestamp = datetime.fromisoformat(timestamp)
        except ValueError:
            timestamp = None
        if timestamp is None:
            raise InvalidInputError(f"{where} is not a date; pass ISO 8601 text such as '2026-03-02T19:04:00+01:00'")
    return moments.aware(timestamp, where)


def check_turn(turn: Turn, where: str) -> Turn:
    """Return a turn, its content in Python's own types, if it can be stored as it is.

    Raises:
        InvalidInputError: the message has the field.
    """
    validation.name(turn.id, f"{where}.id")
    validation.storable(turn.text, f"{where}.content")
    if len(turn.text) > MAX_TURN_CHARS:
        validation.check_text(turn.text, f"{where}.content", at_most=MAX_TURN_CHARS)
    content = validation.json_object(turn.content, where, names=_MESSAGE_FIELDS)
    moments.aware(turn.sent_at, f"{where}.timestamp")
    if turn.speaker is not None:
        validation.check_text(turn.speaker, f"{where}.name", at_most=MAX_SPEAKER_CHARS)
    return replace(turn, content=content)


def clean_turns(turns: Sequence[Turn]) -> CleanTurns:
    """Take out of turns what cannot be stored, such as NUL, a moment in an artifact, or the end of a text without one."""
    result: list[Turn] = []
    count = 0
    for index, turn in enumerate(turns):
        if _is_storable(turn, index):
            result.append(turn)
            continue
        clean = _clean_turn(turn)
        # A message that is too large even when clean is stored with its words alone.
        versions = (clean, replace(clean, content=_shorten(clean)))
        storable = next((version for version in versions if _is_storable(version, index)), None)
        if storable is not None:
            result.append(storable)
            count += 1
    return CleanTurns(result, count, len(turns) - len(result))


def _is_storable(turn: Turn, index: int) -> bool:
    try:
        check_turn(turn, f"messages[{index}]")
    except InvalidInputError:
        return False
    return True


def _clean_turn(turn: Turn) -> Turn:
    speaker = _clean_text(turn.speaker or "").strip()[:MAX_SPEAKER_CHARS]
    id = _clean_text(turn.id).encode()[: validation.MAX_NAME_BYTES].decode(errors="ignore")
    content = cast("Mapping[str, Any]", _clean_json(turn.content, 0))
    return replace(
        turn,
        id=id or "-",
        text=_clean_text(turn.text)[:MAX_TURN_CHARS],
        speaker=speaker or None,
        content=content,
    )


def _clean_text(text: str) -> str:
    return text.replace("\x00", "").encode(errors="replace").decode()


def _clean_json(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < _LARGEST_INTEGER else None
    if depth >= validation.MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        fields = cast("Mapping[object, object]", value).items()
        return {_clean_text(str(key)): _clean_json(inner, depth + 1) for key, inner in fields}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean_json(inner, depth + 1) for inner in cast("Sequence[object]", value)]
    return value.isoformat() if isinstance(value, date | time) else f"<{type_name(value)}>"


def _shorten(turn: Turn) -> Mapping[str, Any]:
    """The message with its words alone."""
    data: object = turn.content.get("data")
    fields: Mapping[str, object] = cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {}
    required_fields = {name: fields[name] for name in _NEEDED if isinstance(fields.get(name), str)}
    return {"type": turn.content.get("type"), "data": {**required_fields, "content": turn.text}}
