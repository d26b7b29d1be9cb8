"""What memory learns and forgets: each behaviour as ``x`` and as ``ax``; the behaviour itself lives once, in ``engine/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from langchain_core.messages.utils import MessageLikeRepresentation
from pydantic import BaseModel

from langchain_persistmem.engine import commanding, conversations, evolution, forgetting, remember, retention, work
from langchain_persistmem.engine import profile as profiles
from langchain_persistmem.engine.commanding import OnError
from langchain_persistmem.hall import Hall
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.turns import turns_of
from langchain_persistmem.types import (
    Candidate,
    CommandReply,
    Kind,
    Maintained,
    Memory,
    Observed,
    Provenance,
    Receipt,
    Source,
    Worked,
)

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
            importance: 0 to 1.
            confidence: 0 to 1.
            source: who says so.
            speaker: the person's name, where several speak.
            valid_from: since when it is true, or when it happened; by default now.

        Raises:
            InvalidInput: an argument cannot be stored; the message names it.
            EmbeddingFailed: there is no vector; nothing was stored.
        """
        now = datetime.now(UTC)
        candidate = _statement(text, kind, key, value, importance, confidence, source, speaker, valid_from or now)
        return self._backend.run(remember.remember, self.whose(user_id, namespace), candidate, now=now)

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
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """:meth:`remember`, awaited."""
        now = datetime.now(UTC)
        candidate = _statement(text, kind, key, value, importance, confidence, source, speaker, valid_from or now)
        return await self._backend.arun(remember.remember, self.whose(user_id, namespace), candidate, now=now)

    def observe(
        self,
        messages: Messages,
        *,
        thread_id: str,
        used: Sequence[str] = (),
        background: bool = False,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Observed:
        """Store a conversation's new turns and learn from them; the same turns again change nothing.

        Args:
            messages: LangChain messages, or dicts with ``role``, ``content`` and optionally
                ``timestamp`` (ISO 8601 with time zone), ``id`` and ``name``.
            thread_id: the conversation.
            used: keys of memories that were in the context for these turns.
            background: store the turns and return; a worker learns from them once the thread is quiet.

        Raises:
            InvalidInput: a message cannot be stored; none was.
            ExtractionFailed: the chat model failed; the turns are stored and the next call learns from them.
            EmbeddingFailed: the same for the embedding model.
        """
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        turns = turns_of(messages, now=now)
        observed = self._backend.run(
            work.observe, whose, turns, thread_id=thread_id, used=used, background=background, now=now
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
    ) -> Observed:
        """:meth:`observe`, awaited."""
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        turns = turns_of(messages, now=now)
        observed = await self._backend.arun(
            work.observe, whose, turns, thread_id=thread_id, used=used, background=background, now=now
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

        Returns:
            How many were new.

        Raises:
            InvalidInput: a message cannot be stored; none was.
        """
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        turns = turns_of(messages, now=now)
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
        turns = turns_of(messages, now=now)
        return await self._backend.arun(conversations.add_messages, whose, turns, thread_id=thread_id, now=now)

    def clear_messages(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> int:
        """Delete a thread's stored messages; what was learnt from them stays (see :meth:`forget`).

        Returns:
            How many there were.

        Raises:
            InvalidInput: ``thread_id`` is malformed.
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
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Receipt:
        """Erase for good, and get a receipt with counts and without content.

        Give exactly one of ``keys``, ``query`` and ``everything``. A query erases nothing: its receipt
        has the candidates, whose ``keys`` can then be given. With a memory go all its versions, the
        stored turns that it came from, and what else was learnt from those turns; with a summary go its
        originals, with an original its summary, whose other originals come back. ``everything`` also takes
        the conversations and LangGraph's checkpoints of the person's threads.

        Args:
            dry_run: do it all, count it, and take it back.
            limit: at most this many candidates for a query.

        Raises:
            InvalidInput: none or several of the three were given.
            MemoryNotFound: a key does not exist; nothing was erased.
        """
        whose, plan = self.whose(user_id, namespace), forgetting.Plan(keys, query, everything, dry_run, limit)
        return self._backend.run(forgetting.forget, whose, plan, now=datetime.now(UTC))

    async def aforget(
        self,
        keys: Sequence[str] | None = None,
        *,
        query: str | None = None,
        everything: bool = False,
        dry_run: bool = False,
        limit: int = 10,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Receipt:
        """:meth:`forget`, awaited."""
        whose, plan = self.whose(user_id, namespace), forgetting.Plan(keys, query, everything, dry_run, limit)
        return await self._backend.arun(forgetting.forget, whose, plan, now=datetime.now(UTC))

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
            InvalidInput: an argument is none, or what is to be kept cannot be stored; nothing was changed.
            EmbeddingFailed: there is no vector; nothing was changed.
        """
        now, whose = datetime.now(UTC), self.whose(user_id, namespace)
        said = _said(message, thread_id, now)
        return self._backend.run(
            commanding.command, whose, said, question=question, ask_model=ask_model, on_error=on_error, now=now
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
        said = _said(message, thread_id, now)
        return await self._backend.arun(
            commanding.command, whose, said, question=question, ask_model=ask_model, on_error=on_error, now=now
        )

    def update_profile(
        self, changes: Mapping[str, Any], *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> BaseModel:
        """Merge ``changes`` into the profile's document: objects field by field, None removes, all else replaces.

        The version before stays in ``history("profile")``, and can be restored.

        Raises:
            InvalidInput: the result does not fit the profile's class; nothing was changed.
        """
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return self._as_profile(self._backend.run(profiles.update, whose, changes, check=self._check_profile, now=now))

    async def aupdate_profile(
        self, changes: Mapping[str, Any], *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> BaseModel:
        """:meth:`update_profile`, awaited."""
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return self._as_profile(
            await self._backend.arun(profiles.update, whose, changes, check=self._check_profile, now=now)
        )

    def restore(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """Make a superseded or archived memory current again; what is current in its place becomes its past.

        One that was archived into a summary comes back with all its others, and the summary goes.

        Args:
            version: ``Memory.id`` of one of :meth:`history`.

        Raises:
            MemoryNotFound: there is no such memory.
            InvalidInput: it waits for review; see :meth:`approve`.
        """
        return self._backend.run(evolution.restore, self.whose(user_id, namespace), version, now=datetime.now(UTC))

    async def arestore(
        self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Memory:
        """:meth:`restore`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(evolution.restore, whose, version, now=datetime.now(UTC))

    def approve(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """Let a memory that waits for :meth:`review` be recalled; it supersedes what it contradicts.

        Raises:
            MemoryNotFound: nothing with this id waits for review.
        """
        return self._backend.run(evolution.approve, self.whose(user_id, namespace), version, now=datetime.now(UTC))

    async def aapprove(
        self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Memory:
        """:meth:`approve`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(evolution.approve, whose, version, now=datetime.now(UTC))

    def reject(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> None:
        """Delete a memory that waits for :meth:`review`.

        Raises:
            MemoryNotFound: nothing with this id waits for review.
        """
        self._backend.run(evolution.reject, self.whose(user_id, namespace), version, now=datetime.now(UTC))

    async def areject(self, version: UUID, *, user_id: str | None = None, namespace: Namespace | None = None) -> None:
        """:meth:`reject`, awaited."""
        whose = self.whose(user_id, namespace)
        await self._backend.arun(evolution.reject, whose, version, now=datetime.now(UTC))

    def run_once(self, *, limit: int = 100) -> Worked:
        """Learn from up to ``limit`` threads that are due, whoever's they are: a round of background work.

        For schedulers such as cron and Celery; where memory is open with a chat model, a worker of
        its own does the same all the time.
        """
        return self._backend.run(work.run_once, limit=limit, now=datetime.now(UTC))

    async def arun_once(self, *, limit: int = 100) -> Worked:
        """:meth:`run_once`, awaited."""
        return await self._backend.arun(work.run_once, limit=limit, now=datetime.now(UTC))

    def maintain(
        self, *, dry_run: bool = False, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Maintained:
        """Follow ``Settings.retention``: draw preferences from habits, compress, archive, erase what is to go.

        For schedulers, such as once a night. By default nothing is archived or erased.

        Args:
            dry_run: change nothing and ask no chat model; count what would be done.
            user_id: whose memory; without it and without ``namespace``, everybody's.

        Raises:
            InvalidInput: both ``user_id`` and ``namespace`` were given, or one is malformed.
        """
        whose = None if user_id is None and namespace is None else self.whose(user_id, namespace)
        return self._backend.run(retention.maintain, whose, dry_run=dry_run, now=datetime.now(UTC))

    async def amaintain(
        self, *, dry_run: bool = False, user_id: str | None = None, namespace: Namespace | None = None
    ) -> Maintained:
        """:meth:`maintain`, awaited."""
        whose = None if user_id is None and namespace is None else self.whose(user_id, namespace)
        return await self._backend.arun(retention.maintain, whose, dry_run=dry_run, now=datetime.now(UTC))

    def retry(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> int:
        """Let the turns of a thread that were given up be learnt from again.

        Returns:
            How many there were.
        """
        whose = self.whose(user_id, namespace)
        return self._backend.run(work.retry, whose, thread_id, now=datetime.now(UTC))

    async def aretry(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> int:
        """:meth:`retry`, awaited."""
        whose = self.whose(user_id, namespace)
        return await self._backend.arun(work.retry, whose, thread_id, now=datetime.now(UTC))


def _said(message: MessageLikeRepresentation, thread_id: str | None, now: datetime) -> commanding.Said:
    """The message as a turn; an id that turns_of() made up is nobody's."""
    turns = turns_of([message], now=now)
    id = message.get("id") if isinstance(message, dict) else getattr(message, "id", None)
    return commanding.Said(turns[0], id if isinstance(id, str) and id else None, thread_id)


def _statement(
    text: str,
    kind: Kind,
    key: str | None,
    value: Mapping[str, Any] | None,
    importance: float,
    confidence: float,
    source: Source,
    speaker: str | None,
    valid_from: datetime,
) -> Candidate:
    return Candidate(
        text=text,
        kind=kind,
        key=key,
        value=value,
        importance=importance,
        confidence=confidence,
        speaker=speaker,
        valid_from=valid_from,
        provenance=Provenance(source=source),
    )
