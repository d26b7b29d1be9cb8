"""Learning by rules: the statements that they find, as candidates like those of a model's, and writing them.

They are what is learnt where no model reads along. A model, once there is one, ends them under their keys.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from langchain_persistmem.language.off_record_requests import find_off_record
from langchain_persistmem.language.statement_rules import (
    find_statements,
    is_covered,
)
from langchain_persistmem.language.trust import is_deceptive
from langchain_persistmem.learning.decisions.apply_decisions import apply
from langchain_persistmem.learning.decisions.existing_memories import decide_new
from langchain_persistmem.learning.insert import prepare
from langchain_persistmem.learning.kind_and_category import document_of
from langchain_persistmem.postgres.queries import messages
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn
from langchain_persistmem.runtime.record_redaction import turn_to_learn
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import RULES_EXTRACTOR, Candidate, Provenance, Turn

_CONFIDENCE = 0.9


def find_candidates(turns: Sequence[Turn], *, thread_id: str, max_chars: int) -> list[Candidate]:
    """Find what the user's turns say that holds for longer.

    A turn that reads like an attack on the prompt has none: it waits for review as it is, whole. A clause cut out of it
    could look harmless.

    Args:
        turns: those that may be learnt from.
        max_chars: a longer text is cut.
    """
    candidates: list[Candidate] = []
    for turn in turns:
        statements = find_statements(turn.text) if turn.role == "user" and not is_deceptive(turn.text) else []
        # A turn that says more than the rules understand stays a memory beside its statements; no quote, no link.
        is_complete = bool(statements) and is_covered(turn.text, statements)
        for statement in statements:
            text = statement.text[:max_chars]
            candidates.append(
                Candidate(
                    text=text,
                    kind=statement.kind,
                    category=statement.category,
                    key=statement.key,
                    value=document_of(text, statement),
                    importance=statement.importance,
                    confidence=_CONFIDENCE,
                    valid_from=turn.sent_at,
                    told_at=turn.sent_at,
                    date_precision="told",
                    speaker=turn.speaker,
                    quote=statement.quote if is_complete else None,
                    provenance=Provenance(
                        source="user", thread_id=thread_id, message_ids=(turn.id,), extractor=RULES_EXTRACTOR
                    ),
                )
            )
    return candidates


async def learn_by_rules(
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    turn_ids: Sequence[str] | None,
    generation: UUID,
    *,
    now: datetime,
) -> None:
    """Learn by rules from open turns that no attempt of the model's could be learnt from; they stay open.

    An instruction or an allergy is not lost because a model was down all day. Once a model has read the turns after all,
    what it says stands under the same keys.

    Args:
        turn_ids: None for all open turns of the thread.
    """
    async with backend.transaction(namespace, atomic=False) as tx:
        waiting = await messages.count_open(tx, namespace, thread_id)
        turns = await messages.messages_to_extract(tx, namespace, thread_id, limit=max(waiting, 1))
    turns = [turn_to_learn(backend.settings.redaction, turn) for turn in turns]
    off_record = find_off_record(turns)
    readable = [turn for turn in turns if turn.id not in off_record and (turn_ids is None or turn.id in turn_ids)]
    candidates = find_candidates(readable, thread_id=thread_id, max_chars=backend.settings.max_text_chars)
    if not candidates:
        return
    new = await prepare(backend, candidates, later=True)
    decisions = await decide_new(backend, namespace, new, (), now=now)

    async def write(backend: Backend) -> None:
        async with backend.transaction(namespace) as tx:
            state = await generations.hold(tx, backend, namespace, now=now)
            if state.generation == generation and may_learn(state.consent):  # else it was erased or forbidden meanwhile
                done = await apply(tx, backend, namespace, decisions, now=now)
                await record(tx, backend, namespace, "learnt", done.memory_ids.all, turns=0, **done.memory_ids.counts)

    await backend.step(write)
