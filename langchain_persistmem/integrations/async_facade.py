"""The methods of PersistMem that agents use, to be awaited in either colour, so that what uses them is written once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recalled import Context, Recollection
from langchain_persistmem.types.records import Kind, Memory
from langchain_persistmem.types.results import CommandReply, ObserveResult, Receipt


class Awaited:
    """``await awaited.recall(...)`` is ``memory.recall(...)`` or ``await memory.arecall(...)``.

    The blocking ones answer at once, so that ``backend.finished`` brings a flow over them to its end.
    """

    def __init__(self, memory: PersistMem, *, asynchronous: bool) -> None:
        self.memory = memory
        self.asynchronous = asynchronous

    async def context(
        self,
        query: str,
        *,
        thread_id: str | None,
        messages: Sequence[BaseMessage],
        namespace: Namespace,
        shown: Sequence[str] = (),
        **options: Any,
    ) -> Context:
        """:meth:`PersistMem.context`."""
        return await self._call(
            "context", query, thread_id=thread_id, messages=messages, namespace=namespace, shown=shown, **options
        )

    async def command(
        self, message: BaseMessage, *, question: Mapping[str, Any] | None, namespace: Namespace, **options: Any
    ) -> CommandReply | None:
        """:meth:`PersistMem.command`."""
        return await self._call("command", message, question=question, namespace=namespace, **options)

    async def recall(
        self, query: str, *, limit: int, namespace: Namespace, thread_id: str | None
    ) -> list[Recollection]:
        """:meth:`PersistMem.recall`."""
        return await self._call("recall", query, limit=limit, namespace=namespace, thread_id=thread_id)

    async def may_recall(self, thread_id: str | None, *, namespace: Namespace) -> bool:
        """:meth:`PersistMem.may_recall`."""
        return await self._call("may_recall", thread_id, namespace=namespace)

    async def off_record(self, thread_id: str, *, namespace: Namespace) -> bool:
        """:meth:`PersistMem.off_record`."""
        return await self._call("off_record", thread_id, namespace=namespace)

    async def get(self, key: str, *, namespace: Namespace) -> Memory:
        """:meth:`PersistMem.get`."""
        return await self._call("get", key, namespace=namespace)

    async def list(
        self, *, kinds: Sequence[Kind] | None, limit: int, offset: int, namespace: Namespace
    ) -> Sequence[Memory]:
        """:meth:`PersistMem.list`."""
        return await self._call("list", kinds=kinds, limit=limit, offset=offset, namespace=namespace)

    async def remember(self, text: str, *, namespace: Namespace, **options: Any) -> Memory:
        """:meth:`PersistMem.remember`."""
        return await self._call("remember", text, namespace=namespace, **options)

    async def forget(self, keys: Sequence[str], *, namespace: Namespace) -> Receipt:
        """:meth:`PersistMem.forget` by key."""
        return await self._call("forget", keys, namespace=namespace)

    async def forgettable(self, query: str, *, limit: int, namespace: Namespace) -> Receipt:
        """:meth:`PersistMem.forget` by query, which erases nothing and has the candidates."""
        return await self._call("forget", query=query, limit=limit, namespace=namespace)

    async def observe(
        self,
        messages: Sequence[BaseMessage],
        *,
        thread_id: str,
        used: Sequence[str],
        background: bool | None,
        namespace: Namespace,
    ) -> ObserveResult:
        """:meth:`PersistMem.observe`; where it is not said, in the background if the memory itself learns there."""
        where = self.memory.learns_in_background if background is None else background
        return await self._call(
            "observe", messages, thread_id=thread_id, used=used, background=where, namespace=namespace
        )

    async def _call(self, name: str, *args: Any, **options: Any) -> Any:
        if self.asynchronous:
            return await getattr(self.memory, f"a{name}")(*args, **options)
        return getattr(self.memory, name)(*args, **options)
