"""Writing what was learnt from some turns, in one transaction: memories, what was dropped and why, and that the turns are done."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import PersistMemError
from langchain_persistmem.learning.chat_model.extraction_answer import Omission
from langchain_persistmem.learning.decisions.apply_decisions import ChangeResult, apply
from langchain_persistmem.learning.decisions.consolidation import Decision
from langchain_persistmem.postgres.queries import messages
from langchain_persistmem.postgres.queries import turns as turns_queries
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.types.namespace import Namespace


class OvertakenError(PersistMemError):
    """Somebody else has dealt with these turns, erased them, or forbidden it; this work is given up."""

    def __init__(self, *, again: bool) -> None:
        super().__init__()
        self.again = again
        """Only some of the turns are gone, such as one that was not to be remembered: the others are to be looked at."""


async def write(
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    generation: UUID,
    decisions: Sequence[Decision],
    closing: Sequence[str],
    learnt_from: Collection[str],
    omissions: Sequence[Omission],
    *,
    now: datetime,
) -> ChangeResult:
    """Carry the decisions out, and close the turns.

    Args:
        generation: that of the namespace when the turns were read.
        closing: the ids of the turns that were looked at.
        learnt_from: the ids of those that statements were found in.
        omissions: what was dropped.

    Raises:
        OvertakenError: the namespace was erased or paused meanwhile, or somebody else has closed some of the turns.
    """
    rows, outcomes = _rows_of(backend, omissions, thread_id), _outcomes(closing, learnt_from, omissions)
    async with backend.transaction(namespace) as tx:
        held = generations.hold(tx, backend, namespace, now=now)
        closed = await messages.mark_extracted(tx, namespace, thread_id, closing, now=now)
        state = await held
        allowed = state.generation == generation and may_learn(state.consent)
        if not allowed or closed != len(closing):
            raise OvertakenError(again=allowed)
        done = await apply(tx, backend, namespace, decisions, now=now)
        # What was dropped is told in the same transaction: a reader of a turn finds its reasons, or that it is open.
        turns_queries.insert_omissions(tx, namespace, rows, now=now)
        turns_queries.set_outcomes(tx, namespace, thread_id, outcomes)
        record(tx, backend, namespace, "learnt", done.memory_ids.all, turns=closed, **done.memory_ids.counts)
    return done


def _rows_of(backend: Backend, omissions: Sequence[Omission], thread_id: str) -> list[dict[str, object]]:
    """The rows of what was dropped; what names no message goes with none, and is not stored."""
    return [
        {
            "id": str(backend.new_id()),
            "thread_id": thread_id,
            "message_id": omission.message_ids[0],
            "text": omission.text,
            "reason": omission.reason,
            "about": str(omission.about) if omission.about is not None else None,
        }
        for omission in omissions
        if omission.message_ids and omission.text.strip()
    ]


def _outcomes(closing: Sequence[str], learnt_from: Collection[str], omissions: Sequence[Omission]) -> dict[str, str]:
    """The outcomes of messages, where these are more than their own words told."""
    assistant_only = {
        id for omission in omissions if omission.reason == "assistant_only" for id in omission.message_ids
    }
    return {
        id: "learnt" if id in learnt_from else "assistant_only"
        for id in closing
        if id in learnt_from or id in assistant_only
    }
