"""New turns: which messages of a window are stored already, which are new or edited, and storing these."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from langchain_persistmem.learning.insert import change_of, log
from langchain_persistmem.learning.turns.turn_memories import EDITED, turn_id_of
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import messages, search_index
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import may_learn, may_write
from langchain_persistmem.runtime.messages import check_turn, digest_words
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import SkipReason, Turn
from langchain_persistmem.types.results import MemoryChange


@dataclass(frozen=True, slots=True)
class StoredTurns:
    """The outcome of storing turns."""

    stored: int
    """Turns that are new, new versions among them."""
    withheld: SkipReason | None
    """The reason why nothing is to be learnt from the thread, if there is one."""
    state: NamespaceState
    """The namespace's, under its lock."""
    changes: tuple[MemoryChange, ...] = ()
    """What rested on older words of edited messages, and ended with them."""


async def store_turns(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    turns: Sequence[Turn],
    *,
    now: datetime,
) -> StoredTurns:
    """Lock the namespace, and append the turns that are new, if that is allowed, when the transaction ends at the latest.

    Other words under an id that is there are a new version of the message. Turns without ids are compared with the end of
    the stored thread, so that a window of it may be given again and again.
    """
    # One turn alone is no window: nothing tells a second "yes" from the first one that is given again.
    is_window = len(turns) > 1 and not any(turn.has_id for turn in turns)
    held = generations.hold(tx, backend, namespace, now=now)
    existing = messages.existing_messages(tx, namespace, thread_id, turns)
    last = messages.read_messages(tx, namespace, thread_id, limit=len(turns), offset=0) if is_window else Answer([])
    tail, existing_ids, state = await last, await existing, await held
    if not may_write(state.consent):
        return StoredTurns(0, "paused", state)
    if existing_ids.off_record:
        return StoredTurns(0, "off_record", state)
    new = [turn for turn in turns if turn.id not in existing_ids.digests]
    if len(new) > 1 and is_window:
        new = new[overlap_of([_words_of(turn) for turn in tail], [_words_of(turn) for turn in new]) :]
    first: dict[str, Turn] = {}
    for turn in new:
        first.setdefault(turn.id, turn)
    edited = [turn for turn in turns if is_edit(existing_ids.digests.get(turn.id), turn.digest)]
    messages.insert_messages(
        tx, namespace, thread_id, list(first.values()), withheld=not may_learn(state.consent), now=now
    )
    changes = await _edit_messages(tx, backend, namespace, thread_id, edited, state, now=now) if edited else ()
    return StoredTurns(len(first) + len(edited), None if may_learn(state.consent) else "no_extract", state, changes)


def overlap_of(tail: Sequence[bytes], window: Sequence[bytes]) -> int:
    """The number of turns at the beginning of a window that are the last ones of the stored thread.

    >>> overlap_of([b"a", b"b", b"c"], [b"b", b"c", b"d"]), overlap_of([b"a", b"yes"], [b"b", b"yes"])
    (2, 0)
    """
    most = min(len(tail), len(window))
    return next((count for count in range(most, 0, -1) if tail[-count:] == window[:count]), 0)


def is_edit(stored: bytes | None, digest: bytes | None) -> bool:
    """Tell if a message has other words than the stored one of its id. Redacted by other rules, nothing is concluded."""
    return stored is not None and digest is not None and stored[:4] == digest[:4] and stored != digest


def _words_of(turn: Turn) -> bytes:
    return digest_words(turn.role, turn.speaker, turn.text, turn.content)


async def _edit_messages(
    tx: Transaction,
    backend: Backend,
    namespace: Namespace,
    thread_id: str,
    edited: Sequence[Turn],
    state: NamespaceState,
    *,
    now: datetime,
) -> tuple[MemoryChange, ...]:
    """Let messages have other words, and end what rested on the older ones alone; they are learnt from anew."""
    by_id = {turn.id: turn for turn in edited}  # the last of several under one id
    versions = [
        (old, turn_id_of(state.generation, thread_id, old.id, old.version + 1, old.recorded_at))
        for old in await messages.message_versions(tx, namespace, thread_id, list(by_id))
    ]
    new = [(by_id[old.id], turn_id) for old, turn_id in versions]
    messages.edit_messages(tx, namespace, thread_id, new, withheld=not may_learn(state.consent), now=now)
    ended = await messages.supersede_wordings(tx, namespace, thread_id, versions, now=now)
    search_index.unindex_memories(tx, namespace, [memory.id for memory, *_ in ended])
    log(tx, backend, namespace, [(memory.id, "superseded", EDITED, by) for memory, by, _ in ended], now=now)
    return tuple(change_of(memory, "superseded", EDITED) for memory, _, was_listed in ended if was_listed)


def check_turns(turns: Sequence[Turn], namespace: Namespace, thread_id: str) -> list[Turn]:
    """Return the turns of a conversation as they are stored, if they can be.

    Raises:
        InvalidInputError: the message has the place, such as ``messages[2].content``.
    """
    encode(namespace)
    validation.name(thread_id, "thread_id")
    return [check_turn(turn, f"messages[{index}]") for index, turn in enumerate(turns)]
