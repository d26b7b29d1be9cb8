"""Complete sets of memories: a question after a list wants all that belongs together, of which a search may find a part."""

import re
from collections.abc import Callable, Iterable, Sequence

from langchain_persistmem.postgres.queries import memories
from langchain_persistmem.postgres.value_filter import condition
from langchain_persistmem.recall.context_parts.context_budget import NO_EVIDENCE
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.record_redaction import redact_filter
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import (
    Question,
    RankedCandidate,
    Recollection,
)

_WITHIN_CLASS = re.compile(r"(?:fact|instruction):[^_:/.]+_(?=.)")
"""The keys that extraction gives: what comes behind the class says what it is about."""
_LEVELS = re.compile(r".+[:/._](?=[^:/._])")
"""An application's own key, but for its last level."""
_CLASSES = ("fact:", "instruction:")


def topic_of(key: str) -> str | None:
    """The beginning of a key that it shares with others of its topic; None if it stands alone.

    >>> topic_of("fact:food_seafood"), topic_of("book:dune"), topic_of("fact:diet")
    ('fact:food_', 'book:', None)
    """
    match = (_WITHIN_CLASS if key.startswith(_CLASSES) else _LEVELS).match(key)
    return match[0] if match else None


def topics_of(keys: Iterable[str]) -> list[str]:
    """The topics of some keys, without doubles, in order."""
    return list(dict.fromkeys(topic for key in keys if (topic := topic_of(key)) is not None))


_MOST_OF_A_TOPIC = 50
"""So many memories of a topic make its set complete."""


async def complete_topics(
    backend: Backend,
    namespace: Namespace,
    question: Question,
    relevant: Sequence[Recollection],
    is_fresh: Callable[[RankedCandidate], bool],
) -> list[Recollection]:
    """The other memories of the topics of what answers: a set is wanted whole, whatever a search found of it."""
    answers = [entry.memory.key for entry in relevant if entry.score >= backend.settings.threshold]
    topics = topics_of(answers)
    if not topics or question.at is not None:
        return []
    clean_filter = redact_filter(backend.settings.redaction, question.filter)
    wanted = condition(clean_filter, question.kinds, turns=backend.settings.turns)
    async with backend.reading(namespace) as tx:
        candidates = await memories.memories_by_topic(
            tx, namespace, topics, wanted=wanted, most=_MOST_OF_A_TOPIC, now=question.now
        )
    ids = {entry.memory.id for entry in relevant}
    return [
        Recollection(memory=candidate.build_memory(), score=0.0, score_parts=NO_EVIDENCE)
        for candidate in candidates
        if candidate.id not in ids and is_fresh(RankedCandidate(candidate, 0.0, 0.0, ()))
    ]
