"""The context of a message: which recollections are put there, what is before the model already, and the part that stands always."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import partial
from typing import Literal, NamedTuple, TypedDict
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.language import question as language_question
from langchain_persistmem.language.requests import asks_for_help, is_bare_request, is_request
from langchain_persistmem.language.trust import find_suspicion
from langchain_persistmem.learning.profile import KEY
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries import standing as standing_queries
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.value_filter import Condition, condition
from langchain_persistmem.recall.context_parts.context_budget import NO_EVIDENCE, TokenCounter, render
from langchain_persistmem.recall.context_parts.context_text import FORMS, Form
from langchain_persistmem.recall.context_parts.help_requests import (
    add_nearest,
    nearest_for_explanation,
    nearest_for_help,
)
from langchain_persistmem.recall.context_parts.journal import arrange_journal, render_journal
from langchain_persistmem.recall.context_parts.relevance_check import check_relevance
from langchain_persistmem.recall.context_parts.standing import (
    STANDINGS,
    Standing,
    StandingPart,
    choose,
    has_several_speakers,
    render_standing,
)
from langchain_persistmem.recall.context_parts.topics import complete_topics
from langchain_persistmem.recall.explain import explanation, of_context
from langchain_persistmem.recall.search import Candidates, find_candidates
from langchain_persistmem.recall.selection import select, select_outstanding
from langchain_persistmem.runtime.audit_log import note_read
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.record_redaction import redact_filter
from langchain_persistmem.settings import Settings
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.recall_results import (
    Context,
    Question,
    RankedCandidate,
    Reason,
    RecallCandidate,
    Recollection,
    StandingMemory,
)
from langchain_persistmem.types.records import Candidate, Provenance, Turn
from langchain_persistmem.types.representation import represent


class _Reading(TypedDict):
    """The options of both statements of a standing part."""

    instructions: int
    wanted: Condition
    thread_id: str | None
    now: datetime


Check = Literal["threshold", "model"]
"""The judge of what is relevant: the threshold, or one call of the chat model about all that was found."""
_WORD = re.compile(r"[^\W_]+")
_FEWEST_WORDS = 3
"""A shorter text may stand in a message by chance."""
_LOOSE = 1 / 3
"""The share of the usual bounds that is left where the message asks for help, or for a list."""
_LEAST_EVIDENCE = 1.5
"""In deviations of similarity: the best memory, and each that is only loosely near, has to be nearer than unrelated sentences are.
Among few memories a score alone does not say so."""
_FEWEST_TOKENS = 4
"""A line of a context takes at least so many: it bounds the number of memories that are read for one."""


class Window:
    """The messages before the model, made ready to be compared with many memories."""

    def __init__(self, turns: Sequence[Turn], thread_id: str | None) -> None:
        self._thread_id = thread_id
        self.message_ids = frozenset(turn.id for turn in turns)
        self._words = "\n".join(f" {_words(turn.text)} " for turn in turns)

    def says(self, candidate: RecallCandidate) -> bool:
        """Tell if they say it already: it was learnt from them, or stands in one word for word."""
        if self._thread_id is not None and candidate.thread_id == self._thread_id:
            messages = candidate.build_memory().provenance.message_ids
            if messages and self.message_ids.issuperset(messages):
                return True
        words = _words(candidate.text or "")
        return words.count(" ") >= _FEWEST_WORDS - 1 and f" {words} " in self._words


def is_withheld(candidate: RecallCandidate) -> bool:
    """Tell if it is kept from the model: a store takes what it is given, so what reads like an attack gets in there."""
    if candidate.source != "store":  # everybody else's was looked at when it came
        return False
    statement = Candidate(
        text=candidate.text or "",
        kind="semantic",
        provenance=Provenance(source="store"),
        valid_from=candidate.valid_from,
    )
    return find_suspicion(statement) is not None


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """The form of a context, and what of the conversation is before the model already."""

    max_tokens: int | None
    count_tokens: TokenCounter
    form: Form
    standing: Standing
    check: Check
    exclude: Sequence[str]
    """Marks of memories that were shown in this conversation before."""
    thread_id: str | None
    window: Sequence[Turn] | None
    """The messages before the model; None: all of the thread."""
    explain: bool = False
    """The context comes with its explanation."""
    zone: tzinfo | None = None
    """The time zone of all dates in the text; None: the one in which each memory was told."""


class _Bounds(NamedTuple):
    """The bounds of what fits a message."""

    threshold: float
    """The score that the best has to have."""
    min_score: float
    """The score that every other one has to have."""
    share: float
    """The share of the best one's evidence, beyond the best ten."""


async def context(backend: Backend, namespace: Namespace, question: Question, shape: Shape) -> Context:
    """Gather what the model should know: the instructions, and the relevant memories, within a budget.

    Raises:
        InvalidInputError: an argument is out of range; the message names it.
        EmbeddingError: the query has no vector.
        ConfigurationError: a chat model is to be asked, and there is none.
    """
    settings = backend.settings
    budget = _check_shape(shape, settings.context_tokens)
    if shape.check == "model" and backend.model_name is None:
        raise ConfigurationError("check='model' asks a chat model and there is none; open the memory with model=...")
    kinds = None if question.kinds is None else validation.check_list(question.kinds, "kinds")
    question = replace(question, kinds=kinds)
    # Without a standing part the instructions come with the search, since they hold whatever is asked.
    instructions = settings.instructions if kinds is None or "procedural" in kinds else 0
    asks_for_list = language_question.asks_for_list(question.query)
    if asks_for_list:
        # The answer is in several memories, so that the budget alone says how many there are.
        question = replace(question, limit=max(question.limit, settings.candidates))
    search_question = replace(question, instructions=instructions if shape.standing == "off" else 0)
    reading = _StandingReading(backend, namespace, question, shape, budget=budget, instructions=instructions)
    candidates = await find_candidates(backend, namespace, search_question, beside=reading.begin)
    ranked = candidates.ranked
    window = None if shape.window is None else Window(shape.window, shape.thread_id)
    standing = await reading.arrange(window)
    always = {candidate.key for candidate in candidates.result.candidates if candidate.always}
    stands = {memory.id for memory in standing.memories}
    texts = {memory.text for memory in standing.memories}
    is_fresh = partial(_is_new, always=always, stands=stands, texts=texts, shape=shape, window=window)
    fresh = [] if is_bare_request(question.query) else [entry for entry in ranked if is_fresh(entry)]
    is_for_help = asks_for_help(question.query)
    bounds = _bounds(settings, is_for_help=is_for_help, is_list=asks_for_list)
    nearest = nearest_for_help(fresh) if is_for_help else nearest_for_explanation(fresh, question.query)
    if is_for_help:
        # Help, such as a dinner that is suggested, is served by what the user told that is only loosely near; what the
        # assistant said has no such claim.
        ids = {entry.row.id for entry in nearest}
        least = settings.context_floor
        fresh = [entry for entry in fresh if entry.score >= least or _is_loosely_near(entry) or entry.row.id in ids]
    relevant = await _relevant(backend, question, fresh, bounds, check=shape.check)
    if shape.check != "model":
        relevant = add_nearest(relevant, nearest, budget, shape.count_tokens)
    if asks_for_list:
        relevant += await complete_topics(backend, namespace, question, relevant, is_fresh)
    instruction_entries = [candidate.recollection() for candidate in ranked if candidate.row.key in always]
    result = render(
        [*instruction_entries, *relevant],
        # A journal is cheap where it is cached, and so is not paid from the budget.
        max_tokens=budget + (shape.count_tokens(standing.text) if shape.standing == "journal" else 0),
        count_tokens=shape.count_tokens,
        form=shape.form,
        before=standing.text,
        has_names=standing.has_names or has_several_speakers(candidate.row.speaker for candidate in ranked),
        by_time=language_question.asks_for_order(question.query),
        is_list=asks_for_list,
        standing_ids=stands,
        zone=shape.zone,
    )
    result = _with_standing(result, standing, ranked)
    await note_read(backend, namespace, "shown", [recollection.memory.id for recollection in result.recollections])
    if not shape.explain:
        return result
    remaining = replace(candidates, ranked=fresh)
    return await _explain(
        backend, result, remaining, ranked, bounds, [*instruction_entries, *relevant], check=shape.check
    )


async def _explain(
    backend: Backend,
    result: Context,
    fresh: Candidates,
    ranked: Sequence[RankedCandidate],
    bounds: _Bounds,
    relevant: Sequence[Recollection],
    *,
    check: Check,
) -> Context:
    """The context with its explanation: of all that was ranked, what became of it."""
    recall_explanation = await explanation(backend, fresh, threshold=bounds.threshold, min_score=bounds.min_score)
    drop_reason: Reason = "model" if check == "model" else "share"
    recollections = [candidate.recollection() for candidate in ranked]
    selection = [*result.recollections[: result.standing_count], *relevant]
    return replace(
        result, explanation=of_context(recall_explanation, result, selection, recollections, drop_reason=drop_reason)
    )


def _bounds(settings: Settings, *, is_for_help: bool, is_list: bool) -> _Bounds:
    """The bounds of what counts: what is near answers a question; for help, and for a list, what is only loosely near counts too.

    What helps is among the nearest by meaning too, so that beyond the best ten a list alone is longer.
    """
    floor, share = settings.context_floor, settings.context_share
    if is_for_help:
        return _Bounds(floor * _LOOSE, floor * _LOOSE, share)
    # That nothing answers is told by the best one alone, whatever the number of answers is.
    return _Bounds(floor, floor * _LOOSE, share * _LOOSE) if is_list else _Bounds(floor, floor, share)


async def _relevant(
    backend: Backend, question: Question, fresh: Sequence[RankedCandidate], bounds: _Bounds, *, check: Check
) -> list[Recollection]:
    """The memories that fit the message, best first: nothing below the bounds, or what the chat model chooses."""
    settings = backend.settings
    # Among few memories the best one may look good by chance.
    near: Sequence[RankedCandidate] = fresh if any(entry.evidence >= _LEAST_EVIDENCE for entry in fresh) else []
    likely = select(near, limit=question.limit, threshold=bounds.threshold, min_score=bounds.min_score)
    relevant = select_outstanding(likely, share=bounds.share)
    if check != "model":
        return relevant
    # The model judges what no threshold has cut; only if it has no answer does the threshold's choice stand.
    candidates = select(fresh, limit=question.limit, threshold=0.0, min_score=settings.min_score)
    return await check_relevance(backend, question.query, candidates, otherwise=relevant)


class _StandingReading:
    """The part that stands whatever is asked: read in the round trip of the search, then written out."""

    def __init__(
        self,
        backend: Backend,
        namespace: Namespace,
        question: Question,
        shape: Shape,
        *,
        budget: int,
        instructions: int,
    ) -> None:
        self._settings = backend.settings
        self._namespace = namespace
        self._question = question
        self._shape = shape
        self._budget = budget
        self._instructions = instructions
        self._found: Answer[list[StandingMemory]] = Answer([])
        self._journal: Answer[list[StandingMemory]] = Answer([])

    def begin(self, tx: Transaction) -> None:
        """Give the statements to a transaction."""
        shape, settings, question = self._shape, self._settings, self._question
        if shape.standing == "off":
            return
        clean_filter = redact_filter(settings.redaction, question.filter)
        options: _Reading = {
            "instructions": self._instructions,
            "wanted": condition(clean_filter, question.kinds, turns=settings.turns),
            "thread_id": shape.thread_id,
            "now": question.now,
        }
        # A line takes a few tokens, so that no more rows are read than a prompt has lines.
        lines = min(settings.standing_tokens, self._budget) // _FEWEST_TOKENS + 1
        key = KEY if question.kinds is None or "profile" in question.kinds else ""
        self._found = standing_queries.standing_memories(tx, self._namespace, profile=key, lines=lines, **options)
        if shape.standing == "journal":
            lines = settings.journal_tokens // _FEWEST_TOKENS + 1
            self._journal = standing_queries.journal_memories(tx, self._namespace, lines=lines, **options)

    async def arrange(self, window: Window | None) -> StandingPart:
        """Choose from what was read, and write it out."""
        shape, settings, count_tokens = self._shape, self._settings, self._shape.count_tokens
        if shape.standing == "off":
            return StandingPart()
        ids = None if window is None else window.message_ids
        choice = choose(await self._found, thread_id=shape.thread_id, message_ids=ids)
        document = {} if choice.document is None else dict(choice.document.value)
        if shape.standing == "journal":
            before, since = arrange_journal(await self._journal)
            return render_journal(
                before, since, document, journal_tokens=settings.journal_tokens, count_tokens=count_tokens,
                has_names=choice.has_several_speakers, zone=shape.zone,
            )  # fmt: skip
        return render_standing(
            choice, document, max_tokens=self._budget, standing_tokens=settings.standing_tokens,
            count_tokens=count_tokens, form=shape.form, zone=shape.zone,
        )  # fmt: skip


def _with_standing(result: Context, standing: StandingPart, ranked: Sequence[RankedCandidate]) -> Context:
    """The context with the memories of its standing part, with the scores that the search gave them."""
    scores = {candidate.row.id: candidate for candidate in ranked}
    recollections = [
        scores[memory.id].recollection()
        if memory.id in scores
        else Recollection(memory=memory, score=0.0, score_parts=NO_EVIDENCE)
        for memory in standing.memories
    ]
    return replace(
        result,
        recollections=(*recollections, *result.recollections),
        standing_count=len(recollections),
    )


def _is_loosely_near(entry: RankedCandidate) -> bool:
    return entry.row.source != "assistant" and entry.evidence >= _LEAST_EVIDENCE


def _is_new(
    entry: RankedCandidate,
    *,
    always: Container[str],
    stands: Container[UUID],
    texts: Container[str | None],
    shape: Shape,
    window: Window | None,
) -> bool:
    """Tell if neither the context nor the model has it yet.

    What stands already is shown again only with words that the statement lacks.
    """
    is_first = entry.row.id not in stands and entry.row.text not in texts
    is_open = entry.row.key not in always and (entry.excerpt is not None or is_first)
    return is_open and _is_fresh(entry.row, shape, window)


def _is_fresh(candidate: RecallCandidate, shape: Shape, window: Window | None) -> bool:
    """Tell if the model does not have it before it yet, and may have it, and it is more than a request of the past."""
    if (shape.exclude and candidate.fingerprint in shape.exclude) or is_withheld(candidate):
        return False
    if window is None:
        is_open = shape.thread_id is None or candidate.thread_id != shape.thread_id
    else:
        is_open = not window.says(candidate)
    return is_open and not (candidate.source == "user" and is_request(candidate.text or ""))


def _check_shape(shape: Shape, usual: int) -> int:
    """The budget.

    Raises:
        InvalidInputError: an option cannot be; the message names it.
    """
    if shape.form not in FORMS:
        raise InvalidInputError(f"form is {represent(shape.form)}; use one of {', '.join(FORMS)}")
    if shape.standing not in STANDINGS:
        raise InvalidInputError(f"standing is {represent(shape.standing)}; use one of {', '.join(STANDINGS)}")
    if shape.check not in ("threshold", "model"):
        raise InvalidInputError(f"check is {represent(shape.check)}; use 'threshold' or 'model'")
    if shape.thread_id is not None:
        validation.name(shape.thread_id, "thread_id")
    return usual if shape.max_tokens is None else validation.count(shape.max_tokens, "max_tokens", at_least=1)
