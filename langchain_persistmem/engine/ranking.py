"""From signals to a score: pure, with every weight in ``Settings.ranking``.

A memory's evidence is the sum of its parts, in standard deviations: how far its meaning lies
above what this user's memories usually have in common with a query, how rare and how many of
the query's words it shares, what its neighbours in the thread say, who said it, whether its time is
the one asked about, whether it only asks, and small bounded bonuses for recency, importance and use. The score is the evidence on a scale from 0 to 1, where
0.5 is a toss-up given how many memories there are.
"""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from langchain_persistmem.engine import timing
from langchain_persistmem.engine.dates import periods_in
from langchain_persistmem.settings import Ranking
from langchain_persistmem.types import Findings, Found, Memory, Reason, Recollection, Understood, Why

_FIRST_PERSON = re.compile(
    r"\b(i|my|me|mine|ich|mein(e|en|em|er)?|mich|mir|je|j|mon|moi|yo|mi|mis|mí|io|mio|mia|eu|meu|minha|ik|mijn|я|мой|моя|мне"
    r"|меня)\b|我|私|僕|俺|나|내|제",
    re.IGNORECASE,
)
_TOLD_BY_ASSISTANT = re.compile(
    r"\bremind me\b|\b(previous|earlier|last|our) (conversation|chat|discussion)s?\b"
    r"|\byou(r|'ve| have| had)? (just |also |previously )?(told|tell|said|say|mention(ed)?|suggest(ed|ions?)?"
    r"|recommend(ed|ations?)?|provided?|gave|give|given|list(ed)?|explain(ed)?|describe[d]?|wrote|write|written"
    r"|share[d]?|create[d]?|made|make)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_PAST = re.compile(
    r"\b(was|were|did|had|been|ago|before|previous(ly)?|used to|when|first|last|how (long|often)|hat|hatte|habe|war|wann"
    r"|früher|étais|était|ai|quand|fui|fue|era|estaba|cuándo|quando|wanneer|heb|был|была|когда)\b|过|了|でした|ました|었|았",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?。！？؟…\n]+[.!?。！？؟…]*")
_QUESTION_MARKS = frozenset("?？؟")
_READ = 2_000
"""Characters of a memory in which questions are counted."""
_USES_AT_CEILING = 20
_GOOD_HITS = 10
"""So many of the best turns speak for their sessions."""
_SESSION = timedelta(hours=12)
"""A thread may go on for years: what was said further apart is no one session."""
_SURE = 10
"""So many of the best are outstanding whatever their share: where there are few memories, evidence is coarse."""
_NEARLY = 0.6
"""A memory that has so much of the best one's evidence speaks to the question as well."""


def understood(findings: Findings, query: str, *, now: datetime) -> Understood:
    """What ``query`` says of times and persons, as seen from ``now``."""
    periods = periods_in(query, now=now)
    about_user = bool(_FIRST_PERSON.search(query)) and not _TOLD_BY_ASSISTANT.search(query)
    return Understood(
        periods=periods,
        named=tuple(sorted(_named(findings.found, query))),
        about_user=about_user,
        present=about_user and not periods and not _PAST.search(query),
    )


def rank(
    findings: Findings, query: str, *, background: tuple[float, float], weights: Ranking, now: datetime
) -> list[Recollection]:
    """The findings as recollections, best first; ties by key, so that the order is stable."""
    asked = understood(findings, query, now=now)
    scale = _Scale(findings, background, weights)
    about = [scale.about(each) for each in findings.found]
    asking = [_asking(each.memory.text or "") for each in findings.found]
    beside = _Beside(findings.found, [max(0.0, meaning + words) for meaning, words in about], asking, weights)
    sure = any(meaning + words >= scale.toss_up for meaning, words in about)
    latest = _latest(findings.found, about) if asked.present and sure else {}  # no age makes an answer of noise
    recollections: list[Recollection] = []
    for place, (each, (meaning, words)) in enumerate(zip(findings.found, about, strict=True)):
        parts = {
            "meaning": meaning,
            "words": words,
            "neighbours": beside.neighbours(place) + beside.session(place),
            "speaker": _by_speaker(each, asked, weights),
            "period": _by_period(each, asked, weights),
            "question": 0.0 - (weights.question * asking[place] if each.memory.speaker else 0.0),
            "recency": weights.bonus * _recency(each, weights, now) + weights.latest * latest.get(place, 0.0),
            "importance": weights.bonus * each.memory.importance,
            "use": weights.bonus * min(1.0, math.log1p(each.uses) / math.log1p(_USES_AT_CEILING)),
        }
        evidence = math.fsum(parts.values())
        why = Why(evidence=evidence, similarity=each.similarity or 0.0, **parts)
        recollections.append(Recollection(memory=each.memory, score=scale.score(evidence, each.similarity), why=why))
    return sorted(recollections, key=lambda each: (-each.why.evidence, each.memory.key))


class _Beside:
    """What the turns around a turn say for it: those before and after it, and the best of its session."""

    def __init__(
        self, found: Sequence[Found], about: Sequence[float], asking: Sequence[float], weights: Ranking
    ) -> None:
        self._found = found
        self._about = about
        self._asking = asking
        self._weights = weights
        self._place = {
            (each.memory.provenance.thread_id, each.position): place
            for place, each in enumerate(found)
            if each.position is not None
        }
        best = sorted(range(len(found)), key=about.__getitem__, reverse=True)
        told = [place for place in best if found[place].position is not None and not _is_assistant(found[place])]
        self._best = told[:_GOOD_HITS]

    def neighbours(self, place: int) -> float:
        """A share of the evidence of the turn before and of the turn after; the assistant's turns gain none."""
        if _is_assistant(self._found[place]):
            return 0.0
        weights, share = self._weights, 0.0
        before, after = self._turn(place, -1), self._turn(place, +1)
        if before is not None and not _is_assistant(self._found[before]):
            asked = self._asking[before] > 0
            share += (weights.answer if asked else weights.before) * self._about[before]
        if after is not None:
            share += (weights.reply if _is_assistant(self._found[after]) else weights.after) * self._about[after]
        return share

    def _turn(self, place: int, step: int) -> int | None:
        each = self._found[place]
        if each.position is None:
            return None
        return self._place.get((each.memory.provenance.thread_id, each.position + step))

    def session(self, place: int) -> float:
        """A share of the best evidence of another turn of the same thread, said within hours; not the assistant's,
        whose long answers repeat the topic of a session in every turn.
        """
        this = self._found[place]
        if this.position is None or _is_assistant(this):
            return 0.0
        for other in self._best:
            if other != place and _same_session(this.memory, self._found[other].memory):
                return self._weights.session * self._about[other]
        return 0.0


def _same_session(one: Memory, other: Memory) -> bool:
    return one.provenance.thread_id == other.provenance.thread_id and abs(one.valid_from - other.valid_from) <= _SESSION


def _by_speaker(each: Found, asked: Understood, weights: Ranking) -> float:
    speaker = 0.0
    if len(asked.named) == 1:
        speaker += weights.speaker if each.memory.speaker in asked.named else -weights.speaker
    if asked.about_user and _is_assistant(each):
        speaker -= weights.assistant_echo
    return speaker


def _by_period(each: Found, asked: Understood, weights: Ranking) -> float:
    """What the time of a memory says: more inside a period that is asked about, less outside if that one is sure."""
    if not asked.periods:
        return 0.0
    fits = timing.fit(each.memory, asked.periods)
    return weights.period * fits if fits else -weights.outside * max(period.certainty for period in asked.periods)


def _latest(found: Sequence[Found], about: Sequence[tuple[float, float]]) -> dict[int, float]:
    """0 to 1 by day among the memories that speak to the question nearly as well as the best one: the newest has 1."""
    best = max((sum(each) for each in about), default=0.0)
    near = [place for place, each in enumerate(about) if sum(each) > 0 and sum(each) >= _NEARLY * best]
    day_of = {place: found[place].memory.valid_from.date() for place in near}
    days = sorted(set(day_of.values()))
    return {place: days.index(day) / (len(days) - 1) for place, day in day_of.items()} if len(days) > 1 else {}


def select(ranked: Sequence[Recollection], *, limit: int, threshold: float, floor: float) -> list[Recollection]:
    """The best ``limit``: none if even the best is below ``threshold``; no text twice; nothing below ``floor``."""
    decided = zip(ranked, _decisions(ranked, limit=limit, threshold=threshold, floor=floor), strict=True)
    return list(islice((each for each, (reason, _) in decided if reason is None), limit))


def outstanding(chosen: Sequence[Recollection], *, share: float) -> list[Recollection]:
    """The best ten, and what has ``share`` of the best one's evidence.

    A clear answer needs few memories, a question that none answers alone needs many: tokens go where the ranking is unsure.
    """
    if not share:
        return list(chosen)
    least = share * max((each.why.evidence for each in chosen), default=0.0)
    return [each for place, each in enumerate(chosen) if place < _SURE or each.why.evidence >= least]


def decide(
    ranked: Sequence[Recollection], *, limit: int, threshold: float, floor: float
) -> list[tuple[Reason | None, str | None]]:
    """For each recollection why it is left out, or None; and of a duplicate the key of the one that stands for it."""
    return list(_decisions(ranked, limit=limit, threshold=threshold, floor=floor))


def _decisions(
    ranked: Sequence[Recollection], *, limit: int, threshold: float, floor: float
) -> Iterator[tuple[Reason | None, str | None]]:
    seen: dict[str, str] = {}
    best = max((each.score for each in ranked), default=0.0)
    for each in ranked:
        if best < threshold:
            yield "threshold", None
            continue
        if each.score < floor:
            yield "floor", None
            continue
        same = " ".join(_WORD.findall(each.text.casefold())) or each.memory.key
        if same in seen:
            yield "duplicate", seen[same]
        else:
            yield (None if len(seen) < limit else "limit"), None
            seen[same] = each.memory.key


class _Scale:
    """What the numbers of one search mean: worked out once, for all that it found.

    The user's own mean and deviation are mixed with the embedder's background, which counts like
    ``prior_count`` memories: with few memories of one's own there is no telling what is usual.
    """

    def __init__(self, findings: Findings, background: tuple[float, float], weights: Ranking) -> None:
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
        self._word = weights.rarity / rarest + weights.coverage / max(findings.lexical_max, 1e-9)
        self.toss_up = weights.even + weights.even_per_log * math.log(max(count, 1))
        """The evidence at which the score is 0.5."""
        self._softness = weights.softness
        self._certain = usual + weights.certain * scale

    def about(self, each: Found) -> tuple[float, float]:
        """Evidence by meaning and by words."""
        # without a vector yet, nothing is known of its meaning, for or against it
        meaning = 0.0 if each.similarity is None else (each.similarity - self._usual) / self._deviation
        return meaning, each.lexical * self._word

    def score(self, evidence: float, similarity: float | None) -> float:
        """The evidence on a scale from 0 to 1; at least 0.5 where the meaning is nearer than chance brings it.

        Where all of a user's memories are about one thing, none of them stands out from the others.
        """
        if similarity is not None and similarity >= self._certain:
            evidence = max(evidence, self.toss_up)
        odds = (evidence - self.toss_up) / self._softness
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, odds))))


def _recency(each: Found, weights: Ranking, now: datetime) -> float:
    age = max(0.0, (now - each.memory.valid_from).total_seconds()) / 86_400  # what lies ahead is not newer than now
    return 0.5 ** (age / weights.half_life_days)


def _named(found: Sequence[Found], query: str) -> set[str]:
    """The speakers whom the query names."""
    asked = set(_WORD.findall(query.casefold()))
    speakers = {each.memory.speaker for each in found if each.memory.speaker}
    return {speaker for speaker in speakers if asked & set(_WORD.findall(speaker.casefold()))}


def _asking(text: str) -> float:
    """The share of the sentences that ask something."""
    begin = text[:_READ]
    if not any(mark in begin for mark in _QUESTION_MARKS):
        return 0.0
    sentences = [each for each in _SENTENCE.findall(begin) if _WORD.search(each)]
    return sum(not _QUESTION_MARKS.isdisjoint(each) for each in sentences) / len(sentences) if sentences else 0.0


def _is_assistant(each: Found) -> bool:
    return each.memory.provenance.source == "assistant" and not each.memory.speaker
