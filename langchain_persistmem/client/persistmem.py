"""PersistMem, the one object that an application holds."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages.utils import MessageLikeRepresentation
from pydantic import BaseModel

from langchain_persistmem.checkpointer.async_saver import AsyncPersistMemSaver
from langchain_persistmem.checkpointer.sync_saver import PersistMemSaver
from langchain_persistmem.checkpointer.thread_owners import Register
from langchain_persistmem.client.admin import Admin
from langchain_persistmem.client.conversations import Conversations
from langchain_persistmem.client.history import History
from langchain_persistmem.client.opening import Opening, Parts, Plan, open_parts, open_parts_async
from langchain_persistmem.client.privacy import Privacy
from langchain_persistmem.client.review import Review
from langchain_persistmem.client.sync_and_async import both, run
from langchain_persistmem.errors import (
    ConfigurationError,
    InvalidInputError,
    NamespaceMissingError,
    UseAsyncMethodError,
)
from langchain_persistmem.learning import edit as edit_flow
from langchain_persistmem.learning import observe as observe_flow
from langchain_persistmem.learning import profile as profile_flow
from langchain_persistmem.learning import remember as remember_flow
from langchain_persistmem.postgres.connections.forks import check_owner, is_inherited
from langchain_persistmem.postgres.connections.timeouts import without_deadline
from langchain_persistmem.postgres.value_filter import plain_filter
from langchain_persistmem.privacy import forget as forget_flow
from langchain_persistmem.privacy.erase_person import check_erase_namespaces, namespaces_of_person
from langchain_persistmem.recall import context, listing
from langchain_persistmem.recall import recall as recall_flow
from langchain_persistmem.recall.context import Check, Shape
from langchain_persistmem.recall.context_parts.context_budget import TokenCounter, approximate_tokens
from langchain_persistmem.recall.context_parts.context_text import Form
from langchain_persistmem.recall.context_parts.standing import Standing
from langchain_persistmem.recall.query_expansion import Expand
from langchain_persistmem.recall.search import Question
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.runtime.messages import turns_of, turns_to_observe
from langchain_persistmem.runtime.models.model_names import LOCAL, models_of
from langchain_persistmem.runtime.setup import grant, setup
from langchain_persistmem.settings import Settings
from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.sync_store import PersistMemStore
from langchain_persistmem.types import moments, validation
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.extraction_schema import Schema
from langchain_persistmem.types.moments import in_zone, zone_of
from langchain_persistmem.types.namespace import Namespace, Pattern, check_template, fill
from langchain_persistmem.types.recall_results import Context, Explanation, Recollection
from langchain_persistmem.types.records import Candidate, Kind, Memory, Provenance, Source, Status
from langchain_persistmem.types.representation import cut
from langchain_persistmem.types.results import ObserveResult, Receipt
from langchain_persistmem.types.user_profile import Profile

_TEMPLATE = ("memories", "{user_id}")

Messages = Sequence[MessageLikeRepresentation]


class PersistMem:
    """Long-term memory in one PostgreSQL database.

    Made by :meth:`open` or :meth:`aopen`, closed by leaving the ``with`` block. Every behaviour exists as ``x`` and as
    ``ax``. Opened with ``open()``, every ``x`` blocks and every ``ax`` runs in a thread; opened with ``aopen()``,
    every ``ax`` is native and ``x`` raises :class:`UseAsyncMethodError`. One object serves many
    threads, or many tasks of one event loop, at once.

    Every method that touches a person's memory takes either ``user_id``, which fills the namespace template, or
    ``namespace``, a tuple of strings. Neither is guessed: without both, :class:`NamespaceMissingError` is raised,
    and :class:`InvalidInputError` where both are given or one is malformed. Any method raises
    :class:`StorageUnavailableError` where PostgreSQL does not answer.

    Attributes:
        conversations: stored conversations, see :class:`Conversations`.
        review: memories that wait for a person's decision, see :class:`Review`.
        history: versions and changes of memories, see :class:`History`.
        privacy: consent, export, erasures and the audit log, see :class:`Privacy`.
        admin: figures, upkeep and imports for whoever runs the database, see :class:`Admin`.
    """

    def __init__(
        self,
        parts: Parts,
        namespace: Namespace,
        profile: type[BaseModel] = Profile,
        erase_namespaces: tuple[Namespace, ...] = (),
    ) -> None:
        """Use :meth:`open` or :meth:`aopen`."""
        self._erase_namespaces = erase_namespaces
        self._profile_class = profile
        self._worker = parts.worker
        self._backend = backend = parts.backend
        self._stack = parts.stack
        self._namespace = namespace
        self._store = parts.store
        # The checkpointer has the same pool, and registers its threads, since an erasure has to find a person's
        # checkpoints.
        register = Register(backend, namespace)
        self._checkpointer = (
            PersistMemSaver(backend.pool, register=register)
            if isinstance(backend, SyncBackend)
            else AsyncPersistMemSaver(backend.pool, register=register)
        )
        self.conversations = Conversations(self)
        self.review = Review(self)
        self.history = History(self)
        self.privacy = Privacy(self)
        self.admin = Admin(self)

    @classmethod
    @check_arguments(ConfigurationError)
    def open(
        cls,
        conninfo: str | None = None,
        *,
        replica: str | None = None,
        embeddings: Embeddings | str = LOCAL,
        model: BaseChatModel | str | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
        namespace: Namespace = _TEMPLATE,
        profile: type[BaseModel] = Profile,
        schema: Schema | None = None,
        reranker: BaseDocumentCompressor | None = None,
        store_index: Mapping[str, Any] | None = None,
        store_ttl: Mapping[str, Any] | None = None,
        erase_namespaces: Sequence[Namespace] = (),
    ) -> PersistMem:
        """Open memory for blocking use.

        Args:
            conninfo: PostgreSQL connection string or URI; without one an embedded server is
                started (extra ``[embedded]``), whose data outlives the process.
            replica: connection string of a streaming replica, for reads that need not see the last write: ``recall``,
                ``explain``, ``context``, ``get``, ``list``, exports and the store's searches. If it does not answer, the
                primary does. See ``Settings.read_your_writes``.
            embeddings: any LangChain ``Embeddings``, ``"provider:model"`` (extra ``[agents]``), or
                ``"local"``, which runs offline (extra ``[local]``).
            model: chat model for extraction, an object or ``"provider:model"``; without one,
                turns become dated memories by rules.
            settings: see :class:`Settings`.
            namespace: whose memories, with names in braces that each call fills.
            profile: the pydantic class of the users' profiles.
            schema: a pydantic class, a list of them or their union, for what the chat model extracts: each memory
                then carries one as ``value["content"]``.
            reranker: any LangChain ``BaseDocumentCompressor``, such as a cross-encoder: it orders the best of what recall
                finds, within ``Settings.rerank_seconds``.
            store_index: how :attr:`store` searches: LangGraph's ``IndexConfig`` without ``embed``, such as
                ``{"fields": ["text", "tags[*]"], "hybrid": True}``.
            store_ttl: how its items expire: LangGraph's ``TTLConfig``. With ``sweep_interval_minutes``
                they are erased in the background until :meth:`close`.
            erase_namespaces: what else names a person and goes with everything of theirs, such as
                ``[("agents", "*", "{user_id}")]``; ``"*"`` is any label, and all below it is meant too.

        Raises:
            ConfigurationError: an argument cannot work; the message names it.
            StorageUnavailableError: PostgreSQL does not answer.
        """
        check_template(namespace)
        namings = check_erase_namespaces(erase_namespaces)
        models = models_of(embeddings, model, settings, schema, reranker)
        plan = Plan(conninfo, replica, models, settings, store_index, store_ttl)
        return cls(open_parts(plan), namespace, profile, namings)

    @classmethod
    @check_arguments(ConfigurationError)
    def aopen(
        cls,
        conninfo: str | None = None,
        *,
        replica: str | None = None,
        embeddings: Embeddings | str = LOCAL,
        model: BaseChatModel | str | None = None,
        settings: Settings = Settings(),  # noqa: B008 - immutable
        namespace: Namespace = _TEMPLATE,
        profile: type[BaseModel] = Profile,
        schema: Schema | None = None,
        reranker: BaseDocumentCompressor | None = None,
        store_index: Mapping[str, Any] | None = None,
        store_ttl: Mapping[str, Any] | None = None,
        erase_namespaces: Sequence[Namespace] = (),
    ) -> Opening[PersistMem]:
        """:meth:`open` for asyncio: ``async with PersistMem.aopen(...) as memory:``, or await it and call :meth:`aclose`."""
        check_template(namespace)
        namings = check_erase_namespaces(erase_namespaces)
        models = models_of(embeddings, model, settings, schema, reranker)
        plan = Plan(conninfo, replica, models, settings, store_index, store_ttl)

        async def open_memory() -> PersistMem:
            return cls(await open_parts_async(plan), namespace, profile, namings)

        return Opening(open_memory)

    def close(self) -> None:
        """Close what was opened: the pool, and the embedded server if nobody else uses it. May be called twice."""
        if isinstance(self._stack, AsyncExitStack):
            raise UseAsyncMethodError("this object was opened with aopen(); use: await memory.aclose()")
        self._stack.close()

    async def aclose(self) -> None:
        """:meth:`close` for an object that was opened with :meth:`aopen`, on its event loop.

        Raises:
            OpenedElsewhereError: another loop runs; nothing was closed.
        """
        if not isinstance(self._stack, AsyncExitStack):
            self._stack.close()
        elif not is_inherited(self._backend.pool):  # what a forked child has of it is the parent's to close
            check_owner(self._backend.pool)
            await self._stack.aclose()

    def __enter__(self) -> Self:
        if isinstance(self._stack, AsyncExitStack):
            raise UseAsyncMethodError("this object was opened with aopen(); use: async with")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def store(self) -> PersistMemStore | AsyncPersistMemStore:
        """The same memories as a LangGraph store: ``compile(store=memory.store)``."""
        return self._store

    @property
    def checkpointer(self) -> PersistMemSaver | AsyncPersistMemSaver:
        """The LangGraph checkpointer on the same pool: ``compile(checkpointer=memory.checkpointer)``."""
        return self._checkpointer

    @property
    def namespace(self) -> Namespace:
        """The template that ``user_id`` fills."""
        return self._namespace

    @property
    def backend(self) -> SyncBackend | AsyncBackend:
        """The database and the models: ``PersistMemStore(memory.backend, index={"fields": ["text"]})``."""
        return self._backend

    @property
    def learns_in_background(self) -> bool:
        """True where this object has a chat model, and a worker of its own that calls it when a thread is quiet."""
        return self._worker is not None and self._backend.model_name is not None

    def namespace_of(self, user_id: str | None = None, namespace: Namespace | None = None) -> Namespace:
        """Resolve the two arguments that every method takes to a namespace.

        Raises:
            NamespaceMissingError: neither argument was given.
            InvalidInputError: both were, or ``user_id`` is malformed.
        """
        if namespace is not None:
            if user_id is not None:
                raise InvalidInputError("user_id and namespace were both given; pass one of them")
            return namespace
        if user_id is None:
            raise NamespaceMissingError(
                f"whose memory is meant? Pass user_id=... (for {cut(repr(self._namespace))}) or namespace=(...)"
            )
        return fill(self._namespace, {"user_id": user_id})

    async def _setup(self) -> builtins.list[str]:
        """Bring the database up to date, LangGraph's checkpoint tables included.

        Safe at every start and from many processes at once.

        Returns:
            The names of the migrations that were applied.

        Raises:
            ConfigurationError: the server lacks pgvector, or the role lacks rights.
            SchemaOutOfDateError: the database is newer than this package.
            EmbeddingMismatchError: the memories were embedded with another model.
        """
        migrations = await run(self._backend, setup, now=datetime.now(UTC))
        with without_deadline():
            if isinstance(self._checkpointer, PersistMemSaver):
                self._checkpointer.setup()
            else:
                await self._checkpointer.asetup()
            await run(self._backend, grant)
        self._wake_worker()
        return migrations

    setup, asetup = both(_setup)

    async def _remember(
        self,
        text: str,
        *,
        kind: Kind | Literal["auto"] = "semantic",
        category: str | None = None,
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
        """Store one statement.

        The same statement again confirms the memory. A new statement under a known ``key``
        supersedes the old one, which stays in the history.

        Args:
            text: the text to store and to recall the memory by; at most ``Settings.max_text_chars`` characters.
            kind: ``semantic``, ``episodic``, ``procedural`` or ``profile``; or ``auto``: rules sort the statement into
                a kind and a category, and give it the key that they would give it in a conversation, unless you do.
            category: ``preference``, ``goal``, ``fact``, ``decision`` or a word of your own, at most 64 bytes;
                ``filter={"category": "goal"}`` finds by it.
            key: a name of your own, at most 1,024 bytes; by default the id.
            value: JSON for your own use, filterable; by default ``{"text": text}``.
            importance: 0 to 1, stored with single precision.
            confidence: 0 to 1, the same.
            source: the origin of the statement: ``user``, ``assistant``, ``tool``, ``document``, ``import`` or ``operator``.
            speaker: the person's name, where several speak.
            valid_from: the moment from which it is true, or at which it happened; by default now.
            thread_id: the conversation it belongs to: nothing is stored from one that is off the record.

        Returns:
            The memory. Its status is ``"quarantined"`` where it waits for review.

        Raises:
            InvalidInputError: an argument cannot be stored; the message names it.
            EmbeddingError: there is no vector; nothing was stored.
            MemoryDisabledError: memory is paused, or the conversation off the record; nothing was stored.
        """
        # One moment for the statement and its transaction: a memory must not become valid after it was stored.
        now, namespace = datetime.now(UTC), self.namespace_of(user_id, namespace)
        candidate = Candidate(
            text=text,
            kind="semantic" if kind == "auto" else kind,
            category=category,
            key=key,
            value=value,
            importance=importance,
            confidence=confidence,
            speaker=speaker,
            valid_from=now if valid_from is None else valid_from,
            provenance=Provenance(source=source),
        )
        return await run(
            self._backend,
            remember_flow.remember,
            namespace,
            candidate,
            now=now,
            sort=kind == "auto",
            thread_id=thread_id,
            seen={},
        )

    remember, aremember = both(_remember)

    async def _observe(
        self,
        messages: Messages,
        *,
        thread_id: str,
        used: Sequence[str] = (),
        background: bool = False,
        clean: bool = False,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> ObserveResult:
        """Store a conversation's new turns and learn from them; the same turns again change nothing.

        Messages that a node or the middleware marked as off the record are neither stored nor learnt from,
        nor are the answers to them. Where the person has not agreed, or the conversation is off the record,
        nothing is raised: ``ObserveResult.skip_reason`` has the reason.

        Args:
            messages: LangChain messages, or dicts with ``role``, ``content`` and optionally
                ``timestamp`` (ISO 8601 with the sender's offset from UTC), ``id`` and ``name``; at most 10,000.
            thread_id: the conversation.
            used: keys of memories that were in the context for these turns.
            background: store the turns and return; a worker learns from them once the thread is quiet. Turns become
                memories at once; without a chat model, the rules also learn from them at once.
            clean: remove characters that cannot be stored, such as NUL, and skip entries that are no messages, instead
                of refusing all; ``ObserveResult`` counts both. Nodes and middleware pass True.
            now: the time of messages without a timestamp, at the sender's clock; by default the present in UTC.

        Raises:
            InvalidInputError: a message cannot be stored; none was.
            ExtractionError: the chat model failed; the turns are stored and the next call learns from them.
            EmbeddingError: the same for the embedding model.
        """
        present, namespace = datetime.now(UTC), self.namespace_of(user_id, namespace)
        time = present if now is None else moments.aware(now, "now")
        # Once for all attempts: messages without an id get one here, and must be the same turns in each of them.
        redaction = self._backend.settings.redaction
        turns = turns_to_observe(messages, redaction=redaction, now=time, clean=clean)
        result = await run(
            self._backend,
            observe_flow.observe,
            namespace,
            turns.turns,
            thread_id=thread_id,
            used=used,
            background=background,
            now=present,
        )
        self._wake_worker()
        return replace(result, cleaned=turns.cleaned, left_out=turns.left_out)

    observe, aobserve = both(_observe)

    async def _recall(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Recollection]:
        """Find the most relevant memories, best first, each with its score and the parts of it.

        None are found while memory is paused.

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
            thread_id: the conversation that the memories are for: none are recalled into one that is off the record.
            now: the moment that recency is counted from; by default the present.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
            EmbeddingError: the query has no vector.
        """
        # One record of the question, so that `explain` and `context` are asked in the same way.
        question = _question(query, limit, kinds, filter, at, expand, thread_id, now)
        return await run(
            self._backend, recall_flow.recall, self.namespace_of(user_id, namespace), question, threshold=threshold
        )

    recall, arecall = both(_recall)

    async def _explain(
        self,
        query: str,
        *,
        limit: int = 10,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        at: datetime | None = None,
        expand: Expand | None = None,
        thread_id: str | None = None,
        now: datetime | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Explanation:
        """Show how :meth:`recall` comes to its result: the same recollections, and why others were left out.

        Takes two statements more than :meth:`recall`, and the same arguments.

        Returns:
            The recollections, the memories left out with the reason, and the interpretation of the question.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
            EmbeddingError: the query has no vector.
        """
        # The very question of `recall`: an explanation of another one would explain nothing.
        question = _question(query, limit, kinds, filter, at, expand, thread_id, now)
        return await run(
            self._backend, recall_flow.explain, self.namespace_of(user_id, namespace), question, threshold=threshold
        )

    explain, aexplain = both(_explain)

    async def _context(
        self,
        query: str,
        *,
        max_tokens: int | None = None,
        count_tokens: TokenCounter = approximate_tokens,
        kinds: Sequence[Kind] | None = None,
        filter: Mapping[str, Any] | None = None,
        form: Form = "sections",
        standing: Standing = "brief",
        expand: Expand | None = None,
        check: Check = "threshold",
        shown: Sequence[str] = (),
        thread_id: str | None = None,
        messages: Messages | None = None,
        explain: bool = False,
        now: datetime | None = None,
        time_zone: tzinfo | str | None = None,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Context:
        """Build the text that a model should know for ``query``: a standing part, and memories that fit the query.

        The standing part has the user's profile, instructions, preferences and goals, and other statements as far as
        ``Settings.standing_tokens`` allow; it is the same for every query while nothing changes. Both parts together keep to
        the budget.

        Args:
            query: the user's message.
            max_tokens: the budget; by default ``Settings.context_tokens``.
            count_tokens: the model's own counter; by default :func:`approximate_tokens`.
            kinds: only these kinds.
            filter: conditions on ``value``, as in LangGraph's store.
            form: ``"sections"``, a list by sections; ``"prose"``, a few paragraphs; or ``"json"``.
            standing: the part that stands whatever is asked: ``"brief"``; ``"journal"``, all statements in the order in which
                they were told, which is not paid from the budget and which a conversation only adds to; or ``"off"``, where
                only instructions stand.
            expand: as for :meth:`recall`.
            check: relevance is decided by ``"threshold"``, or, in one call about everything found, by the
                chat ``"model"``; where that fails, by the threshold.
            shown: ``Context.fingerprints`` of earlier contexts that the model still sees. Those memories are left out,
                unless they have changed since; the standing part stays.
            thread_id: the present conversation: memories learnt from it are left out, since the model sees it.
            messages: those of the conversation that the model still sees: only memories that were learnt from these, or
                stand in them word for word, are left out.
            explain: fill ``Context.explanation``; two further statements.
            now: the moment that recency is counted from, and "yesterday"; by default the present.
            time_zone: in which the question's dates are read and those of memories written; a ``tzinfo``, or a name such as
                ``"Europe/Oslo"``. By default that of ``now``, else that of the latest of ``messages`` with a timestamp,
                else each memory has the date that its sender's clock showed.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
            EmbeddingError: the query has no vector.
            ConfigurationError: a chat model is to be asked, and there is none.
        """
        settings = self._backend.settings
        # The window is redacted as what was stored was: only so are memories recognized that stand in it word for word.
        window = None if messages is None else turns_of(messages, redaction=settings.redaction, now=datetime.now(UTC))
        zone = zone_of(time_zone, now, window)
        moment = in_zone(datetime.now(UTC) if now is None else now, zone)
        question = _question(query, settings.context_memories, kinds, filter, None, expand, thread_id, moment)
        shape = Shape(
            max_tokens=max_tokens,
            count_tokens=count_tokens,
            form=form,
            standing=standing,
            check=check,
            exclude=validation.names(shown, "shown"),
            thread_id=thread_id,
            window=window,
            zone=zone,
            explain=explain,
        )
        return await run(self._backend, context.context, self.namespace_of(user_id, namespace), question, shape)

    context, acontext = both(_context)

    async def _get(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """Return the current memory under ``key``.

        Raises:
            MemoryNotFoundError: there is none.
        """
        return await run(self._backend, listing.get, self.namespace_of(user_id, namespace), key, now=datetime.now(UTC))

    get, aget = both(_get)

    async def _list(
        self,
        *,
        kinds: Sequence[Kind] | None = None,
        statuses: Sequence[Status] | None = None,
        sources: Sequence[Source] | None = None,
        filter: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> builtins.list[Memory]:
        """List current memories, the last changed first.

        Args:
            kinds: only these kinds.
            statuses: those of these statuses instead, such as ``["superseded", "archived"]`` for the past.
            sources: only of these origins.
            filter: conditions on ``value``, as in LangGraph's store.
            since: only what is true from this moment on, or happened then, or later.
            until: only what is true from before this moment on, or happened before it.
            limit: at most this many, up to 10,000.
            offset: leave out the first so many.

        Raises:
            InvalidInputError: an argument is out of range; the message names it.
        """
        namespace, now = self.namespace_of(user_id, namespace), datetime.now(UTC)
        # The clock is read here: whether something has expired is the same question in each attempt.
        return await run(
            self._backend, listing.list_, namespace, kinds=kinds, statuses=statuses, sources=sources, filter=plain_filter(filter),
            since=since, until=until, limit=limit, offset=offset, now=now,
        )  # fmt: skip

    list, alist = both(_list)

    async def _edit(
        self,
        key: str,
        *,
        text: str | None = None,
        kind: Kind | None = None,
        importance: float | None = None,
        value: Mapping[str, Any] | None = None,
        valid_from: datetime | None = None,
        pinned: bool | None = None,
        source: Source = "user",
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """Correct or pin a memory; the version before a correction stays in the history, and can be restored.

        The new version is true from the moment that the old one was: for a change in the world, pass
        ``valid_from``. If another memory has the same statement already, that one stays alone. An edit that
        ``source`` may not make waits for review, and is returned with that status; nothing else is changed then.

        Args:
            key: of a current memory. A profile is changed by :meth:`update_profile`, an item of the store by a put.
            text: the new wording. Without ``value``, what repeats the old wording there is replaced too.
            kind: the kind of memory.
            importance: 0 to 1.
            value: JSON that replaces the old.
            valid_from: the moment from which it is true, or at which it happened.
            pinned: True protects the memory: no rule archives or compresses it, and a replacement that a model
                proposes waits for review. A new version under its key is pinned too. False takes the pin away. Given
                alone it makes no new version, and also works on a profile and on an item of the store.
            source: the person (``"user"``) or the ``"operator"``.

        Raises:
            MemoryNotFoundError: there is no current memory under ``key``.
            InvalidInputError: an argument cannot be stored, or nothing is to be changed; the message names it.
            EmbeddingError: the new wording has no vector; nothing was changed.
            ConcurrentUpdateError: the memory was changed meanwhile; nothing was changed.
            MemoryDisabledError: memory is paused; nothing was changed.
        """
        # One record, since a change is judged as a whole: a pin alone makes no new version.
        changes = edit_flow.Edit(
            text=text,
            kind=kind,
            importance=importance,
            value=value,
            valid_from=valid_from,
            pinned=pinned,
            source=source,
        )
        namespace = self.namespace_of(user_id, namespace)
        return await run(self._backend, edit_flow.edit, namespace, key, changes, now=datetime.now(UTC))

    edit, aedit = both(_edit)

    async def _forget(
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
        """Erase for good, and return a receipt with counts and without content.

        Give exactly one of ``keys``, ``query`` and ``everything``. A query erases nothing: its receipt
        has the candidates, whose ``keys`` can then be given. With a memory go all its versions, the stored turns that
        it came from, and everything else learnt from those turns. With a summary go its originals. With an original
        goes its summary; the other originals become current again.

        ``everything`` also takes the conversations, LangGraph's checkpoints of the person's threads, consent and
        audit log. With ``user_id`` it takes the namespace of ``open(namespace=...)``, those of ``erase_namespaces``, and
        all below them; with ``namespace`` that one alone. Each namespace is one transaction; an interrupted erasure
        is finished by calling this again, or by ``memory.privacy.resume_erasures()``. A call or a run that began before
        raises :class:`ErasedError` instead of writing.

        Args:
            keys: of the memories to erase.
            query: find the memories that a text means, and erase none.
            everything: erase all of the person's data.
            dry_run: do it all, count it, and roll it back.
            limit: at most this many candidates for a query.
            shared_threads: with ``everything``, also erase checkpoints of threads that are shared with somebody else.

        Raises:
            InvalidInputError: none or several of the three were given.
            MemoryNotFoundError: a key does not exist; nothing was erased.
        """
        # A person can be named in further namespaces, which only the bare user leads to; a given namespace stays alone.
        patterns = self._patterns_of(user_id)
        plan = forget_flow.Plan(keys, query, everything, dry_run, limit, shared_threads, patterns)
        namespace = self.namespace_of(user_id, namespace)
        return await run(self._backend, forget_flow.forget, namespace, plan, now=datetime.now(UTC))

    forget, aforget = both(_forget)

    async def _profile(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> BaseModel:
        """Return the structured document about the user, as the class that was given to ``open(profile=...)``.

        With the default class, :class:`Profile`, it is joined with the name, the preferences, the goals
        and the instructions among the current memories, so that it is always in step with them.

        Raises:
            InvalidInputError: the stored document does not fit the class.
        """
        namespace, now = self.namespace_of(user_id, namespace), datetime.now(UTC)
        # Only this package's own class is known to have the fields that memories fill.
        join = issubclass(self._profile_class, Profile)
        document = await run(self._backend, profile_flow.read, namespace, join=join, now=now)
        return profile_flow.as_profile(self._profile_class, document)

    profile, aprofile = both(_profile)

    async def _update_profile(
        self, changes: Mapping[str, Any], *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> BaseModel:
        """Merge ``changes`` into the profile's document: objects field by field, None removes, all else replaces.

        The version before stays in ``memory.history.versions("profile")``, and can be restored.

        Raises:
            InvalidInputError: the result does not fit the profile's class; nothing was changed.
            MemoryDisabledError: memory is paused; nothing was changed.
        """
        namespace, now = self.namespace_of(user_id, namespace), datetime.now(UTC)
        changes = validation.json_object(changes, "changes", names=self._profile_class.model_fields)
        check = partial(profile_flow.check_document, self._profile_class)
        document = await run(self._backend, profile_flow.update, namespace, changes, check=check, now=now)
        return profile_flow.as_profile(self._profile_class, document)

    update_profile, aupdate_profile = both(_update_profile)

    def _wake_worker(self) -> None:
        """Tell the background worker, if there is one, that turns were stored."""
        if self._worker is not None:
            self._worker.wake()

    def _patterns_of(self, user_id: str | None) -> builtins.list[Pattern]:
        """The namespaces that name a person, deeper ones included; none where a namespace was given instead."""
        if user_id is None:
            return []
        return namespaces_of_person(self.namespace_of(user_id), self._erase_namespaces, user_id)


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
        filter=plain_filter(filter),
        at=at,
        expand=expand,
        thread_id=thread_id,
        now=datetime.now(UTC) if now is None else now,
    )
