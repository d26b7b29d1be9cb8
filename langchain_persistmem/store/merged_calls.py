"""Concurrent calls of one tick of an event loop, merged into one batch; none fails for another's sake."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from langgraph.store.base import GetOp, Op, PutOp, Result

from langchain_persistmem.types.actor import current_actor
from langchain_persistmem.types.representation import is_a

RunBatch = Callable[[Sequence[Op]], Awaitable[list[Result]]]
"""Does operations as one batch, all or none."""

_MOST = 1_000
"""Operations in one batch: a longer one would keep its namespaces locked, and one connection busy, for long."""


@dataclass(slots=True)
class _Call:
    """A call that waits for its results."""

    ops: Sequence[Op]
    actor: str
    context: contextvars.Context
    results: asyncio.Future[list[Result]] = field(default_factory=asyncio.Future[list[Result]])


class MergedCalls:
    """The calls of a store on one event loop.

    Gets and puts that begin in one tick are done together: one embedding call, one transaction. As for a batch of
    LangGraph's, reads see what was before its writes, and of two puts of one key the last one wins. Calls that search, or
    list namespaces, stay apart, since they gain by running at once; so do calls of different actors.

    Args:
        run: does operations as one batch.
    """

    def __init__(self, run: RunBatch) -> None:
        self._run = run
        self._waiting: list[_Call] = []
        self._running = set[asyncio.Task[None]]()

    async def call(self, ops: Sequence[Op]) -> list[Result]:
        """The results of ``ops``, which are done together with what else begins now."""
        if not ops or not all(is_a(op, GetOp) or is_a(op, PutOp) for op in ops):
            return await self._run(ops)
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)
        call = _Call(ops, current_actor(), contextvars.copy_context())
        self._waiting.append(call)
        return await call.results

    def _begin(self) -> None:
        """The tick is over: begin with the calls that have come, in their order."""
        waiting, self._waiting = [call for call in self._waiting if not call.results.done()], []
        by_actor: dict[str, list[_Call]] = {}
        for call in waiting:
            by_actor.setdefault(call.actor, []).append(call)
        for calls in by_actor.values():
            batch, size = list[_Call](), 0
            for call in calls:
                if batch and size + len(call.ops) > _MOST:
                    self._start(batch)
                    batch, size = [], 0
                batch.append(call)
                size += len(call.ops)
            self._start(batch)

    def _start(self, calls: Sequence[_Call]) -> None:
        if not calls:
            return
        task = asyncio.create_task(self._do(calls), context=calls[0].context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

        def end_if_unwanted(_: object) -> None:
            if all(call.results.cancelled() for call in calls):
                task.cancel()

        for call in calls:
            call.results.add_done_callback(end_if_unwanted)

    async def _do(self, calls: Sequence[_Call]) -> None:
        try:
            results = await self._run([op for call in calls for op in call.ops])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's
            if len(calls) == 1:
                if not calls[0].results.done():
                    calls[0].results.set_exception(error)
                return
            # Nothing of it was done. What is refused is found in halves, which takes no time; models and servers are asked by
            # each call for itself, at once: it waits for one failure more, and not for the others'.
            half = len(calls) // 2
            apart = [calls[:half], calls[half:]] if isinstance(error, ValueError) else [[call] for call in calls]
            for group in apart:
                self._start([call for call in group if not call.results.done()])
            return
        except BaseException:
            for call in calls:
                call.results.cancel()
            raise
        start = 0
        for call in calls:
            end = start + len(call.ops)
            if not call.results.done():
                call.results.set_result(results[start:end])
            start = end
