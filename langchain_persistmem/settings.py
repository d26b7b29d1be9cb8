"""Every setting, with its default, its unit and its reason."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.redaction import Redaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """The weights of recall, in units of evidence: 1.0 is one standard deviation of similarity.

    They were chosen on three public conversation sets; ``docs/decisions/0005-ranking-weights.md`` has the figures.
    """

    rarity: float = 1.5
    """Matching one word as rare as a word can be: names and terms decide."""
    coverage: float = 4.0
    """Matching every word of the query: tells "about this" from "shares a word"."""
    prior_count: int = 30
    """The embedder's background counts like this many memories, so that 1, 2 or 5 memories are no trap."""
    speaker: float = 1.75
    """The query names exactly one speaker: that person's turns gain it, the others' lose it."""
    assistant_echo: float = 1.5
    """Questions about "I" are answered by the user's turns; the assistant's echo of them loses this."""
    answer: float = 0.3
    """Share of the evidence of the turn before if that asks something: an answer does not repeat the question's words."""
    answer_words: float = 0.2
    """Share of what the words of such a turn before are worth more than its own: the two have the question's words between
    them."""
    before: float = 0.1
    """Share of the evidence of the turn before if it asks nothing."""
    after: float = 0.1
    """Share of the evidence of the turn after, by another person."""
    reply: float = 0.2
    """Share of the evidence of the assistant's reply, which names what the user only meant."""
    session: float = 0.15
    """Share of the evidence of the best other turn that was said in the same thread within hours."""
    question: float = 2.0
    """Among named speakers, a turn that only asks loses it, and one that asks in part a part of it: it is about the other.
    What a user asks of an assistant is about the user, and loses nothing."""
    period: float = 2.0
    """The query speaks of a time, and this is when a memory happened or what it tells of; times how sure the time is."""
    outside: float = 0.5
    """The query speaks of a time, and a memory's is another one: it loses this, times how sure the time is."""
    lacking: float = 0.6
    """The query asks when, or how many or how much: a memory that tells no time, or no number, loses it."""
    latest: float = 2.0
    """The query asks what is so of the user now: of memories that answer it about equally, the newest gains it, the
    oldest nothing."""
    bonus: float = 0.2
    """Ceiling of recency, of importance and of use, each: they break ties and never outvote relevance."""
    half_life_days: float = 30.0
    """After this many days a memory's recency bonus is half."""
    even: float = 1.0
    """Evidence at which the score is 0.5 for a single memory."""
    even_per_log: float = 0.65
    """What each factor of e in the number of memories adds to it: the best of many unrelated ones looks better."""
    certain: float = 6.0
    """A cosine so many standard deviations above that of unrelated sentences scores 0.5 at least, whatever is usual here."""
    softness: float = 0.8
    """Evidence that moves a score from 0.50 to 0.73."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """What :meth:`Admin.maintain` does. Nothing is archived or erased unless a rule here says so.

    No rule touches a memory that is pinned, or of importance 1. Items of a store have times to live of their own.
    """

    semantic_days: float | None = None
    """What is known is archived so many days after it was said, confirmed or restored."""
    episodic_days: float | None = None
    """The same for what happened."""
    procedural_days: float | None = None
    """The same for instructions, which no other rule touches."""
    stale_days: float | None = None
    """What was neither said again nor shown to a model for so many days is archived."""
    max_memories: int | None = None
    """So many memories of a namespace stay current; over that, the least worth are archived."""
    purge_days: float | None = None
    """What was superseded or archived so many days ago is erased for good."""
    messages_days: float | None = None
    """Stored conversations whose last message is older are erased; what was learnt from them stays."""
    checkpoints_days: float | None = None
    """LangGraph's checkpoints that are older are erased, and a thread altogether of which all is older."""
    checkpoints_keep: int | None = None
    """So many of the newest checkpoints of each thread and subgraph stay; with ``checkpoints_days``, goes what both say."""
    compress_days: float | None = None
    """What is older may be compressed: related memories become one summary, and are archived."""
    compress_least: int = 4
    """Fewer related memories than this stay as they are."""
    compress_most: int = 20
    """A summary stands for so many memories at most."""
    similar: float = 4.5
    """Related means so many standard deviations above the cosine of unrelated sentences."""
    habits: int | None = 3
    """On so many different days must something recur before the chat model is asked if it is a preference."""
    half_life_days: float = 180.0
    """After so many days, half of what is lost of a memory's worth by age is lost."""

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            number, least = getattr(self, name), _LEAST_OF_RETENTION.get(name, 0)
            if number is not None and not (number >= least if name in _LEAST_OF_RETENTION else number > 0):
                raise ConfigurationError(
                    f"Retention.{name} is {number}; it must be {f'at least {least}' if least else 'more than 0'}"
                )
            if number is not None and name.endswith("_days") and number > _MOST_DAYS:
                raise ConfigurationError(f"Retention.{name} is {number}; it must be at most {_MOST_DAYS:,}")
        if self.compress_most < self.compress_least:
            raise ConfigurationError(
                f"Retention.compress_most is {self.compress_most}; it must be at least compress_least "
                f"({self.compress_least})"
            )


_MOST_DAYS = 365_000  # as far back as dates go with room to spare
_LEAST_OF_RETENTION = {"max_memories": 1, "checkpoints_keep": 1, "compress_least": 2, "compress_most": 2, "habits": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How memory behaves. Immutable; pass one to :meth:`PersistMem.open`.

    Raises:
        ConfigurationError: a value is out of its range; the message names the setting.
    """

    language: str = "english"
    """PostgreSQL's text search configuration for stemming and stop words (``\\dF`` lists them); or ``"auto"``, which
    chooses one for each memory and each question by its script and its small words."""
    threshold: float = 0.4
    """If even the best score (0 to 1) is below this, recall returns nothing: nothing is better than noise."""
    floor: float = 0.02
    """Beside a good best, a recollection is dropped only below this: asking for ten should give ten."""
    candidates: int = 60
    """How many memories by meaning, and how many by words, are handed to the ranking."""
    ranking: Ranking = Ranking()
    """The weights of recall."""
    retention: Retention = Retention()
    """What ``admin.maintain()`` archives, compresses and erases; by default nothing."""
    redaction: Redaction | None = None
    """What is replaced by placeholders before anything is embedded, stored or shown to a model; by default nothing."""
    context_tokens: int = 1500
    """Token budget of :meth:`PersistMem.context` when none is given."""
    context_memories: int = 30
    """How many recollections are considered for the context."""
    context_share: float = 0.7
    """Beyond the best ten, the context leaves out what has less than this share of the best one's evidence; 0 keeps all."""
    instructions: int = 20
    """How many procedural memories always enter the context, the most important first."""
    max_text_chars: int = 20_000
    """A memory longer than this is refused; an observed turn is cut for recall and kept whole in the history."""
    extract_turns: int = 40
    """At most this many turns go into one model call of extraction."""
    contradictions: Literal["newest", "both", "ask"] = "newest"
    """When a statement contradicts a known one: the newest wins, both stay with their times, or it waits for review."""
    least_confidence: float = 0.5
    """What a model is less sure of (0 to 1), such as jokes and guesses, is not kept."""
    most_superseded: int = 10
    """One answer of a model supersedes at most so many memories; the rest waits for review."""
    quiet_seconds: float = 20.0
    """In the background, a thread is learnt from once it has been quiet for so long: fewer and better model calls."""
    longest_wait_seconds: float = 300.0
    """... and at the latest so long after its first new message."""
    lease_seconds: float = 300.0
    """For how long a worker is believed to be at work on a thread: what a killed one left is taken up after that."""
    retry_seconds: float = 30.0
    """Pause after a first failure of a model; it doubles with each, up to an hour."""
    max_attempts: int = 8
    """After so many failures the turns are given up: they stay stored, and ``admin.dead_letters()`` lists them."""
    model_calls_per_day: int | None = None
    """Calls of the chat model for one namespace and day (UTC); what is over it waits for tomorrow."""
    worker: bool | None = None
    """Whether this process learns in the background while memory is open; by default if there is a chat model."""
    shown_known: int = 12
    """How many known memories a model is shown with a conversation, to say what is the same and what has changed."""
    consent: Literal["allowed", "no_extract", "paused"] = "allowed"
    """What people allow before they were asked; what a namespace begins with it keeps until ``privacy.set_consent()``."""
    approval: Literal["suspicious", "learnt"] = "suspicious"
    """What waits in ``review.list()`` before it is recalled: what looks like an attack, or all that was learnt."""
    audit: Literal["off", "writes", "reads"] = "writes"
    """What is recorded of who did what: nothing, every change, or every change and every reading."""
    embed_batch: int = 64
    """At most this many texts go into one call of the embedding model."""
    embed_attempts: int = 3
    """So often is the embedding model asked where its provider fails for the moment; with short pauses, in all about a second."""
    embed_later: bool = True
    """Where it does not answer, a statement or turn is kept without a vector: words find it, and the vector is made later."""
    embed_cache: int = 2048
    """The process keeps so many vectors, so that no model is asked twice for the same text; 0 keeps none."""
    row_level_security: bool = False
    """Every transaction tells PostgreSQL whose memories it is about: needed where `persistmem rls enable` was run."""
    embedding_model: str | None = None
    """The name stored with every vector. By default it is derived from the embeddings object."""
    data_dir: Path | None = None
    """Where the embedded server keeps its data. By default the user's data folder."""
    pool_min: int = 1
    """Connections kept open."""
    pool_max: int = 10
    """Connections at most; a caller beyond them waits."""
    connect_seconds: float = 10.0
    """How long to wait for PostgreSQL or for a free connection before StorageUnavailableError."""
    statement_seconds: float | None = 60.0
    """A statement that takes longer, such as one that waits for a lock or for a frozen server, is stopped:
    StorageUnavailableError. None waits as long as the server does."""
    prepare_threshold: int | None = 5
    """A statement is prepared after this many runs; ``None`` never prepares, for PgBouncer before 1.21."""

    def pause_after(self, failures: int) -> timedelta:
        """How long to wait after so many failures of a model in a row."""
        doublings = min(failures - 1, 30)  # an hour is reached long before
        return timedelta(seconds=min(self.retry_seconds * 2**doublings, _LONGEST_PAUSE))

    def __post_init__(self) -> None:
        weights = self.ranking
        for name in (field.name for field in fields(weights)):
            positive = name in {"half_life_days", "softness"}  # they divide
            if not getattr(weights, name) > 0 if positive else not getattr(weights, name) >= 0:
                raise ConfigurationError(
                    f"Ranking.{name} is {getattr(weights, name)}; it must be {'more than 0' if positive else '0 or more'}"
                )
        for names, fits, range in _RANGES:
            for name in names:
                number = getattr(self, name)
                if number is not None and not fits(number):
                    raise ConfigurationError(f"Settings.{name} is {number}; it must be {range}")
        given = cast("object", self.redaction)
        if given is not None and not isinstance(given, Redaction):
            raise ConfigurationError(
                f"Settings.redaction is of type {type(given).__name__}; pass Redaction(...) or None"
            )
        if self.contradictions not in ("newest", "both", "ask"):
            raise ConfigurationError(
                f"Settings.contradictions is {self.contradictions!r}; use 'newest', 'both' or 'ask'"
            )
        if self.consent not in ("allowed", "no_extract", "paused"):
            raise ConfigurationError(f"Settings.consent is {self.consent!r}; use 'allowed', 'no_extract' or 'paused'")
        if self.approval not in ("suspicious", "learnt"):
            raise ConfigurationError(f"Settings.approval is {self.approval!r}; use 'suspicious' or 'learnt'")
        if self.audit not in ("off", "writes", "reads"):
            raise ConfigurationError(f"Settings.audit is {self.audit!r}; use 'off', 'writes' or 'reads'")
        if not 0 <= self.pool_min <= self.pool_max:
            raise ConfigurationError(
                f"Settings.pool_min is {self.pool_min}; it must be from 0 to pool_max ({self.pool_max})"
            )


_LONGEST_PAUSE = 3600.0  # seconds
_AT_LEAST_ONE = (
    "candidates", "context_tokens", "context_memories", "max_text_chars", "extract_turns", "embed_batch", "embed_attempts", "pool_max",
    "max_attempts", "most_superseded",
)  # fmt: skip
_NOT_NEGATIVE = (
    "embed_cache", "instructions", "shown_known", "prepare_threshold", "quiet_seconds", "longest_wait_seconds", "model_calls_per_day",
)  # fmt: skip
_RANGES: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (_AT_LEAST_ONE, lambda number: number >= 1, "at least 1"),
    (_NOT_NEGATIVE, lambda number: number >= 0, "0 or more"),
    (("threshold", "floor", "context_share", "least_confidence"), lambda number: 0 <= number <= 1, "from 0 to 1"),
    (
        ("connect_seconds", "statement_seconds", "lease_seconds", "retry_seconds"),
        lambda number: number > 0,
        "more than 0",
    ),
)
