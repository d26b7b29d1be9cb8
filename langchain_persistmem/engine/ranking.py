"""From signals to a score: pure, with every weight in ``Settings.ranking``.

A memory's evidence is the sum of its parts, in standard deviations: how far its meaning lies
above what this user's memories usually have in common with a query, how rare and how many of
the query's words it shares, what its neighbours in the thread say, who said it, and small bounded
bonuses for recency, importance and use. The score is the evidence on a scale from 0 to 1, where
0.5 is a toss-up given how many memories there are.
"""

import math
import re
from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.settings import Ranking
from langchain_persistmem.types import Findings, Found, Recollection, Why

_FIRST_PERSON = re.compile(r"\b(i|my|me|mine)\b", re.IGNORECASE)
_TOLD_BY_ASSISTANT = re.compile(
    r"\bremind me\b|\b(previous|earlier|last|our) (conversation|chat|discussion)s?\b"
    r"|\byou(r|'ve| have| had)? (just |also |previously )?(told|tell|said|say|mention(ed)?|suggest(ed|ions?)?"
    r"|recommend(ed|ations?)?|provided?|gave|give|given|list(ed)?|explain(ed)?|describe[d]?|wrote|write|written"
    r"|share[d]?|create[d]?|made|make)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_USES_AT_CEILING = 20


def rank(
    findings: Findings, query: str, *, background: tuple[float, float], weights: Ranking, now: datetime
) -> list[Recollection]:
    """The findings as recollections, best first; ties by key, so that the order is stable."""
    found = findings.found
    about = [_about(each, findings, background, weights) for each in found]
    place = {
        (each.memory.provenance.thread_id, each.position): index
        for index, each in enumerate(found)
        if each.position is not None
    }
    named = _named(found, query)
    echo = bool(_FIRST_PERSON.search(query)) and not _TOLD_BY_ASSISTANT.search(query)

    def beside(each: Found, step: int) -> tuple[float, bool]:
        """The evidence of a neighbouring turn, if it speaks for this one at all, and whether it is the assistant's."""
        index = None if each.position is None else place.get((each.memory.provenance.thread_id, each.position + step))
        if index is None or _is_assistant(each):
            return 0.0, False
        return max(0.0, sum(about[index])), _is_assistant(found[index])

    def from_neighbours(each: Found) -> float:
        before, asked_by_assistant = beside(each, -1)
        after, replied = beside(each, +1)
        return (
            weights.before * before * (not asked_by_assistant) + (weights.reply if replied else weights.after) * after
        )

    recollections: list[Recollection] = []
    for each, (meaning, words) in zip(found, about, strict=True):
        neighbours = from_neighbours(each)
        speaker = 0.0
        if len(named) == 1:
            speaker += weights.speaker if each.memory.speaker in named else -weights.speaker
        if echo and _is_assistant(each):
            speaker -= weights.assistant_echo
        recency = weights.bonus * _recency(each, weights, now)
        importance = weights.bonus * each.memory.importance
        use = weights.bonus * min(1.0, math.log1p(each.uses) / math.log1p(_USES_AT_CEILING))
        evidence = meaning + words + neighbours + speaker + recency + importance + use
        why = Why(
            evidence=evidence,
            meaning=meaning,
            words=words,
            neighbours=neighbours,
            speaker=speaker,
            recency=recency,
            importance=importance,
            use=use,
            similarity=each.similarity,
        )
        recollections.append(Recollection(memory=each.memory, score=_score(evidence, findings.count, weights), why=why))
    return sorted(recollections, key=lambda each: (-each.why.evidence, each.memory.key))


def select(ranked: Sequence[Recollection], *, limit: int, threshold: float, floor: float) -> list[Recollection]:
    """The best ``limit``: none if even the best is below ``threshold``; no text twice; nothing below ``floor``."""
    if not ranked or ranked[0].score < threshold:
        return []
    chosen: list[Recollection] = []
    seen: set[str] = set()
    for each in ranked:
        same = " ".join(_WORD.findall(each.text.casefold())) or each.memory.key
        if each.score >= floor and same not in seen:
            seen.add(same)
            chosen.append(each)
    return chosen[:limit]


def _about(each: Found, findings: Findings, background: tuple[float, float], weights: Ranking) -> tuple[float, float]:
    """Evidence by meaning and by words.

    The user's own mean and deviation are mixed with the embedder's background, which counts like
    ``prior_count`` memories: with few memories of one's own there is no telling what is usual.
    """
    usual, scale = background
    count, prior = findings.count, weights.prior_count
    total = count + prior
    mean = (count * findings.mean + prior * usual) / total if total else usual
    spread = count * (findings.deviation**2 + (findings.mean - mean) ** 2) + prior * (scale**2 + (usual - mean) ** 2)
    deviation = max(math.sqrt(spread / total) if total else scale, scale / 2)
    meaning = (each.similarity - max(usual, mean)) / deviation
    rarest = math.log(1 + 2 * max(count, 1))  # the weight of a word that no memory has
    words = each.lexical * (weights.rarity / rarest + weights.coverage / max(findings.lexical_max, 1e-9))
    return meaning, words


def _score(evidence: float, count: int, weights: Ranking) -> float:
    odds = (evidence - weights.even - weights.even_per_log * math.log(max(count, 1))) / weights.softness
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, odds))))


def _recency(each: Found, weights: Ranking, now: datetime) -> float:
    age = max(0.0, (now - each.memory.valid_from).total_seconds()) / 86_400  # what lies ahead is not newer than now
    return 0.5 ** (age / weights.half_life_days)


def _named(found: Sequence[Found], query: str) -> set[str]:
    """The speakers whom the query names."""
    asked = set(_WORD.findall(query.casefold()))
    speakers = {each.memory.speaker for each in found if each.memory.speaker}
    return {speaker for speaker in speakers if asked & set(_WORD.findall(speaker.casefold()))}


def _is_assistant(each: Found) -> bool:
    return each.memory.provenance.source == "assistant" and not each.memory.speaker
