"""The bodies of requests: the arguments of the methods of the same names, and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from langchain_persistmem.recall.context import Check
from langchain_persistmem.recall.context_parts.context_text import Form
from langchain_persistmem.recall.context_parts.standing import Standing
from langchain_persistmem.recall.query_expansion import Expand
from langchain_persistmem.types.records import Consent, Kind, Source


class Body(BaseModel):
    """A body, in which a field that is not taken is an error and no silence."""

    model_config = ConfigDict(extra="forbid")

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that were sent; a default is the method's own."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class RememberBody(Body):
    """One statement to store."""

    text: str = Field(description="One statement that is clear on its own.")
    kind: Kind | Literal["auto"] = Field("semantic", description="auto: rules sort it into a kind and a category.")
    category: str | None = Field(None, description="preference, goal, fact, decision, or a word of your own.")
    key: str | None = Field(None, description="A name of your own; a new statement under it supersedes the old one.")
    value: dict[str, Any] | None = Field(None, description="JSON for your own use, filterable.")
    importance: float = Field(0.5, description="0 to 1.")
    confidence: float = Field(1.0, description="0 to 1.")
    source: Source = Field("user", description="The origin; operator and import are for operators.")
    speaker: str | None = Field(None, description="The person's name, where several speak.")
    valid_from: datetime | None = Field(None, description="From when it is true; with a time zone.")
    thread_id: str | None = Field(None, description="The conversation that it belongs to.")


class ObserveBody(Body):
    """New turns of a conversation."""

    messages: list[dict[str, Any]] = Field(
        description="Each with role, content, and optionally id, name and timestamp (ISO 8601 with offset)."
    )
    thread_id: str = Field(description="The conversation.")
    used: list[str] = Field(default_factory=list, description="Keys of memories that were in the context.")
    background: bool = Field(False, description="Store now, and let a worker learn once the conversation is quiet.")
    clean: bool = Field(False, description="Leave out what cannot be stored, such as NUL, instead of refusing all.")
    now: datetime | None = Field(None, description="The time of messages without a timestamp.")


class QuestionBody(Body):
    """A question to memory."""

    query: str = Field(description="A question, or any text.")
    limit: int = Field(10, description="At most this many, up to 1,000.")
    kinds: list[Kind] | None = Field(None, description="Only these kinds.")
    filter: dict[str, Any] | None = Field(None, description="Conditions on value, as in LangGraph's store.")
    threshold: float | None = Field(None, description="0 to 1; nothing is returned if even the best score is below.")
    at: datetime | None = Field(None, description="What was true at that moment.")
    expand: Expand | None = Field(None, description="Ask further questions too.")
    thread_id: str | None = Field(None, description="The conversation that it is for.")
    now: datetime | None = Field(None, description="The moment that recency is counted from.")


class ContextBody(Body):
    """The message that a model is about to answer."""

    query: str = Field(description="The user's message.")
    max_tokens: int | None = Field(None, description="The budget; by default the server's.")
    kinds: list[Kind] | None = Field(None, description="Only these kinds.")
    filter: dict[str, Any] | None = Field(None, description="Conditions on value, as in LangGraph's store.")
    form: Form = Field("sections", description="A list by sections, a few paragraphs, or JSON.")
    standing: Standing = Field("brief", description="The part that stands whatever is asked.")
    expand: Expand | None = Field(None, description="Ask further questions too.")
    check: Check = Field("threshold", description="Who decides about relevance.")
    shown: list[str] = Field(default_factory=list, description="fingerprints of earlier contexts that it still sees.")
    thread_id: str | None = Field(None, description="The conversation; what was learnt from it is left out.")
    messages: list[dict[str, Any]] | None = Field(None, description="Those of it that the model still sees.")
    explain: bool = Field(False, description="Also explain what is in it and what is not.")
    now: datetime | None = Field(None, description="The present, with the person's time zone.")
    time_zone: str | None = Field(None, description="Such as Europe/Oslo.")


class EditBody(Body):
    """The fields of a memory that change."""

    text: str | None = Field(None, description="The new wording.")
    kind: Kind | None = Field(None, description="The new kind.")
    importance: float | None = Field(None, description="0 to 1.")
    value: dict[str, Any] | None = Field(None, description="JSON that replaces the old.")
    valid_from: datetime | None = Field(None, description="From when it is true.")
    pinned: bool | None = Field(None, description="True protects it; false takes the pin away.")


class ForgetBody(Body):
    """The memories to erase: exactly one of keys, query and everything."""

    keys: list[str] | None = Field(None, description="Of the memories to erase.")
    query: str | None = Field(None, description="Find what a text means, and erase nothing.")
    everything: bool = Field(False, description="All of the person's data.")
    dry_run: bool = Field(False, description="Do it all, count it, and roll it back.")
    limit: int = Field(10, description="At most this many candidates for a query.")
    shared_threads: bool = Field(False, description="Also checkpoints of threads that somebody else has too.")


class ReviewBody(Body):
    """The memories that are decided on: either versions or everything."""

    versions: list[UUID] = Field(default_factory=list[UUID], description="Their ids.")
    everything: bool = Field(False, description="All that waits.")


class RestoreBody(Body):
    """The version that is to be current again."""

    version: UUID = Field(description="Its id.")


class ProfileBody(Body):
    """Changes of the profile."""

    changes: dict[str, Any] = Field(description="Objects are merged field by field; null removes a field.")


class ConsentBody(Body):
    """A person's consent."""

    consent: Consent = Field(description="allowed, no_extract or paused.")


class OffRecordBody(Body):
    """A conversation that is off the record, or on it again."""

    thread_id: str = Field(description="The conversation.")
    off: bool = Field(True, description="True: nothing is recalled into it, stored or learnt from it.")
