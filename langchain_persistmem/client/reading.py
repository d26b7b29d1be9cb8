"""What memory answers: each behaviour as ``x`` and as ``ax``."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, overload

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import MessageLikeRepresentation

from langchain_persistmem.client.base import Hall
from langchain_persistmem.learning import conversations
from langchain_persistmem.recall import listing
from langchain_persistmem.recall import recall as recall_flow
from langchain_persistmem.recall.context import Form, TokenCounter, approximate_tokens
from langchain_persistmem.recall.query_expansion import Expand
from langchain_persistmem.recall.recall import Check, Shape
from langchain_persistmem.recall.search import Question
from langchain_persistmem.runtime.messages import messages_of, turns_of
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recalled import Context, Explanation, Recollection
from langchain_persistmem.types.records import Kind, Memory, Turn

Messages = Sequence[MessageLikeRepresentation]


class Reading(Hall):
    """The methods of :class:`PersistMem` that change nothing."""

    @overload
    def recall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        explain: Literal[False] = False,
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Recollection]: ...

    @overload
    def recall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        explain: Literal[True],
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Explanation: ...

    def recall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        explain: bool = False,
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Recollection] | Explanation:
        """The most relevant memories, best first, each with its score and why; none while memory is paused.

        Args:
            query: a question, or any text.
            limit: at most this many, up to 1,000; fewer, or none, where nothing is relevant.
            kinds: only these kinds.
            filter: conditions on ``value``, as in LangGraph's store.
            threshold: 0 to 1; if even the best score is below it, nothing is returned.
                By default ``Settings.threshold``.
            at: ask for what was true at that moment, superseded memories included; slower.
            expand: ask further questions too: the parts, quotations and names in the query (``"rules"``), or
                what one call of the chat model makes of it (``"model"``; where that fails, the rules). Each
                memory counts with its best score.
            explain: return an :class:`Explanation` instead: the same recollections, what was left out and why, and
                what was understood of the question; two further statements.
            thread_id: the conversation that it is for: nothing is recalled into one that is off the record.
            now: the moment that recency is counted from; by default the present.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
            EmbeddingError: the query has no vector.
        """
        question = _question(query, limit, kinds, filter, at, expand, thread_id, now)
        flow = recall_flow.explain if explain else recall_flow.recall
        return self._backend.run(flow, self.whose(user_id, namespace), question, threshold=threshold)

    @overload
    async def arecall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        explain: Literal[False] = False,
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Recollection]: ...

    @overload
    async def arecall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        explain: Literal[True],
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Explanation: ...

    async def arecall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        explain: bool = False,
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Recollection] | Explanation:
        """:meth:`recall`, awaited."""
        question = _question(query, limit, kinds, filter, at, expand, thread_id, now)
        flow = recall_flow.explain if explain else recall_flow.recall
        return await self._backend.arun(flow, self.whose(user_id, namespace), question, threshold=threshold)

    def context(
        self,
        query: str,
        *,
        max_tokens: int | None = None,
        count_tokens: TokenCounter = approximate_tokens,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        form: Form = "sections",
        profile: bool = False,
        expand: Expand | None = None,
        check: Check = "threshold",
        shown: Sequence[str] = (),
        thread_id: str | None = None,
        messages: Messages | None = None,
        explain: bool = False,
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
            form: ``"sections"``, a list by sections; ``"prose"``, a few paragraphs; or ``"json"``.
            profile: begin with the user's profile.
            expand: as for :meth:`recall`.
            check: what is relevant is said by ``"threshold"``, or, in one call about all that was found, by the
                chat ``"model"``; where that fails, by the threshold.
            shown: ``Context.fingerprints`` of earlier contexts that the model still sees. Those memories are left out,
                unless they have changed since; instructions and the profile stay.
            thread_id: the present conversation: what was learnt from it is left out, since the model sees it.
            messages: those of the conversation that the model still sees: only what was learnt from these, or
                stands in them word for word, is left out.
            explain: fill ``Context.explanation``; two further statements.
            now: the moment that recency is counted from; by default the present.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
            EmbeddingError: the query has no vector.
            ConfigurationError: a chat model is to be asked, and there is none.
        """
        question = _question(query, self._most, kinds, filter, None, expand, thread_id, now)
        shape = self._shape(max_tokens, count_tokens, form, profile, check, shown, thread_id, messages, explain)
        return self._backend.run(recall_flow.context, self.whose(user_id, namespace), question, shape)

    async def acontext(
        self,
        query: str,
        *,
        max_tokens: int | None = None,
        count_tokens: TokenCounter = approximate_tokens,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        form: Form = "sections",
        profile: bool = False,
        expand: Expand | None = None,
        check: Check = "threshold",
        shown: Sequence[str] = (),
        thread_id: str | None = None,
        messages: Messages | None = None,
        explain: bool = False,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Context:
        """:meth:`context`, awaited."""
        question = _question(query, self._most, kinds, filter, None, expand, thread_id, now)
        shape = self._shape(max_tokens, count_tokens, form, profile, check, shown, thread_id, messages, explain)
        return await self._backend.arun(recall_flow.context, self.whose(user_id, namespace), question, shape)

    @property
    def _most(self) -> int:
        """So many recollections are considered for a context."""
        return self._backend.settings.context_memories

    def _shape(
        self,
        max_tokens: int | None,
        count_tokens: TokenCounter,
        form: Form,
        profile: bool,
        check: Check,
        shown: Sequence[str],
        thread_id: str | None,
        messages: Messages | None,
        explain: bool,
    ) -> Shape:
        return Shape(
            max_tokens=max_tokens,
            count_tokens=count_tokens,
            form=form,
            profile=self._joined if profile else None,
            check=check,
            shown=validation.names(shown, "shown"),
            thread_id=thread_id,
            window=None if messages is None else turns_of(messages, redaction=self._redaction, now=datetime.now(UTC)),
            explain=explain,
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
            MemoryNotFoundError: there is none.
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
            InvalidInputError: an argument is out of range; the message names it.
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
            InvalidInputError: an argument is out of range; the message names it.
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


def _question(
    query: str,
    limit: int,
    kinds: Sequence[Kind] | None,
    filter: Mapping[str, Any] | None,
    at: datetime | None,
    expand: Expand | None,
    thread_id: str | None,
    now: datetime | None,
) -> Question:
    return Question(
        query=query,
        limit=limit,
        kinds=kinds,
        filter=filter,
        at=at,
        expand=expand,
        thread_id=thread_id,
        now=datetime.now(UTC) if now is None else now,
    )
