"""What memory answers: each behaviour as ``x`` and as ``ax``; the behaviour itself lives once, in ``engine/``."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_persistmem.engine import conversations, listing, recall
from langchain_persistmem.engine.context import TokenCounter, approximate_tokens
from langchain_persistmem.hall import Hall
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.turns import messages_of
from langchain_persistmem.types import Context, Kind, Memory, Recollection, Turn


class Reading(Hall):
    """The methods of :class:`PersistMem` that change nothing."""

    def recall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Recollection]:
        """The most relevant memories, best first, each with its score and why.

        Args:
            query: a question, or any text.
            limit: at most this many, up to 1,000; fewer, or none, where nothing is relevant.
            kinds: only these kinds.
            filter: conditions on ``value``, as in LangGraph's store.
            threshold: 0 to 1; if even the best score is below it, nothing is returned.
                By default ``Settings.threshold``.
            now: the moment that recency is counted from; by default the present.

        Raises:
            InvalidInput: an argument is out of range; the message names it.
            EmbeddingFailed: the query has no vector.
        """
        whose, at = self.whose(user_id, namespace), now or datetime.now(UTC)
        return self._backend.run(
            recall.recall, whose, query, limit=limit, kinds=kinds, filter=filter, threshold=threshold, now=at
        )

    async def arecall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Recollection]:
        """:meth:`recall`, awaited."""
        whose, at = self.whose(user_id, namespace), now or datetime.now(UTC)
        return await self._backend.arun(
            recall.recall, whose, query, limit=limit, kinds=kinds, filter=filter, threshold=threshold, now=at
        )

    def context(
        self,
        query: str,
        *,
        max_tokens: int | None = None,
        count_tokens: TokenCounter = approximate_tokens,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Context:
        """What a model should know for ``query``: instructions, facts and dated episodes, within a token budget.

        Args:
            query: the user's message.
            max_tokens: the budget; by default ``Settings.context_tokens``.
            count_tokens: the model's own counter; by default one token for four characters.
            kinds: only these kinds.
            filter: conditions on ``value``, as in LangGraph's store.
            now: the moment that recency is counted from; by default the present.

        Raises:
            InvalidInput: an argument is out of range; the message names it.
            EmbeddingFailed: the query has no vector.
        """
        whose, at, count = self.whose(user_id, namespace), now or datetime.now(UTC), count_tokens
        return self._backend.run(
            recall.context, whose, query, max_tokens=max_tokens, count_tokens=count, kinds=kinds, filter=filter, now=at
        )

    async def acontext(
        self,
        query: str,
        *,
        max_tokens: int | None = None,
        count_tokens: TokenCounter = approximate_tokens,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Context:
        """:meth:`context`, awaited."""
        whose, at, count = self.whose(user_id, namespace), now or datetime.now(UTC), count_tokens
        return await self._backend.arun(
            recall.context, whose, query, max_tokens=max_tokens, count_tokens=count, kinds=kinds, filter=filter, now=at
        )

    def get(
        self,
        key: str,
        *,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """The current memory under ``key``.

        Raises:
            MemoryNotFound: there is none.
        """
        return self._backend.run(listing.get, self.whose(user_id, namespace), key, now=datetime.now(UTC))

    async def aget(
        self,
        key: str,
        *,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """:meth:`get`, awaited."""
        return await self._backend.arun(listing.get, self.whose(user_id, namespace), key, now=datetime.now(UTC))

    def list(
        self,
        *,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        limit: int = 100,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Memory]:
        """Current memories, the last changed first; ``limit`` up to 10,000.

        Raises:
            InvalidInput: an argument is out of range; the message names it.
        """
        whose = self.whose(user_id, namespace)
        return self._backend.run(
            listing.list_, whose, kinds=kinds, filter=filter, limit=limit, offset=offset, now=datetime.now(UTC)
        )

    async def alist(
        self,
        *,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        limit: int = 100,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Memory]:
        """:meth:`list`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(
            listing.list_, whose, kinds=kinds, filter=filter, limit=limit, offset=offset, now=datetime.now(UTC)
        )

    def messages(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[BaseMessage]:
        """A thread's stored messages as they were, oldest first; pages are counted from its end.

        Args:
            thread_id: the conversation.
            limit: at most this many; by default all.
            offset: leave out the latest so many: ``limit=20, offset=20`` is the page before the last.

        Raises:
            InvalidInput: an argument is out of range; the message names it.
        """
        whose = self.whose(user_id, namespace)
        page = self._backend.run(conversations.get_messages, whose, thread_id=thread_id, limit=limit, offset=offset)
        return messages_of(page)

    async def amessages(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[BaseMessage]:
        """:meth:`messages`, awaited."""
        whose = self.whose(user_id, namespace)
        page = await self._backend.arun(
            conversations.get_messages, whose, thread_id=thread_id, limit=limit, offset=offset
        )
        return messages_of(page)

    def turns(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Turn]:
        """:meth:`messages` as turns: with the id and the date that each is stored under, and what it says as text."""
        whose = self.whose(user_id, namespace)
        return self._backend.run(conversations.get_messages, whose, thread_id=thread_id, limit=limit, offset=offset)

    async def aturns(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Turn]:
        """:meth:`turns`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(
            conversations.get_messages, whose, thread_id=thread_id, limit=limit, offset=offset
        )

    def status(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> dict[str, int]:
        """Counts without content: of one namespace, or, if none is named, of the whole database."""
        whose = self.whose(user_id, namespace) if user_id is not None or namespace is not None else None
        return self._backend.run(listing.status, whose)

    async def astatus(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> dict[str, int]:
        """:meth:`status`, awaited."""
        whose = self.whose(user_id, namespace) if user_id is not None or namespace is not None else None
        return await self._backend.arun(listing.status, whose)
