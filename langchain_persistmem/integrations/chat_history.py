"""A conversation as a LangChain chat message history, on the pool that everything else uses."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.types import validation
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.representation import is_a, plain, type_name


class PersistMemChatMessageHistory(BaseChatMessageHistory):
    """One thread's messages, as ``RunnableWithMessageHistory`` and older chains expect them.

    Made for each call and thrown away; the connections are the memory's. Messages are stored
    without learning from them: ``memory.observe([], thread_id=...)``, or the node
    ``extract_memory``, learns from what is there.
    """

    @check_arguments()
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
            limit: at most the latest so many messages are given, from a message of the user on: a model takes no result
                of a tool without its call. By default all.

        Raises:
            NamespaceMissingError: neither ``user_id`` nor ``namespace`` was given.
            InvalidInputError: ``session_id`` cannot be stored: empty, longer than 1,024 bytes, or with NUL.
        """
        # Checked here, so that a wrong name fails where it is given, and not at the first message.
        self._memory = memory
        self._thread = validation.name(session_id, "session_id")
        self._namespace = memory.namespace_of(user_id, namespace)
        self._limit = None if limit is None else validation.count(limit, "limit", at_least=1)

    @property
    def messages(self) -> list[BaseMessage]:  # pyright: ignore[reportIncompatibleVariableOverride] - as in LangChain's own
        """The messages, oldest first."""
        return self._window(
            self._memory.conversations.messages(self._thread, limit=self._reach, namespace=self._namespace)
        )

    async def aget_messages(self) -> list[BaseMessage]:
        """:attr:`messages`, awaited."""
        return self._window(
            await self._memory.conversations.amessages(self._thread, limit=self._reach, namespace=self._namespace)
        )

    @property
    def _reach(self) -> int | None:
        """One message more than the limit, by which it is seen if there are earlier ones."""
        return None if self._limit is None else self._limit + 1

    def _window(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """The latest messages, from a message of the user on; a conversation that is not cut stays as it is."""
        if self._limit is None or len(messages) <= self._limit:
            return messages
        starts = [position for position, message in enumerate(messages) if position and message.type == "human"]
        return messages[starts[0] :] if starts else []

    def page(self, limit: int = 20, *, offset: int = 0) -> list[BaseMessage]:
        """``limit`` messages without the latest ``offset``, oldest first; empty before the beginning.

        ``page()`` is the end of the conversation, ``page(offset=20)`` what came before it.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        return self._memory.conversations.messages(self._thread, limit=limit, offset=offset, namespace=self._namespace)

    async def apage(self, limit: int = 20, *, offset: int = 0) -> list[BaseMessage]:
        """:meth:`page`, awaited."""
        return await self._memory.conversations.amessages(
            self._thread, limit=limit, offset=offset, namespace=self._namespace
        )

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Append messages, all or none; one whose id is there already stays as it is.

        Raises:
            InvalidInputError: a message cannot be stored; none was.
        """
        self._memory.conversations.add(messages, thread_id=self._thread, namespace=self._namespace)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """:meth:`add_messages`, awaited."""
        await self._memory.conversations.aadd(messages, thread_id=self._thread, namespace=self._namespace)

    def add_user_message(self, message: HumanMessage | str) -> None:
        """Append a message of the user; see :meth:`add_messages`."""
        self.add_messages([_message_of(message, HumanMessage)])

    def add_ai_message(self, message: AIMessage | str) -> None:
        """Append an answer; see :meth:`add_messages`."""
        self.add_messages([_message_of(message, AIMessage)])

    def clear(self) -> None:
        """Delete the messages; what was learnt from them stays."""
        self._memory.conversations.clear(self._thread, namespace=self._namespace)

    async def aclear(self) -> None:
        """:meth:`clear`, awaited."""
        await self._memory.conversations.aclear(self._thread, namespace=self._namespace)


def _message_of(message: object, kind: type[HumanMessage | AIMessage]) -> BaseMessage:
    """A message of a text: LangChain's own method takes whatever it is for a text."""
    text = plain(message)
    if is_a(text, str):
        return kind(text)
    if not is_a(message, BaseMessage):
        raise InvalidInputError(f"message is of type {type_name(message)}; pass a string or a {kind.__name__}")
    return message
