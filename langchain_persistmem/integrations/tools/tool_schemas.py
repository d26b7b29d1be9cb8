"""Schemas of memory's tools, with the words that a model reads, and the answer to a call that does not fit them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from langchain_persistmem.types.representation import is_a, plain
from langchain_persistmem.types.validation import check_list

MOST = 50
"""Memories in one answer."""


class Arguments(BaseModel):
    """Base of the tools' arguments."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_names(cls, arguments: Any) -> Any:
        """A name that does not exist is said to be wrong, not passed over; ``runtime`` is LangGraph's."""
        if isinstance(arguments, dict):
            unknown = sorted(set(cast("dict[str, Any]", arguments)) - set(cls.model_fields) - {"runtime"})
            if unknown:
                raise ValueError(f"there is no argument {', '.join(map(repr, unknown))}")
        return cast("Any", arguments)


def _as_list(keys: Any) -> Any:
    """Models give one key as a text, or none as null."""
    if keys is None or is_a(keys, str):
        return [plain(keys)] if keys else []
    return check_list(keys, "keys")


class Remember(Arguments):
    """Keep one statement about the user for later conversations. Use it when the user asks you to remember
    something, or tells you something that will matter again. Never keep passwords or other secrets.
    """

    text: str = Field(description="One statement that is clear on its own, in the user's own words where possible.")
    kind: Literal["auto", "semantic", "episodic", "procedural"] = Field(
        default="auto",
        description="semantic: what is true; episodic: what happened; procedural: how the user wants you to behave; "
        "auto: the memory sorts it.",
    )


class RecallMemories(Arguments):
    """Look up what is remembered about the user from earlier conversations."""

    query: str = Field(description="A question, or what to look for.")
    limit: int = Field(default=5, description=f"At most so many memories, 1 to {MOST}.")


class CorrectMemory(Arguments):
    """Replace a memory that is wrong or out of date. The old statement stays in the history."""

    key: str = Field(description="The key in brackets before the memory, from recall_memories or list_memories.")
    text: str = Field(description="The statement that is right now, clear on its own.")


class ForgetMemories(Arguments):
    """Erase memories for good, when the user wants them forgotten. With a query nothing is erased: you get the
    memories that it means. With keys those are erased; for more than one the user is asked first.
    """

    keys: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        default=[], description="Keys in brackets before the memories. All that are to be erased in one call."
    )
    query: str = Field(default="", description="What to look for, where the keys are not known yet.")


class ListMemories(Arguments):
    """List what is remembered about the user, the last changed first."""

    kind: Literal["any", "semantic", "episodic", "procedural", "profile"] = Field(
        default="any", description="Only memories of this kind."
    )
    limit: int = Field(default=20, description=f"At most so many memories, 1 to {MOST}.")
    page: int = Field(default=1, description="2 is the page after the first.")


def explain_mistake(schema: type[BaseModel], error: Any) -> str:
    """Explain the mistake in a call, and the arguments that the tool takes, without repeating what the model passed."""
    problems = "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        if fault["loc"]
        else str(fault["msg"]).removeprefix("Value error, ")
        for fault in error.errors(include_input=False, include_url=False, include_context=False)
    )
    takes = ", ".join(
        f"{name} ({'needed' if field.is_required() else f'by default {field.get_default()!r}'})"
        for name, field in schema.model_fields.items()
    )
    return f"Nothing was done: {problems}. The arguments are: {takes}. Call again."
