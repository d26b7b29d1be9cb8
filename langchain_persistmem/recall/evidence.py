"""The evidence of memories for a question: pure, with every weight in ``Settings.ranking``.

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

from langchain_persistmem.language.calendar import time_expressions
from langchain_persistmem.language.language_files import stop_words
from langchain_persistmem.language.question import parse_question, speaks_of_self
from langchain_persistmem.language.requests import is_request
from langchain_persistmem.language.sentences import SENTENCE
from langchain_persistmem.recall import period_fit
from langchain_persistmem.recall.evidence_to_score import Scale
from langchain_persistmem.settings import Ranking
from langchain_persistmem.types.recall_results import (
    Interpretation,
    RankedCandidate,
    RecallCandidate,
    SearchResult,
)

_WORD = re.compile(r"[^\W_]+")
_ANY_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_READ = 2_000
"""Characters of a memory in which questions are counted."""
_LIKELIEST = 30
"""So many of the likeliest are read for what they tell; all others count as telling nothing, and overtake none."""
_READ_FOR_CONTENT = 500
"""Characters."""
_NAME = re.compile(r"(?<=[^\W\d_] |, )(?!I\b)[A-ZÀ-ÖØ-ÞА-ЯΑ-Ω][^\W\d_]+")
"""A capital within a sentence."""
_MOST_DETAILS = 4
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts without spaces, of which two characters are about a word."""
_LONG = 40
"""Words beyond which a turn tells no more."""
_USUAL = 12
"""Words of a usual turn."""
_USES_AT_CEILING = math.log1p(20)
"""The logarithm of so many uses, and one."""
_GOOD_HITS = 10
"""So many of the best turns speak for their sessions."""
_SESSION = timedelta(hours=12)
"""A thread may go on for years: what was said further apart is no one session."""
_NEARLY = 0.6
"""A memory that has so much of the best one's evidence speaks to the question as well."""


def rank(
    result: SearchResult, query: str, *, background: tuple[float, float], weights: Ranking, now: datetime
) -> list[RankedCandidate]:
    """Weigh the candidates, best first; ties by key, so that the order is stable."""
    candidates, bonus = result.candidates, weights.max_bonus
    reading = parse_question(result, query, now=now)
    scale = Scale(result, query, reading, background, weights)
    meaning = _meaning(result, background, weights)
    # What bears on a dinner that is to be suggested has few of its words.
    share = weights.request_terms if reading.is_request else 1.0
    by_word = _word_evidence(result, weights)
    words = [candidate.lexical * by_word * share for candidate in candidates]
    # What a memory says about the question by itself. All that follows corrects it by what is known of the memory, and so
    # has to be in the same unit, standard deviations of cosines.
    about = [by_meaning + by_words for by_meaning, by_words in zip(meaning, words, strict=True)]
    asking = [_asking(candidate.text or "") for candidate in candidates]
    # A newer memory is preferred only to an older one that is an answer as well: no age makes an answer of noise.
    is_answered = any(evidence >= scale.toss_up for evidence in about)
    latest = _latest(candidates, about) if reading.is_about_present and is_answered else {}
    assistant = [_is_assistant(candidate) for candidate in candidates]
    # What a person said, in their own words.
    persons = [candidate.is_turn and not other for candidate, other in zip(candidates, assistant, strict=True)]
    has_turns = any(candidate.position is not None for candidate in candidates)
    zeros = [0.0] * len(candidates)
    neighbours = list(_neighbours(candidates, about, words, asking, assistant, weights)) if has_turns else zeros
    speaker = _speaker(candidates, assistant, reading, weights)
    # Without a period in the question none is missed: nothing is outside of it.
    period = [_period(candidate, reading, weights) for candidate in candidates] if reading.periods else zeros
    question = [_question(candidate, share, weights) for candidate, share in zip(candidates, asking, strict=True)]
    # What a text tells is known by its words, of which nothing is known in a script that the model does not read.
    may_tell = result.is_read and any(persons)
    telling = (
        [_length(entry.text or "", weights) if own else 0.0 for entry, own in zip(candidates, persons, strict=True)]
        if may_tell
        else zeros
    )
    # Texts are read for what they tell, which takes time, so only those that are the likeliest by now.
    likeliest = frozenset[int]()
    if may_tell or reading.asks_for:
        so_far = [sum(parts) for parts in zip(about, neighbours, speaker, period, question, telling, strict=True)]
        likeliest = frozenset(nlargest(_LIKELIEST, range(len(candidates)), key=so_far.__getitem__))
    if may_tell:
        telling = [
            length + _content(candidate, weights, is_read=index in likeliest) if own else 0.0
            for index, (candidate, length, own) in enumerate(zip(candidates, telling, persons, strict=True))
        ]
    lacking = _lacking(candidates, likeliest, reading, weights) if reading.asks_for else zeros
    # The bonuses are small and bounded: they decide between memories that are equally good, and never lift noise.
    recency = [bonus * share for share in _recency(candidates, weights, now)]
    for index, share in latest.items():
        recency[index] += weights.latest * share
    importance = [bonus * candidate.importance for candidate in candidates]
    use = [
        bonus * min(1.0, math.log1p(candidate.uses) / _USES_AT_CEILING) if candidate.uses else 0.0
        for candidate in candidates
    ]
    parts = zip(
        meaning, words, neighbours, speaker, period, question, telling, lacking, recency, importance, use, strict=True
    )
    # What most of the likeliest tell makes an answer of none of them: it orders them, and is no part of their scores.
    usual = max(0.0, math.fsum(telling[index] for index in likeliest) / max(len(likeliest), 1))
    return sorted(scale.weigh(candidates, parts, usual), key=lambda candidate: (-candidate.evidence, candidate.row.key))


def _meaning(result: SearchResult, background: tuple[float, float], weights: Ranking) -> list[float]:
    """Evidence by meaning: how much nearer a vector is to the question than is usual, in standard deviations.

    The user's own mean and deviation are mixed with the embedder's background, which counts like ``prior_count`` memories: with
    few memories of one's own there is no telling what is usual. Without a vector yet nothing is known, for or against; where the
    model does not read the script of the question, nothing against.
    """
    usual, scale = background
    count, prior = result.count, weights.prior_count
    total = count + prior
    mean = (count * result.mean + prior * usual) / total if total else usual
    spread = count * (result.deviation**2 + (result.mean - mean) ** 2) + prior * (scale**2 + (usual - mean) ** 2)
    usual = max(usual, mean)
    deviation = max(math.sqrt(spread / total) if total else scale, scale / 2)
    similarities = [candidate.similarity for candidate in result.candidates]
    evidence = [0.0 if similarity is None else (similarity - usual) / deviation for similarity in similarities]
    return evidence if result.is_read else [max(0.0, entry) for entry in evidence]


def _word_evidence(result: SearchResult, weights: Ranking) -> float:
    """The evidence for each unit of the BM25 score: by how rare the words are that a memory shares, and how many of the question's."""
    rarest = math.log(1 + 2 * max(result.count, 1))  # the weight of a word that no memory has
    return weights.rarity / rarest + weights.coverage / max(result.lexical_max, 1e-9)


def _neighbours(
    candidates: Sequence[RecallCandidate],
    about: Sequence[float],
    words: Sequence[float],
    asking: Sequence[float],
    assistant: Sequence[bool],
    weights: Ranking,
) -> Iterator[float]:
    """Evidence of the turns around each turn, never against it: a share of that of the turn before, of the turn
    after, and of the best other turn of the same thread that was said within hours; and of a turn before that asks, a share
    of what its words have more.

    The assistant's turns gain nothing, and speak for no session: long answers repeat its topic in every turn.
    """
    positive = [max(0.0, evidence) for evidence in about]
    turns = {
        (candidate.thread_id, candidate.position): index
        for index, candidate in enumerate(candidates)
        if candidate.position is not None
    }
    best = _best_by_thread(candidates, positive, assistant)
    for index, turn in enumerate(candidates):
        if turn.position is None or assistant[index]:
            yield 0.0
            continue
        share = 0.0
        before = turns.get((turn.thread_id, turn.position - 1))
        if before is not None and not assistant[before]:
            if asking[before] > 0:
                # An answer has few words of its question, which stand in the turn before.
                share += weights.answer * positive[before]
                share += weights.answer_terms * max(0.0, words[before] - words[index])
            else:
                share += weights.previous_turn * positive[before]
        after = turns.get((turn.thread_id, turn.position + 1))
        if after is not None:
            share += (weights.assistant_reply if assistant[after] else weights.next_turn) * positive[after]
        for other in best.get(turn.thread_id, ()):
            if other != index and abs(turn.valid_from - candidates[other].valid_from) <= _SESSION:
                share += weights.same_session * positive[other]
                break  # they are sorted: the best other turn speaks for the session
        yield share


def _best_by_thread(
    candidates: Sequence[RecallCandidate], evidence: Sequence[float], assistant: Sequence[bool]
) -> dict[str | None, list[int]]:
    """The indexes of the best turns by thread, the best first; not the assistant's."""
    turns = [
        index for index, candidate in enumerate(candidates) if candidate.position is not None and not assistant[index]
    ]
    best: dict[str | None, list[int]] = {}
    for index in sorted(turns, key=evidence.__getitem__, reverse=True)[:_GOOD_HITS]:
        best.setdefault(candidates[index].thread_id, []).append(index)
    return best


def _speaker(
    candidates: Sequence[RecallCandidate], assistant: Sequence[bool], reading: Interpretation, weights: Ranking
) -> list[float]:
    """Evidence of who speaks: for and against by the one speaker that the question names, and against the assistant's echo."""
    echo = 0.0 if reading.is_about_assistant else weights.assistant_echo
    losses = [echo if is_echo else 0.0 for is_echo in assistant]
    if len(reading.speakers) != 1:
        return [0.0 - loss for loss in losses]
    return [
        (weights.speaker if candidate.speaker in reading.speakers else -weights.speaker) - loss
        for candidate, loss in zip(candidates, losses, strict=True)
    ]


def _period(candidate: RecallCandidate, reading: Interpretation, weights: Ranking) -> float:
    """The evidence of a memory's time: more inside a period that is asked about, less outside if that one is sure."""
    fits = period_fit.fit(candidate, reading.periods)
    return (
        weights.period * fits if fits else -weights.other_period * max(period.certainty for period in reading.periods)
    )


def _question(candidate: RecallCandidate, asking: float, weights: Ranking) -> float:
    """The loss of a turn that asks: among named speakers it is about the other. What a user asks of an assistant is about the user."""
    return 0.0 - (weights.question_penalty * asking if candidate.speaker else 0.0)


def _length(text: str, weights: Ranking) -> float:
    """The gain or loss of a person's turn for its length."""
    words = text.count(" ") + 1 + (0 if text.isascii() else len(_UNSPACED.findall(text[:_READ_FOR_CONTENT])) // 2)
    return weights.length * math.log((1 + min(words, _LONG)) / (1 + _USUAL))


def _content(candidate: RecallCandidate, weights: Ranking, *, is_read: bool) -> float:
    """The gain or loss of a person's turn for what it tells: of itself, by names and by times; a mere request tells nothing.

    What is not read counts as telling nothing either.
    """
    of_self, details, is_idle = False, 0, True
    if is_read:
        text = candidate.text or ""
        begin = text[:_READ_FOR_CONTENT]
        of_self = speaks_of_self(begin)
        details = len(_NAME.findall(begin)) + time_expressions.mentions_time(candidate)
        is_idle = not candidate.speaker and is_request(text)
    gain = weights.first_person * (0.5 if of_self else -0.5) + weights.detail * (min(details, _MOST_DETAILS) - 1)
    # Among named speakers what asks has lost enough for it.
    return gain - (weights.request_penalty if is_idle and not candidate.speaker else 0.0)


def _lacking(
    candidates: Sequence[RecallCandidate], likeliest: frozenset[int], reading: Interpretation, weights: Ranking
) -> Sequence[float]:
    """The loss of memories that do not tell the time or the number that is asked for; the unread count as lacking it."""
    tells = time_expressions.mentions_time if reading.asks_for == "time" else _tells_a_number
    return [
        0.0 if index in likeliest and tells(candidate) else 0.0 - weights.missing_answer
        for index, candidate in enumerate(candidates)
    ]


def _latest(candidates: Sequence[RecallCandidate], about: Sequence[float]) -> dict[int, float]:
    """0 to 1 by day among the memories that speak to the question nearly as well as the best one: the newest has 1."""
    best = max(about, default=0.0)
    near = [index for index, evidence in enumerate(about) if evidence > 0 and evidence >= _NEARLY * best]
    day_of = {index: candidates[index].valid_from.date() for index in near}
    days = sorted(set(day_of.values()))
    return {index: days.index(day) / (len(days) - 1) for index, day in day_of.items()} if len(days) > 1 else {}


def _recency(candidates: Sequence[RecallCandidate], weights: Ranking, now: datetime) -> list[float]:
    """0 to 1 by how long each is past: what lies ahead is not newer than now."""
    seconds = [(now - candidate.valid_from).total_seconds() for candidate in candidates]
    return [0.5 ** (age / 86_400 / weights.half_life_days) if age > 0.0 else 1.0 for age in seconds]


def _tells_a_number(candidate: RecallCandidate) -> bool:
    begin = (candidate.text or "")[:_READ_FOR_CONTENT]
    return bool(_DIGIT.search(begin)) or not stop_words("numbers").isdisjoint(_ANY_WORD.findall(begin.casefold()))


def _asking(text: str) -> float:
    """The share of the sentences that ask something."""
    if "?" not in text and (text.isascii() or not _has_question_mark(text)):  # nearly all
        return 0.0
    begin = text[:_READ]
    sentences = [sentence for sentence in SENTENCE.findall(begin) if _WORD.search(sentence)]
    return sum(map(_has_question_mark, sentences)) / len(sentences) if sentences else 0.0


def _has_question_mark(text: str) -> bool:
    return "?" in text or "？" in text or "؟" in text


def _is_assistant(candidate: RecallCandidate) -> bool:
    return candidate.source == "assistant" and not candidate.speaker


_ANSWER = 0.5
"""The score from which a memory is more likely than not an answer."""


def put_answers_first(ranked: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """Let no question of the user outrank its answer, however often it was asked: the same words are not what it asks for.

    Only the best are looked at: turns that only ask go behind the first memory that says something, if that is an answer
    by its score. Where nothing is, they are what is known ("what did I ask you about Rome?").
    """
    asking: list[RankedCandidate] = []
    for position, candidate in enumerate(ranked):
        if candidate.score < _ANSWER:
            break
        row = candidate.row
        if not (row.is_turn and row.source == "user" and is_request(row.text or "")):
            if not asking:
                break
            requests = [_lower(request, candidate) for request in asking]
            return [candidate, *requests, *ranked[position + 1 :]]
        asking.append(candidate)
    return list(ranked)


def _lower(request: RankedCandidate, answer: RankedCandidate) -> RankedCandidate:
    """The request with the evidence of the answer; what it loses is part of its score's explanation."""
    *before, question, telling, lacking, recency, importance, use = request.parts
    question += answer.evidence - request.evidence
    parts = (*before, question, telling, lacking, recency, importance, use)
    return request._replace(score=answer.score, evidence=answer.evidence, parts=parts)
