"""What a person controls: what is allowed, what is shown, edited, pinned and approved; each as ``x`` and as ``ax``."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from langchain_persistmem.client.base import Hall
from langchain_persistmem.learning import changes
from langchain_persistmem.learning import edit as edit_flow
from langchain_persistmem.learning.edit import Edit
from langchain_persistmem.privacy import consent as consent_flow
from langchain_persistmem.recall import inspect
from langchain_persistmem.types.memory_record import MemoryRecord
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Consent, Kind, Memory, Source


class Controlling(Hall):
    """The methods of :class:`PersistMem` with which a person controls their memory."""

    def consent(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> Consent:
        """What the person allows: ``"allowed"`` everything; ``"no_extract"`` no learning from conversations; ``"paused"``
        neither writing nor recalling. Of one who is not known yet: ``Settings.consent``.
        """
        return self._backend.run(consent_flow.consent, self.whose(user_id, namespace))

    async def aconsent(self, *, user_id: str | None = None, namespace: Namespace | None = None) -> Consent:
        """:meth:`consent`, awaited."""
        return await self._backend.arun(consent_flow.consent, self.whose(user_id, namespace))

    def set_consent(self, consent: Consent, *, user_id: str | None = None, namespace: Namespace | None = None) -> None:
        """Change what the person allows, from this moment on; what is known stays.

        With ``"no_extract"`` conversations are stored and given statements kept, and nothing is learnt from
        conversations. With ``"paused"`` nothing is written and nothing recalled; :meth:`list`, :meth:`get`,
        :meth:`show`, :meth:`history`, :meth:`messages` and :meth:`forget` go on working. What waited to be learnt
        from never is, and neither is what is stored meanwhile, also when everything is allowed again.

        Raises:
            InvalidInputError: there is no such consent.
        """
        self._backend.run(consent_flow.set_consent, self.whose(user_id, namespace), consent, now=datetime.now(UTC))

    async def aset_consent(
        self, consent: Consent, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> None:
        """:meth:`set_consent`, awaited."""
        await self._backend.arun(
            consent_flow.set_consent, self.whose(user_id, namespace), consent, now=datetime.now(UTC)
        )

    def off_record(self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> bool:
        """Whether a conversation is off the record; see :meth:`set_off_record`."""
        return self._backend.run(consent_flow.off_record, self.whose(user_id, namespace), thread_id)

    async def aoff_record(
        self, thread_id: str, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> bool:
        """:meth:`off_record`, awaited."""
        return await self._backend.arun(consent_flow.off_record, self.whose(user_id, namespace), thread_id)

    def set_off_record(
        self, thread_id: str, off: bool = True, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> None:
        """Put a conversation off the record, or back on it: nothing is recalled into it, stored or learnt from it.

        What was stored of it before stays, and so do memories; what waited to be learnt from never is. LangGraph's
        checkpoints are the graph's own and stay.

        Raises:
            InvalidInputError: ``thread_id`` is malformed, or ``off`` is neither True nor False.
        """
        self._backend.run(
            consent_flow.set_off_record, self.whose(user_id, namespace), thread_id, off, now=datetime.now(UTC)
        )

    async def aset_off_record(
        self, thread_id: str, off: bool = True, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> None:
        """:meth:`set_off_record`, awaited."""
        await self._backend.arun(
            consent_flow.set_off_record, self.whose(user_id, namespace), thread_id, off, now=datetime.now(UTC)
        )

    def may_recall(
        self, thread_id: str | None = None, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> bool:
        """Whether memories may be put before a model: not while memory is paused, nor in a conversation off the record.

        :meth:`recall` and :meth:`context` keep to that by themselves; this is for what reads with :meth:`list`,
        :meth:`get` or :meth:`messages` and shows it to a model.
        """
        return self._backend.run(consent_flow.may_recall, self.whose(user_id, namespace), thread_id)

    async def amay_recall(
        self, thread_id: str | None = None, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> bool:
        """:meth:`may_recall`, awaited."""
        return await self._backend.arun(consent_flow.may_recall, self.whose(user_id, namespace), thread_id)

    def show(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> MemoryRecord:
        """A memory with all that is known about it: the messages it came from, its versions, changes and uses.

        Raises:
            MemoryNotFoundError: there never was one under ``key``.
        """
        return self._backend.run(inspect.show, self.whose(user_id, namespace), key, now=datetime.now(UTC))

    async def ashow(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> MemoryRecord:
        """:meth:`show`, awaited."""
        return await self._backend.arun(inspect.show, self.whose(user_id, namespace), key, now=datetime.now(UTC))

    def edit(
        self,
        key: str,
        *,
        text: str | None = None,
        kind: Kind | None = None,
        importance: float | None = None,
        value: Mapping[str, Any] | None = None,
        valid_from: datetime | None = None,
        source: Source = "user",
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """Correct a memory; the version before stays in :meth:`history`, and can be restored.

        The new version is true since when the old one was: for what has changed in the world, pass
        ``valid_from``. If another memory says the same already, that one stays alone. What ``source`` may not
        say or replace waits for :meth:`review`, and is returned with that status.

        Args:
            key: of a current memory. A profile is changed by :meth:`update_profile`, an item of the store by a put.
            text: the new wording. Without ``value``, what repeats the old wording there is written anew.
            kind: what kind of memory it is.
            importance: 0 to 1.
            value: JSON in the place of the old.
            valid_from: since when it is true, or when it happened.
            source: who edits it: the person, or the operator.

        Raises:
            MemoryNotFoundError: there is no current memory under ``key``.
            InvalidInputError: an argument cannot be stored, or nothing is to be changed; the message names it.
            EmbeddingError: the new wording has no vector; nothing was changed.
            ConcurrentUpdateError: the memory was changed meanwhile; nothing was changed.
            MemoryDisabledError: memory is paused; nothing was changed.
        """
        wanted = Edit(text=text, kind=kind, importance=importance, value=value, valid_from=valid_from, source=source)
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return self._backend.run(edit_flow.edit, whose, key, wanted, now=now)

    async def aedit(
        self,
        key: str,
        *,
        text: str | None = None,
        kind: Kind | None = None,
        importance: float | None = None,
        value: Mapping[str, Any] | None = None,
        valid_from: datetime | None = None,
        source: Source = "user",
        user_id: str | None = None,
        namespace: Namespace | None = None,
    ) -> Memory:
        """:meth:`edit`, awaited."""
        wanted = Edit(text=text, kind=kind, importance=importance, value=value, valid_from=valid_from, source=source)
        whose, now = self.whose(user_id, namespace), datetime.now(UTC)
        return await self._backend.arun(edit_flow.edit, whose, key, wanted, now=now)

    def pin(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """Keep a memory as it is: no rule archives or compresses it, and what a model would put in its place waits for
        review. A new version under its key is pinned too.

        Raises:
            MemoryNotFoundError: there is no current memory under ``key``.
            MemoryDisabledError: memory is paused; nothing was changed.
        """
        return self._backend.run(edit_flow.pin, self.whose(user_id, namespace), key, pinned=True, now=datetime.now(UTC))

    async def apin(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """:meth:`pin`, awaited."""
        return await self._backend.arun(
            edit_flow.pin, self.whose(user_id, namespace), key, pinned=True, now=datetime.now(UTC)
        )

    def unpin(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """Take the pin of :meth:`pin` away.

        Raises:
            MemoryNotFoundError: there is no current memory under ``key``.
            MemoryDisabledError: memory is paused; nothing was changed.
        """
        return self._backend.run(
            edit_flow.pin, self.whose(user_id, namespace), key, pinned=False, now=datetime.now(UTC)
        )

    async def aunpin(self, key: str, *, user_id: str | None = None, namespace: Namespace | None = None) -> Memory:
        """:meth:`unpin`, awaited."""
        return await self._backend.arun(
            edit_flow.pin, self.whose(user_id, namespace), key, pinned=False, now=datetime.now(UTC)
        )

    def approve_all(
        self, versions: Sequence[UUID] | None = None, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Memory]:
        """:meth:`approve` for several memories at once, all or none.

        Args:
            versions: their ``Memory.id``, as in :meth:`review`; by default all that waits, up to 10,000.

        Raises:
            MemoryNotFoundError: one of them does not wait for review; nothing was approved.
            MemoryDisabledError: memory is paused; nothing was approved.
        """
        return self._backend.run(changes.approve_all, self.whose(user_id, namespace), versions, now=datetime.now(UTC))

    async def aapprove_all(
        self, versions: Sequence[UUID] | None = None, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> builtins.list[Memory]:
        """:meth:`approve_all`, awaited."""
        return await self._backend.arun(
            changes.approve_all, self.whose(user_id, namespace), versions, now=datetime.now(UTC)
        )

    def reject_all(
        self, versions: Sequence[UUID] | None = None, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> int:
        """:meth:`reject` for several memories at once, all or none.

        Args:
            versions: their ``Memory.id``, as in :meth:`review`; by default all that waits, up to 10,000.

        Returns:
            How many were deleted.

        Raises:
            MemoryNotFoundError: one of them does not wait for review; nothing was deleted.
        """
        return self._backend.run(changes.reject_all, self.whose(user_id, namespace), versions, now=datetime.now(UTC))

    async def areject_all(
        self, versions: Sequence[UUID] | None = None, *, user_id: str | None = None, namespace: Namespace | None = None
    ) -> int:
        """:meth:`reject_all`, awaited."""
        return await self._backend.arun(
            changes.reject_all, self.whose(user_id, namespace), versions, now=datetime.now(UTC)
        )
