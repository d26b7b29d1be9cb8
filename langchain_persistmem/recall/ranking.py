"""From signals to a score: pure, with every weight in ``Settings.ranking``.

A memory's evidence is the sum of its parts, in standard deviations: how far its meaning lies
above what this user's memories usually have in common with a query, how rare and how many of
the query's words it shares, what its neighbours in the thread say, who said it, whether its time is
the one asked about, whether it only asks, whether it lacks the time or the number that is asked for, and small
bounded bonuses for recency, importance and use. The score is the evidence on a scale from 0 to 1, where 0.5 is a
toss-up given how many memories there are.
"""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import islice

from langchain_persistmem.language import date_matching
from langchain_persistmem.language.data import stop_words
from langchain_persistmem.language.question import parse_question
from langchain_persistmem.settings import Ranking
from langchain_persistmem.types.recalled import (
    Interpretation,
    RankedCandidate,
    Reason,
    RecallCandidate,
    Recollection,
    SearchResult,
)

_WORD = re.compile(r"[^\W_]+")
_ANY_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_SENTENCE = re.compile(r"[^.!?。！？؟…\n]+[.!?。！？؟…]*")
_READ = 2_000
"""Characters of a memory in which questions are counted."""
_LIKELIEST = 20
"""So many of the likeliest are read for what is asked for; all others count as lacking it, and overtake none."""
_READ_FOR_A_NUMBER = 500
"""Characters."""
_USES_AT_CEILING = math.log1p(20)
"""The logarithm of so many uses, and one."""
_GOOD_HITS = 10
"""So many of the best turns speak for their sessions."""
_SESSION = timedelta(hours=12)
"""A thread may go on for years: what was said further apart is no one session."""
_SURE = 10
"""So many of the best are outstanding whatever their share: where there are few memories, evidence is coarse."""
_NEARLY = 0.6
"""A memory that has so much of the best one's evidence speaks to the question as well."""


def rank(
    findings: SearchResult, query: str, *, background: tuple[float, float], weights: Ranking, now: datetime
) -> list[RankedCandidate]:
    """The findings weighed, best first; ties by key, so that the order is stable."""
    found, bonus = findings.candidates, weights.max_bonus
    asked = parse_question(findings, query, now=now)
    scale = _Scale(findings, background, weights)
    meaning = [scale.meaning(each.similarity) for each in found]
    words = [each.lexical * scale.word for each in found]
    about = [meant + said for meant, said in zip(meaning, words, strict=True)]
    asking = [_asking(each.text or "") for each in found]
    sure = any(evidence >= scale.toss_up for evidence in about)
    latest = _latest(found, about) if asked.is_about_present and sure else {}  # no age makes an answer of noise
    neighbours = list(_beside(found, about, words, asking, weights))
    speaker = [_by_speaker(each, asked, weights) for each in found]
    period = [_by_period(each, asked, weights) for each in found] if asked.periods else [0.0] * len(found)
    question = [
        0.0 - (weights.question_penalty * share if each.speaker else 0.0)
        for each, share in zip(found, asking, strict=True)
    ]
    lacking = [0.0] * len(found)
    if asked.asks_for is not None:
        told = [sum(each) for each in zip(about, neighbours, speaker, period, question, strict=True)]
        lacking = _lacking(found, told, asked, weights)
    recency = [
        bonus * _recency(each, weights, now) + weights.latest * latest.get(place, 0.0)
        for place, each in enumerate(found)
    ]
    importance = [bonus * each.importance for each in found]
    use = [bonus * min(1.0, math.log1p(each.uses) / _USES_AT_CEILING) for each in found]
    parts = zip(meaning, words, neighbours, speaker, period, question, lacking, recency, importance, use, strict=True)
    ranked = [scale.ranked(*each) for each in zip(found, parts, strict=True)]
    return sorted(ranked, key=lambda each: (-each.evidence, each.candidate.key))


def _beside(
    found: Sequence[RecallCandidate],
    about: Sequence[float],
    words: Sequence[float],
    asking: Sequence[float],
    weights: Ranking,
) -> Iterator[float]:
    """What the turns around each turn say for it, never against: a share of the evidence of the turn before, of the turn
    after, and of the best other turn of the same thread that was said within hours; and of a turn before that asks, a share
    of what its words have more.

    The assistant's turns gain nothing, and speak for no session: long answers repeat its topic in every turn.
    """
    told = [max(0.0, evidence) for evidence in about]
    assistant = [_is_assistant(each) for each in found]
    turns = {(each.thread_id, each.position): place for place, each in enumerate(found) if each.position is not None}
    best = _best_by_thread(found, told, assistant)
    for place, this in enumerate(found):
        if this.position is None or assistant[place]:
            yield 0.0
            continue
        share = 0.0
        before = turns.get((this.thread_id, this.position - 1))
        if before is not None and not assistant[before]:
            if asking[before] > 0:
                share += weights.answer * told[before]
                share += weights.answer_terms * max(0.0, words[before] - words[place])
            else:
                share += weights.previous_turn * told[before]
        after = turns.get((this.thread_id, this.position + 1))
        if after is not None:
            share += (weights.assistant_reply if assistant[after] else weights.next_turn) * told[after]
        for other in best.get(this.thread_id, ()):
            if other != place and abs(this.valid_from - found[other].valid_from) <= _SESSION:
                share += weights.same_session * told[other]
                break
        yield share


def _best_by_thread(
    found: Sequence[RecallCandidate], told: Sequence[float], assistant: Sequence[bool]
) -> dict[str | None, list[int]]:
    """The places of the best turns by thread, the best first; not the assistant's."""
    turns = [place for place, each in enumerate(found) if each.position is not None and not assistant[place]]
    best: dict[str | None, list[int]] = {}
    for place in sorted(turns, key=told.__getitem__, reverse=True)[:_GOOD_HITS]:
        best.setdefault(found[place].thread_id, []).append(place)
    return best


def _by_speaker(each: RecallCandidate, asked: Interpretation, weights: Ranking) -> float:
    speaker = 0.0
    if len(asked.speakers) == 1:
        speaker += weights.speaker if each.speaker in asked.speakers else -weights.speaker
    if asked.is_about_user and _is_assistant(each):
        speaker -= weights.assistant_echo
    return speaker


def _by_period(each: RecallCandidate, asked: Interpretation, weights: Ranking) -> float:
    """What the time of a memory says: more inside a period that is asked about, less outside if that one is sure."""
    fits = date_matching.fit(each, asked.periods)
    return weights.period * fits if fits else -weights.other_period * max(period.certainty for period in asked.periods)


def _lacking(
    found: Sequence[RecallCandidate], evidence: Sequence[float], asked: Interpretation, weights: Ranking
) -> Sequence[float]:
    """What memories lose that do not tell the time or the number that is asked for."""
    tells = date_matching.tells if asked.asks_for == "time" else _tells_a_number
    likeliest = nlargest(_LIKELIEST, range(len(found)), key=evidence.__getitem__)
    telling = {place for place in likeliest if tells(found[place])}
    return [0.0 if place in telling else 0.0 - weights.missing_answer for place in range(len(found))]


def _latest(found: Sequence[RecallCandidate], about: Sequence[float]) -> dict[int, float]:
    """0 to 1 by day among the memories that speak to the question nearly as well as the best one: the newest has 1."""
    best = max(about, default=0.0)
    near = [place for place, evidence in enumerate(about) if evidence > 0 and evidence >= _NEARLY * best]
    day_of = {place: found[place].valid_from.date() for place in near}
    days = sorted(set(day_of.values()))
    return {place: days.index(day) / (len(days) - 1) for place, day in day_of.items()} if len(days) > 1 else {}


def select(ranked: Sequence[RankedCandidate], *, limit: int, threshold: float, floor: float) -> list[Recollection]:
    """The best ``limit``: none if even the best is below ``threshold``; no text twice; nothing below ``floor``."""
    decided = zip(ranked, _decisions(ranked, limit=limit, threshold=threshold, floor=floor), strict=True)
    return [each.recollection() for each in islice((each for each, (reason, _) in decided if reason is None), limit)]


def outstanding(chosen: Sequence[Recollection], *, share: float) -> list[Recollection]:
    """The best ten, and what has ``share`` of the best one's evidence.

    A clear answer needs few memories, a question that none answers alone needs many: tokens go where the ranking is unsure.
    """
    if not share:
        return list(chosen)
    least = share * max((each.score_parts.evidence for each in chosen), default=0.0)
    return [each for place, each in enumerate(chosen) if place < _SURE or each.score_parts.evidence >= least]


def decide(
    ranked: Sequence[RankedCandidate], *, limit: int, threshold: float, floor: float
) -> list[tuple[Reason | None, str | None]]:
    """For each candidate why it is left out, or None; and of a duplicate the key of the one that stands for it."""
    return list(_decisions(ranked, limit=limit, threshold=threshold, floor=floor))


def _decisions(
    ranked: Sequence[RankedCandidate], *, limit: int, threshold: float, floor: float
) -> Iterator[tuple[Reason | None, str | None]]:
    seen: dict[str, str] = {}
    best = max((each.score for each in ranked), default=0.0)
    for each in ranked:
        if best < threshold:
            yield "threshold", None
            continue
        if each.score < floor:
            yield "min_score", None
            continue
        key = each.candidate.key
        same = " ".join(_WORD.findall((each.candidate.text or "").casefold())) or key
        if same in seen:
            yield "duplicate", seen[same]
        else:
            yield (None if len(seen) < limit else "limit"), None
            seen[same] = key


class _Scale:
    """What the numbers of one search mean: worked out once, for all that it found.

    The user's own mean and deviation are mixed with the embedder's background, which counts like
    ``prior_count`` memories: with few memories of one's own there is no telling what is usual.
    """

    def __init__(self, findings: SearchResult, background: tuple[float, float], weights: Ranking) -> None:
        usual, scale = background
        count, prior = findings.count, weights.prior_count
        total = count + prior
        mean = (count * findings.mean + prior * usual) / total if total else usual
        spread = count * (findings.deviation**2 + (findings.mean - mean) ** 2) + prior * (
            scale**2 + (usual - mean) ** 2
        )
        self._usual = max(usual, mean)
        self._deviation = max(math.sqrt(spread / total) if total else scale, scale / 2)
        rarest = math.log(1 + 2 * max(count, 1))  # the weight of a word that no memory has
        self.word = weights.rarity / rarest + weights.coverage / max(findings.lexical_max, 1e-9)
        """Evidence for each unit of the BM25 score."""
        self.toss_up = weights.score_midpoint + weights.score_midpoint_per_log * math.log(max(count, 1))
        """The evidence at which the score is 0.5."""
        self._softness = weights.score_scale
        self._certain = usual + weights.strong_match * scale

    def meaning(self, similarity: float | None) -> float:
        """Evidence by meaning: without a vector yet nothing is known of it, for or against."""
        return 0.0 if similarity is None else (similarity - self._usual) / self._deviation

    def ranked(self, found: RecallCandidate, parts: tuple[float, ...]) -> RankedCandidate:
        """The candidate with the sum of its parts."""
        evidence = math.fsum(parts)
        return RankedCandidate(found, self._score(evidence, found.similarity), evidence, parts)

    def _score(self, evidence: float, similarity: float | None) -> float:
        """The evidence on a scale from 0 to 1; at least 0.5 where the meaning is nearer than chance brings it.

        Where all of a user's memories are about one thing, none of them stands out from the others.
        """
        if similarity is not None and similarity >= self._certain:
            evidence = max(evidence, self.toss_up)
        odds = (evidence - self.toss_up) / self._softness
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, odds))))


def _recency(each: RecallCandidate, weights: Ranking, now: datetime) -> float:
    age = max(0.0, (now - each.valid_from).total_seconds()) / 86_400  # what lies ahead is not newer than now
    return 0.5 ** (age / weights.half_life_days)


def _tells_a_number(each: RecallCandidate) -> bool:
    begin = (each.text or "")[:_READ_FOR_A_NUMBER]
    return bool(_DIGIT.search(begin)) or not stop_words("numbers").isdisjoint(_ANY_WORD.findall(begin.casefold()))


def _asking(text: str) -> float:
    """The share of the sentences that ask something."""
    begin = text[:_READ]
    if not _has_question_mark(begin):
        return 0.0
    sentences = [each for each in _SENTENCE.findall(begin) if _WORD.search(each)]
    return sum(map(_has_question_mark, sentences)) / len(sentences) if sentences else 0.0


def _has_question_mark(text: str) -> bool:
    return "?" in text or "？" in text or "؟" in text


def _is_assistant(each: RecallCandidate) -> bool:
    return each.source == "assistant" and not each.speaker
