"""Marks on messages that are off the record: setting them, and leaving out what has one, so that nothing learns from it later."""

from collections.abc import Sequence
from typing import cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import validation
from langchain_persistmem.types.records import OFF_RECORD, Turn, is_off_record_metadata
from langchain_persistmem.types.representation import type_name

MESSAGE_TYPES = (BaseMessage, str, dict, list, tuple)
"""The types that LangChain takes for a message."""


def mark_off_record(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return all ``messages``, those of the user and the assistant marked as off the record."""
    for index, message in enumerate(messages):
        if not issubclass(type(cast("object", message)), MESSAGE_TYPES):
            raise InvalidInputError(f"messages[{index}] is of type {type_name(message)}; pass messages of LangChain")
    return [
        message.model_copy(update={"response_metadata": {**message.response_metadata, **OFF_RECORD}})
        if isinstance(message, (HumanMessage, AIMessage)) and not is_off_record(message)
        else message
        for message in validation.call_foreign(
            lambda: convert_to_messages(messages), "messages cannot be read", "pass messages of LangChain"
        )
    ]


def new_marks(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return only the messages that :func:`mark_off_record` changes: the update for a state that replaces them by id."""
    return [
        after
        for before, after in zip(messages, mark_off_record(messages), strict=True)
        if is_off_record(after) and not is_off_record(before)
    ]


def is_off_record(message: object) -> bool:
    """Tell if a message is marked as off the record; a state without LangGraph's reducer may have it as a dict."""
    if isinstance(message, dict):
        return is_off_record_metadata(cast("dict[str, object]", message).get("response_metadata"))
    return is_off_record_metadata(getattr(message, "response_metadata", None))


def leave_out_off_record(turns: Sequence[Turn]) -> list[Turn]:
    """Leave out the turns that are marked, and what was answered to them."""
    result: list[Turn] = []
    off = False
    for turn in turns:
        if turn.role == "user":
            off = turn.is_off_record
        if not (off or turn.is_off_record):
            result.append(turn)
    return result
