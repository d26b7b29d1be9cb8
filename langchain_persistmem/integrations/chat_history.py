"""A conversation as a LangChain chat message history, on the pool that everything else uses."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.results import ObserveResult


class PersistMemChatMessageHistory(BaseChatMessageHistory):
    """One thread's messages, as ``RunnableWithMessageHistory`` and older chains expect them.

    Made for each call and thrown away; the connections are the memory's. Messages are stored
    without learning from them: ``memory.observe([], thread_id=...)``, or the node
    ``extract_memory``, learns from what is there.
    """

    def __init__(
        self,
        memory: PersistMem,
        session_id: str,
        *,
        user_id: str | None = None,
        namespace: Namespace | None = None,
        limit: int | None = None,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            memory: opened with ``open()`` or, for the async methods, ``aopen()``.
            session_id: any text of 1 to 1,024 bytes; the thread.
            user_id: whose conversation; or ``namespace``.
            limit: only the latest so many messages are given; by default all.

        Raises:
            NamespaceMissingError: neither ``user_id`` nor ``namespace`` was given.
            InvalidInputError: ``session_id`` cannot be stored: empty, longer than 1,024 bytes, or with NUL.
        """
        self._memory = memory
        self._thread = validation.name(session_id, "session_id")
        self._namespace = memory.whose(user_id, namespace)
        self._limit = limit

    @property
    def messages(self) -> list[BaseMessage]:  # pyright: ignore[reportIncompatibleVariableOverride] - as in LangChain's own
        """The messages, oldest first."""
        return self._memory.messages(self._thread, limit=self._limit, namespace=self._namespace)

    async def aget_messages(self) -> list[BaseMessage]:
        """:attr:`messages`, awaited."""
        return await self._memory.amessages(self._thread, limit=self._limit, namespace=self._namespace)

    def page(self, limit: int = 20, *, offset: int = 0) -> list[BaseMessage]:
        """``limit`` messages without the latest ``offset``, oldest first; empty before the beginning.

        ``page()`` is the end of the conversation, ``page(offset=20)`` what came before it.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        return self._memory.messages(self._thread, limit=limit, offset=offset, namespace=self._namespace)

    async def apage(self, limit: int = 20, *, offset: int = 0) -> list[BaseMessage]:
        """:meth:`page`, awaited."""
        return await self._memory.amessages(self._thread, limit=limit, offset=offset, namespace=self._namespace)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages, all or none; one whose id is there already stays as it is.

        Raises:
            InvalidInputError: a message cannot be stored; none was.
        """
        self._memory.add_messages(list(messages), thread_id=self._thread, namespace=self._namespace)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """:meth:`add_messages`, awaited."""
        await self._memory.aadd_messages(list(messages), thread_id=self._thread, namespace=self._namespace)

    def clear(self) -> None:
        """Delete the messages; what was learnt from them stays."""
        self._memory.clear_messages(self._thread, namespace=self._namespace)

    async def aclear(self) -> None:
        """:meth:`clear`, awaited."""
        await self._memory.aclear_messages(self._thread, namespace=self._namespace)


def backfill(
    memory: PersistMem,
    history: BaseChatMessageHistory,
    *,
    thread_id: str,
    user_id: str | None = None,
    namespace: Namespace | None = None,
) -> ObserveResult:
    """Learn memories from any chat history; running it again learns only from what was added since.

    A message without an id gets one made of what it says and how often that was said before, so a
    history that has lost its beginning meanwhile is known again too. A message's date is its
    ``additional_kwargs["timestamp"]``, if it has one, and otherwise the present.

    Args:
        memory: opened with ``open()``.
        history: of any package; it is only read.
        thread_id: the name under which the conversation is kept here.
        user_id: whose conversation; or ``namespace``.

    Raises:
        InvalidInputError: a message cannot be stored; none was.
        ExtractionError: the chat model failed; the turns are stored, and running it again goes on.
    """
    messages = _identified(history.messages, memory.backend.settings.redaction)
    return memory.observe(messages, thread_id=thread_id, user_id=user_id, namespace=namespace)


async def abackfill(
    memory: PersistMem,
    history: BaseChatMessageHistory,
    *,
    thread_id: str,
    user_id: str | None = None,
    namespace: Namespace | None = None,
) -> ObserveResult:
    """:func:`backfill`, awaited; a history that can only be read blocking is read in a thread."""
    try:
        found = await history.aget_messages()
    except (
        AssertionError,
        NotImplementedError,
        ValueError,
    ):  # what LangChain's SQL histories raise, set up for blocking
        found = await asyncio.to_thread(lambda: history.messages)
    return await memory.aobserve(
        _identified(found, memory.backend.settings.redaction), thread_id=thread_id, user_id=user_id, namespace=namespace
    )


def _identified(messages: Sequence[BaseMessage], redaction: Redaction | None) -> list[BaseMessage]:
    """Messages with ids; one without gets the same each time it is read, made of its redacted text."""
    said: Counter[str] = Counter()
    identified: list[BaseMessage] = []
    for message in messages:
        if not message.id:
            text = f"{message.type}\x1f{message.content!r}"
            text = text if redaction is None else redaction.redact(text)
            said[text] += 1
            message = message.model_copy(update={"id": _fingerprint(text, said[text])})  # noqa: PLW2901
        identified.append(message)
    return identified


def _fingerprint(text: str, times: int) -> str:
    return hashlib.sha256(f"{times}\x1f{text}".encode(errors="replace")).hexdigest()[:32]
