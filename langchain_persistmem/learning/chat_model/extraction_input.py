"""The input of extraction: which turns are worth a model call, and what is shown beside them: earlier turns, tools' outputs, known memories."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from math import log
from uuid import UUID

from langchain_persistmem.language.language_files import stop_words
from langchain_persistmem.language.off_record_requests import find_off_record
from langchain_persistmem.language.search_terms.word_beginnings import word_beginnings
from langchain_persistmem.language.small_talk import is_answer, is_small_talk
from langchain_persistmem.learning.decisions.existing_memories import CONSOLIDATED
from langchain_persistmem.postgres.queries import changes, messages
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Memory, Turn

_LONGEST_SHOWN = 2_000
"""Characters of a turn that known memories are looked up with; embedding models read no further."""
_NEAR_TOOLS = 20
_MOST_TOOLS = 40
_TOOL_CHARS = 20_000
"""Tools' outputs that claims are compared with: so many messages before the open ones, so many outputs, so much of each."""
_POOL = 3
"""So many times the known memories that are chosen are looked at for each turn."""
_SHARED_WORD = 0.5
"""The gain, in deviations of cosines, of a known memory for each factor of e in the rarity of a word that it shares with a turn."""
_SHORTEST = 3
"""Letters of a word that is compared."""
_EARLIER = 3
"""Turns before the open ones that a model is shown as well: they say what a "yes" or an "it" means."""


async def tool_outputs_near(backend: Backend, namespace: Namespace, turns: Sequence[Turn], thread_id: str) -> list[str]:
    """The outputs of tools in this part of the thread, shortly before and after: a run's last output has no answer yet."""
    positions = [turn.position for turn in turns if turn.position is not None]
    if not positions:
        return []
    first = min(positions) - _NEAR_TOOLS
    async with backend.transaction(namespace, atomic=False) as tx:
        return await messages.tool_outputs(
            tx, namespace, thread_id, first, max(positions) + _NEAR_TOOLS, limit=_MOST_TOOLS, chars=_TOOL_CHARS
        )


async def earlier_turns(backend: Backend, namespace: Namespace, turns: Sequence[Turn], thread_id: str) -> list[Turn]:
    """The few turns before the open ones, as far as a model may see them."""
    position = turns[0].position
    if position is None or position == 1:
        return []
    async with backend.transaction(namespace, atomic=False) as tx:
        before = await messages.messages_before(tx, namespace, thread_id, position, limit=_EARLIER)
    off_record = find_off_record([*before, *turns])
    return [turn for turn in before if turn.id not in off_record and turn.text.strip()]


def worthwhile_turns(turns: Sequence[Turn], earlier: Sequence[Turn], off_record: frozenset[str]) -> list[Turn]:
    """The turns that may hold something: no small talk, unless it answers a question, and nothing off the record."""
    worthwhile: list[Turn] = []
    before = earlier[-1] if earlier else None
    for turn in turns:
        question = before.text if before is not None and before.role == "assistant" and turn.role == "user" else ""
        if (
            turn.id not in off_record
            and turn.text.strip()
            and (not is_small_talk(turn.text) or is_answer(turn.text, question))
        ):
            worthwhile.append(turn)
        before = turn
    return worthwhile


async def nearest_memories(
    backend: Backend, namespace: Namespace, turns: Sequence[Turn], *, now: datetime
) -> Sequence[Memory]:
    """The known memories that have most to do with what the user says."""
    most = backend.settings.extract_context_memories
    texts = [turn.text[:_LONGEST_SHOWN] for turn in turns if turn.role == "user"]
    if not most:
        return ()
    model = await ready(backend)
    vectors = await backend.embed(texts)
    async with backend.transaction(namespace, atomic=False) as tx:
        near = await changes.neighbours(
            tx, namespace, vectors, model=model, kinds=CONSOLIDATED, limit=_POOL * most, now=now
        )
    return choose_existing(texts, near, most, usual=(model.background_mean, model.background_deviation))


def choose_existing(
    texts: Sequence[str], near: Sequence[Sequence[tuple[Memory, float]]], most: int, *, usual: tuple[float, float]
) -> list[Memory]:
    """Choose known memories: half of them as the nearest of a text each, the others by what all texts together speak of.

    Args:
        near: for each text the memories nearest to it, best first, with the cosine.
        usual: mean and deviation of the cosines of unrelated sentences.
    """
    choice = _best_by_text(near, -(-most // 2))
    for memory in _best_together(texts, near, usual):
        if len(choice) < most:
            choice.setdefault(memory.id, memory)
    return list(choice.values())


def _best_by_text(near: Sequence[Sequence[tuple[Memory, float]]], most: int) -> dict[UUID, Memory]:
    """The best of each text in turn, then the second best: of a long batch no one text takes all."""
    choice: dict[UUID, Memory] = {}
    for rank in range(max(map(len, near), default=0)):
        round_ = sorted(
            (several[rank] for several in near if rank < len(several)), key=lambda pair: (-pair[1], pair[0].id)
        )
        for memory, _ in round_:
            if len(choice) < most:
                choice.setdefault(memory.id, memory)
    return choice


def _best_together(
    texts: Sequence[str], near: Sequence[Sequence[tuple[Memory, float]]], usual: tuple[float, float]
) -> list[Memory]:
    """All memories, those first that have most to do with all texts together, by meaning, words and the words of keys.

    A memory that several texts touch is what a conversation is about. One that shares a rare word, such as a name, or the
    word of its key, is about the same person or thing, however it is put.
    """
    mean, deviation = usual
    memories = {memory.id: memory for several in near for memory, _ in several}
    words_by_id = {id: _words(f"{memory.text} {memory.key}") for id, memory in memories.items()}
    counts = Counter(word for words in words_by_id.values() for word in words)
    worth: defaultdict[UUID, float] = defaultdict(float)
    for text, several in zip(texts, near, strict=True):
        own_words = _words(text)
        for memory, similarity in several:
            rarity = sum(log(len(memories) / counts[word]) for word in own_words & words_by_id[memory.id])
            evidence = (similarity - mean) / deviation + _SHARED_WORD * rarity
            worth[memory.id] += max(0, evidence - 1) ** 2
    return [memories[id] for id in sorted(memories, key=lambda id: (-worth[id], id))]


def _words(text: str) -> frozenset[str]:
    """The beginnings of the words of a text, and of the parts of a key."""
    light = stop_words("statements") | stop_words("quotes")
    return word_beginnings(text, light, shortest=_SHORTEST)
