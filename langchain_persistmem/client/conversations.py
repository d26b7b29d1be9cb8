"""``memory.conversations``: messages that were stored, as they were."""

from __future__ import annotations

import asyncio
import builtins
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import MessageLikeRepresentation

from langchain_persistmem.client.group import Group
from langchain_persistmem.client.sync_and_async import both, call, run
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.learning import conversations
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.runtime.backend import AsyncBackend
from langchain_persistmem.runtime.messages import check_size, messages_of, turns_of
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.progress import Meter, Progress
from langchain_persistmem.types.records import Turn
from langchain_persistmem.types.representation import is_a, type_name
from langchain_persistmem.types.results import Conversation, ObserveResult, TurnOutcome

Messages = Sequence[MessageLikeRepresentation]

_PART = 200
"""Messages of a history that are stored and learnt from at once."""
_COUNTS = ("stored", "added", "reinforced", "skipped", "superseded", "quarantined")


class Conversations(Group):
    """Stored conversations: ``memory.conversations``."""

    async def _list(
        self, *, limit: int = 100, offset: int = 0, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Conversation]:
        """List a person's conversations in figures and without content, the one of the latest message first.

        Args:
            limit: at most this many, up to 10,000.
            offset: leave out the first so many.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(self.backend, conversations.list_conversations, namespace, limit=limit, offset=offset)

    list, alist = both(_list)

    async def _messages(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[BaseMessage]:
        """Return a thread's stored messages as they were, oldest first; pages are counted from its end.

        Args:
            thread_id: the conversation.
            limit: at most this many; by default all.
            offset: leave out the latest so many: ``limit=20, offset=20`` is the page before the last.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        return messages_of(await self._page(thread_id, limit, offset, user_id, namespace))

    messages, amessages = both(_messages)

    async def _turns(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Turn]:
        """Return the same as :meth:`messages` as turns: with stored id, date, and the content as text.

        Args:
            thread_id: the conversation.
            limit: at most this many; by default all.
            offset: leave out the latest so many.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        return await self._page(thread_id, limit, offset, user_id, namespace)

    turns, aturns = both(_turns)

    async def _outcomes(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[TurnOutcome]:
        """Return what came of each stored message: the statements that rest on it, and those that were dropped, and why.

        Args:
            thread_id: the conversation.
            limit: at most this many; by default all.
            offset: leave out the latest so many.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(
            self.backend, conversations.get_outcomes, namespace, thread_id=thread_id, limit=limit, offset=offset
        )

    outcomes, aoutcomes = both(_outcomes)

    async def _add(
        self,
        messages: Messages,
        *,
        thread_id: str,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> int:
        """Store a conversation's new turns without learning from them; a later ``memory.observe()`` on the thread does.

        It is the application's own history, so that messages marked as off the record are stored too, and
        returned by :meth:`messages`; they are never learnt from. While memory is paused, and of a conversation that
        was put off the record with ``memory.privacy.set_off_record()``, nothing is stored.

        Args:
            messages: as for ``memory.observe()``, at most 10,000.
            thread_id: the conversation.

        Returns:
            The number of turns that were new and are stored.

        Raises:
            InvalidInputError: a message cannot be stored; none was.
        """
        now, namespace = datetime.now(UTC), self._memory.namespace_of(user_id, namespace)
        # Once for all attempts: messages without an id get one here, and must be the same turns in each of them.
        turns = turns_of(messages, redaction=self.backend.settings.redaction, now=now)
        return await run(self.backend, conversations.add_messages, namespace, turns, thread_id=thread_id, now=now)

    add, aadd = both(_add)

    async def _clear(
        self,
        thread_id: str,
        *,
        turns: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> int:
        """Delete a thread's stored messages; the memories learnt from them stay (see ``memory.forget()``).

        Args:
            thread_id: the conversation.
            turns: erase its turns too, which are memories of their own; the statements learnt from them stay.

        Returns:
            The number of messages deleted.

        Raises:
            InvalidInputError: ``thread_id`` is malformed.
        """
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(
            self.backend, conversations.clear_messages, namespace, thread_id=thread_id, turn_memories=turns
        )

    clear, aclear = both(_clear)

    async def _backfill(
        self,
        history: BaseChatMessageHistory,
        *,
        thread_id: str,
        progress: Callable[[Progress], object] | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ObserveResult:
        """Learn memories from any LangChain chat history; running it again learns only from what was added since.

        A message without an id gets one made of its content and of how often that occurred before, so a
        history that has lost its beginning meanwhile is recognized too. A message's date is its
        ``additional_kwargs["timestamp"]``, if it has one, and otherwise the present.

        Args:
            history: of any package; it is only read. Natively async memory reads it with ``aget_messages()``, and
                in a thread where it can only be read blocking.
            thread_id: the name under which the conversation is stored here.
            progress: called after each 200 messages.

        Raises:
            InvalidInputError: a message cannot be stored; none was.
            ExtractionError: the chat model failed; the turns are stored, and running it again goes on.
        """
        # Through `observe`, so that redaction, consent and what was learnt already hold here too.
        asynchronous = isinstance(self.backend, AsyncBackend)
        messages = validation.check_list(await _read(history) if asynchronous else history.messages, "history.messages")
        messages_with_ids = _with_ids(messages, self.backend.settings.redaction)
        # In parts, since one call takes a long time; an empty history is a call, too, and checks the arguments.
        parts = [messages_with_ids[start : start + _PART] for start in range(0, len(messages_with_ids), _PART)] or [[]]
        meter, results = Meter(progress, "messages", len(messages_with_ids)), list[ObserveResult]()
        for part in parts:
            seen = await call(
                asynchronous,
                self._memory.observe,
                part,
                thread_id=thread_id,
                user_id=user_id,
                namespace=namespace,
            )
            results.append(seen)
            meter.advance(len(part))
        return _sum(results)

    backfill, abackfill = both(_backfill)

    async def _page(
        self, thread_id: str, limit: int | None, offset: int, user_id: str | None, namespace: Namespace | None
    ) -> builtins.list[Turn]:
        namespace = self._memory.namespace_of(user_id, namespace)
        return await run(
            self.backend, conversations.get_messages, namespace, thread_id=thread_id, limit=limit, offset=offset
        )


async def _read(history: BaseChatMessageHistory) -> list[BaseMessage]:
    """The messages of a history, read on the event loop where it can be."""
    try:
        return await history.aget_messages()
    except (AssertionError, NotImplementedError, ValueError):
        # LangChain's SQL histories raise one of these where they were set up for blocking use.
        return await asyncio.to_thread(lambda: history.messages)


def _sum(results: Sequence[ObserveResult]) -> ObserveResult:
    """One result of several; what waits was counted by the last, and so was the reason."""
    last = results[-1]
    counts = {name: sum(getattr(result, name) for result in results) for name in _COUNTS}
    return replace(last, **counts)


def _with_ids(messages: Sequence[object], redaction: Redaction | None) -> list[BaseMessage]:
    """Messages with ids; one without gets the same each time it is read, made of its redacted text.

    Raises:
        InvalidInputError: one is no message, or holds itself.
    """
    occurrences: Counter[str] = Counter()
    result: list[BaseMessage] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not is_a(message, BaseMessage):
            raise InvalidInputError(f"{where} is of type {type_name(message)}; pass a history of LangChain's messages")
        check_size(message, where)
        id, text = validation.call_foreign(
            lambda message=message: (message.id, "" if message.id else f"{message.type}\x1f{message.content!r}"),
            f"{where} cannot be read",
            "pass a message of LangChain",
        )
        if not id:
            text = text if redaction is None else redaction.redact(text)
            occurrences[text] += 1
            message = message.model_copy(update={"id": _fingerprint(text, occurrences[text])})  # noqa: PLW2901
        result.append(message)
    return result


def _fingerprint(text: str, times: int) -> str:
    return hashlib.sha256(f"{times}\x1f{text}".encode(errors="replace")).hexdigest()[:32]
