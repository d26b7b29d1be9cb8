"""What memory learns and forgets: each behaviour as ``x`` and as ``ax``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages.utils import MessageLikeRepresentation

from langchain_persistmem.client.base import Hall
from langchain_persistmem.commands import execution
from langchain_persistmem.commands.execution import OnError
from langchain_persistmem.learning import background as background_flow
from langchain_persistmem.learning import conversations, remember
from langchain_persistmem.privacy import forget as forget_flow
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.runtime.messages import turns_of, turns_on_the_record
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Candidate, Kind, Memory, Provenance, Source
from langchain_persistmem.types.results import CommandReply, ObserveResult, Receipt

Messages = Sequence[MessageLikeRepresentation]


class Writing(Hall):
    """The methods of :class:`PersistMem` that change what is remembered."""

    def remember(
        self,
        text: str,
        *,
        kind: Kind = "semantic",
        key: str | None = None,
        value: Mapping[str, Any] | None = None,
        importance: float = 0.5,
        confidence: float = 1.0,
        source: Source = "user",
        speaker: str | None = None,
        valid_from: datetime | None = None,
        thread_id: str | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """Keep one statement.

        The same statement again confirms the memory. A new statement under a known ``key``
        supersedes the old one, which stays in the history.

        Args:
            text: what to remember and to recall it by; at most ``Settings.max_text_chars``.
            kind: ``semantic``, ``episodic``, ``procedural`` or ``profile``.
            key: a name of your own, at most 1,024 bytes; by default the id.
            value: JSON for your own use, filterable; by default ``{"text": text}``.
            importance: 0 to 1, kept with single precision.
            confidence: the same.
            source: who says so.
            speaker: the person's name, where several speak.
            valid_from: since when it is true, or when it happened; by default now.
            thread_id: the conversation in which it is said: nothing is kept of one that is off the record.

        Raises:
            InvalidInputError: an argument cannot be stored; the message names it.
            EmbeddingError: there is no vector; nothing was stored.
            MemoryDisabledError: memory is paused, or the conversation off the record; nothing was stored.
        """
        now = datetime.now(UTC)
        candidate = _statement(text, kind, key, value, importance, confidence, source, speaker, valid_from, now)
        whose = self.whose(user_id, namespace)
        return self._backend.run(remember.remember, whose, candidate, now=now, thread_id=thread_id, seen={})

    async def aremember(
        self,
        text: str,
        *,
        kind: Kind = "semantic",
        key: str | None = None,
        value: Mapping[str, Any] | None = None,
        importance: float = 0.5,
        confidence: float = 1.0,
        source: Source = "user",
        speaker: str | None = None,
        valid_from: datetime | None = None,
        thread_id: str | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """:meth:`remember`, awaited."""
        now = datetime.now(UTC)
        candidate = _statement(text, kind, key, value, importance, confidence, source, speaker, valid_from, now)
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(remember.remember, whose, candidate, now=now, thread_id=thread_id, seen={})

    def observe(
        self,
        messages: Messages,
        *,
        thread_id: str,
        used: Sequence[str] = (),
        background: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ObserveResult:
        """Store a conversation's new turns and learn from them; the same turns again change nothing.

        Messages that a node or the middleware marked as said off the record are neither stored nor learnt from,
        nor is what was answered to them. Where the person has not agreed, or the conversation is off the record,
        nothing is raised: ``ObserveResult.skip_reason`` says so.

        Args:
            messages: LangChain messages, or dicts with ``role``, ``content`` and optionally
                ``timestamp`` (ISO 8601 with time zone), ``id`` and ``name``.
            thread_id: the conversation.
            used: keys of memories that were in the context for these turns.
            background: store the turns and return; a worker learns from them once the thread is quiet.

        Raises:
            InvalidInputError: a message cannot be stored; none was.
            ExtractionError: the chat model failed; the turns are stored and the next call learns from them.
            EmbeddingError: the same for the embedding model.
        """
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        turns = turns_on_the_record(messages, redaction=self._redaction, now=now)
        observed = self._backend.run(
            background_flow.observe, whose, turns, thread_id=thread_id, used=used, background=background, now=now
        )
        self._wake()
        return observed

    async def aobserve(
        self,
        messages: Messages,
        *,
        thread_id: str,
        used: Sequence[str] = (),
        background: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ObserveResult:
        """:meth:`observe`, awaited."""
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        turns = turns_on_the_record(messages, redaction=self._redaction, now=now)
        observed = await self._backend.arun(
            background_flow.observe, whose, turns, thread_id=thread_id, used=used, background=background, now=now
        )
        self._wake()
        return observed

    def add_messages(
        self,
        messages: Messages,
        *,
        thread_id: str,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> int:
        """Store a conversation's new turns without learning from them; a later :meth:`observe` on the thread does.

        It is the application's own history, so that what is marked as said off the record is stored too, and
        given back by :meth:`messages`; it is never learnt from. While memory is paused, and of a conversation that
        was put off the record with :meth:`set_off_record`, nothing is stored.

        Returns:
            How many were new and are stored.

        Raises:
            InvalidInputError: a message cannot be stored; none was.
        """
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        turns = turns_of(messages, redaction=self._redaction, now=now)
        return self._backend.run(conversations.add_messages, whose, turns, thread_id=thread_id, now=now)

    async def aadd_messages(
        self,
        messages: Messages,
        *,
        thread_id: str,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> int:
        """:meth:`add_messages`, awaited."""
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        turns = turns_of(messages, redaction=self._redaction, now=now)
        return await self._backend.arun(conversations.add_messages, whose, turns, thread_id=thread_id, now=now)

    def clear_messages(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> int:
        """Delete a thread's stored messages; what was learnt from them stays (see :meth:`forget`).

        Returns:
            How many there were.

        Raises:
            InvalidInputError: ``thread_id`` is malformed.
        """
        whose = self.whose(user_id, namespace)
        return self._backend.run(conversations.clear_messages, whose, thread_id=thread_id)

    async def aclear_messages(
        self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> int:
        """:meth:`clear_messages`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(conversations.clear_messages, whose, thread_id=thread_id)

    def forget(
        self,
        keys: Sequence[str] | None = None,
        *,
        query: str | None = None,
        everything: bool = False,
        dry_run: bool = False,
        limit: int = 10,
        shared_threads: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Receipt:
        """Erase for good, and get a receipt with counts and without content.

        Give exactly one of ``keys``, ``query`` and ``everything``. A query erases nothing: its receipt
        has the candidates, whose ``keys`` can then be given. With a memory go all its versions, the
        stored turns that it came from, and what else was learnt from those turns; with a summary go its
        originals, with an original its summary, whose other originals come back.

        ``everything`` also takes the conversations, LangGraph's checkpoints of the person's threads, consent and
        audit. With ``user_id`` it takes the namespace of ``open(namespace=...)``, those of ``erase_namespaces``, and
        all below them; with ``namespace`` that one alone. Each namespace is one transaction; what was interrupted
        is gone on with by calling this again, or by :meth:`resume_erasures`. A call or a run that began before
        raises :class:`ErasedError` instead of writing.

        Args:
            dry_run: do it all, count it, and take it back.
            limit: at most this many candidates for a query.
            shared_threads: with ``everything``, also erase checkpoints of threads that somebody else has too.

        Raises:
            InvalidInputError: none or several of the three were given.
            MemoryNotFoundError: a key does not exist; nothing was erased.
        """
        whose = self.whose(user_id, namespace)
        plan = forget_flow.Plan(keys, query, everything, dry_run, limit, shared_threads, self._naming(user_id))
        return self._backend.run(forget_flow.forget, whose, plan, now=datetime.now(UTC))

    async def aforget(
        self,
        keys: Sequence[str] | None = None,
        *,
        query: str | None = None,
        everything: bool = False,
        dry_run: bool = False,
        limit: int = 10,
        shared_threads: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Receipt:
        """:meth:`forget`, awaited."""
        whose = self.whose(user_id, namespace)
        plan = forget_flow.Plan(keys, query, everything, dry_run, limit, shared_threads, self._naming(user_id))
        return await self._backend.arun(forget_flow.forget, whose, plan, now=datetime.now(UTC))

    def command(
        self,
        message: str | MessageLikeRepresentation,
        *,
        question: Mapping[str, Any] | None = None,
        thread_id: str | None = None,
        ask_model: bool = False,
        on_error: OnError = "raise",
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> CommandReply | None:
        """Do what a user's message asks of the memory: remember this, forget that, what do you know, leave this out.

        Nothing is erased at once. The reply to "forget ..." shows what would be, and has a ``question``,
        plain JSON to be kept with the conversation; given back with the user's next message, that decides.

        Args:
            message: what the user said.
            question: ``CommandReply.question`` of the reply before this message.
            thread_id: the conversation; without it "don't remember this" does not reach what was said before.
            ask_model: where the rules are unsure, ask the chat model, if there is one.
            on_error: ``"say"`` logs a failure and returns a reply that says so to the user.

        Returns:
            None if the message asks nothing of the memory.

        Raises:
            InvalidInputError: an argument is none, or what is to be kept cannot be stored; nothing was changed.
            EmbeddingError: there is no vector; nothing was changed.
        """
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        said = _said(message, thread_id, self._redaction, now)
        return self._backend.run(
            execution.command, whose, said, question=question, ask_model=ask_model, on_error=on_error, now=now
        )

    async def acommand(
        self,
        message: str | MessageLikeRepresentation,
        *,
        question: Mapping[str, Any] | None = None,
        thread_id: str | None = None,
        ask_model: bool = False,
        on_error: OnError = "raise",
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> CommandReply | None:
        """:meth:`command`, awaited."""
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        said = _said(message, thread_id, self._redaction, now)
        return await self._backend.arun(
            execution.command, whose, said, question=question, ask_model=ask_model, on_error=on_error, now=now
        )


def _said(
    message: MessageLikeRepresentation, thread_id: str | None, redaction: Redaction | None, now: datetime
) -> execution.Said:
    """The message as a turn; an id that turns_of() made up is nobody's."""
    turns = turns_of([message], redaction=redaction, now=now)
    id = message.get("id") if isinstance(message, dict) else getattr(message, "id", None)
    return execution.Said(turns[0], id if isinstance(id, str) and id else None, thread_id)


def _statement(
    text: str,
    kind: Kind,
    key: str | None,
    value: Mapping[str, Any] | None,
    importance: float,
    confidence: float,
    source: Source,
    speaker: str | None,
    valid_from: datetime | None,
    now: datetime,
) -> Candidate:
    return Candidate(
        text=text,
        kind=kind,
        key=key,
        value=value,
        importance=importance,
        confidence=confidence,
        speaker=speaker,
        valid_from=now if valid_from is None else valid_from,
        provenance=Provenance(source=source),
    )
