"""Every setting, with its default, its unit and its reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, cast

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.types.argument_checks import check_fields
from langchain_persistmem.types.representation import is_a, represent

_LONGEST_SECONDS = 31_536_000  # a year: beyond some centuries, neither Python's nor PostgreSQL's times go
_LONGEST_NAME = 200  # characters
_MOST = 2**31 - 1  # PostgreSQL's integer


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """The weights of recall, in units of evidence: 1.0 is one standard deviation of similarity.

    They were chosen on three public conversation sets; ``docs/decisions/0005-ranking-weights.md`` has the figures.
    """

    rarity: float = 1.5
    """Gain of one matching term of the greatest rarity, such as a name."""
    coverage: float = 4.0
    """Gain of a memory that matches every term of the query, in contrast to one that shares a single term."""
    prior_count: int = 30
    """The model's baseline of unrelated sentences counts like this many memories, so that statistics of a few do not mislead."""
    speaker: float = 2.25
    """If the query names exactly one speaker, that person's turns gain it and the others' turns lose it."""
    assistant_echo: float = 2.5
    """Turns of the assistant, which mostly repeat the user's at length, lose it, unless the question asks what the assistant said."""
    request_terms: float = 0.5
    """If the message asks for help ("Suggest a dinner."), its terms say little of what bears on it: they count for this share."""
    answer: float = 0.3
    """Share of the previous turn's evidence if that turn asks something: an answer does not repeat the question's terms."""
    answer_terms: float = 0.2
    """Share of the difference in term evidence between such a previous turn and the answer: together they have the
    question's terms."""
    previous_turn: float = 0.1
    """Share of the previous turn's evidence if that turn asks nothing."""
    next_turn: float = 0.1
    """Share of the next turn's evidence if another person said it."""
    assistant_reply: float = 0.2
    """Share of the evidence of the assistant's reply, which often names the thing that the user only implied."""
    same_session: float = 0.15
    """Share of the evidence of the best other turn of the same thread within hours."""
    length: float = 0.8
    """Gain of a person's turn for each factor of e in its length, up to some 40 words: a longer one tells more. An average one
    gains nothing."""
    first_person: float = 0.5
    """Half of it is the gain of a person's turn that speaks of "I", and the loss of another one."""
    detail: float = 0.2
    """Gain of a person's turn for each name in it and for a time that it tells, up to four of them, less one."""
    question_penalty: float = 2.25
    """Among named speakers, a turn that only asks loses it, and one that asks in part loses a part of it: a question is
    about the other person. A question to the assistant is about the user, and loses nothing."""
    request_penalty: float = 1.5
    """A user's turn that only asks or orders loses it: it tells nothing of the user."""
    period: float = 3.5
    """If the query mentions a period, a memory of that period gains it, multiplied by the certainty of the period."""
    other_period: float = 0.5
    """If the query mentions a period, a memory of another period loses it, multiplied by the certainty of the period."""
    missing_answer: float = 1.5
    """If the query asks "when", "how many" or "how much", a memory without a time or a number loses it."""
    latest: float = 2.0
    """If the query asks about the user's present, then of memories that answer it about equally the newest gains it and
    the oldest nothing."""
    max_bonus: float = 0.2
    """Maximum of the bonus for recency, for importance and for use: each breaks ties and never outweighs relevance."""
    half_life_days: float = 30.0
    """After this many days the bonus for recency is half."""
    score_midpoint: float = 1.0
    """Evidence that makes a score of 0.5 in a namespace of one memory."""
    score_midpoint_per_log: float = 0.65
    """Added to the midpoint for each factor of e in the number of memories: the best of many unrelated ones looks better."""
    unknown_name: float = 2.0
    """Added to the midpoint if the query names somebody of whom no memory speaks: what looks like an answer is of somebody else."""
    distance: float = 2.0
    """Added to the midpoint for each standard deviation by which even the nearest memory is no nearer than the nearest of as many
    unrelated sentences (three above their mean at most): what the user never spoke of has no answer. Not where help is asked for."""
    strong_match: float = 6.0
    """A cosine this many standard deviations above that of unrelated sentences scores at least 0.5 in every namespace."""
    score_scale: float = 0.8
    """Evidence that moves a score from 0.50 to 0.73."""

    def __post_init__(self) -> None:
        check_fields(self, ConfigurationError)
        for name in (field.name for field in fields(self)):
            positive = name in {"half_life_days", "score_scale"}  # they divide
            number = getattr(self, name)
            if not (number > 0 if positive else number >= 0) or number > _MOST:
                raise ConfigurationError(
                    f"Ranking.{name} is {represent(number)}; it must be {'more than 0' if positive else '0 or more'}, and at "
                    f"most {_MOST:,}"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """The rules of :meth:`Admin.maintain`. Nothing is archived or erased unless a rule here says so.

    No rule touches a memory that is pinned, or of importance 1. Items of a store have times to live of their own.
    """

    semantic_days: float | None = None
    """Facts are archived this many days after they were said, confirmed or restored."""
    episodic_days: float | None = None
    """The same for events."""
    procedural_days: float | None = None
    """The same for instructions, which no other rule touches."""
    stale_days: float | None = None
    """Memories that were neither confirmed nor in a context for this many days are archived."""
    max_memories: int | None = None
    """At most this many memories of a namespace stay active; beyond, those of the least worth are archived."""
    turns_days: float | None = None
    """Turns that lists do not show, and on which no statement rests, are archived this many days after they were said."""
    max_turns: int | None = None
    """At most this many of these turns of a namespace stay active; beyond, the oldest are archived."""
    purge_days: float | None = None
    """Memories that were superseded or archived this many days ago are erased for good."""
    messages_days: float | None = None
    """Stored conversations whose last message is older are erased; the memories learnt from them stay."""
    checkpoints_days: float | None = None
    """Older checkpoints of LangGraph are erased; a thread is erased altogether if all of its checkpoints are older."""
    max_checkpoints: int | None = None
    """This many of the newest checkpoints of each thread and subgraph stay; with ``checkpoints_days``, both must allow the erasure."""
    compress_days: float | None = None
    """Older memories may be compressed: related ones become one summary, and are archived."""
    compress_min_memories: int = 4
    """Fewer related memories than this are not compressed."""
    compress_max_memories: int = 20
    """A summary stands for at most this many memories."""
    similarity: float = 4.5
    """Memories are related if their cosine is this many standard deviations above that of unrelated sentences."""
    habit_days: int | None = 3
    """A behaviour must recur on this many different days before the chat model is asked if it is a preference."""
    half_life_days: float = 180.0
    """After this many days, a memory has lost half of the worth that it loses by age."""

    def __post_init__(self) -> None:
        check_fields(self, ConfigurationError)
        for name in (field.name for field in fields(self)):
            number, least = getattr(self, name), _LEAST_OF_RETENTION.get(name, 0)
            if number is not None and not (number >= least if name in _LEAST_OF_RETENTION else number > 0):
                raise ConfigurationError(
                    f"Retention.{name} is {represent(number)}; it must be "
                    f"{f'at least {least}' if least else 'more than 0'}"
                )
            most = _MOST_DAYS if name.endswith("_days") else _MOST
            if number is not None and number > most:
                raise ConfigurationError(f"Retention.{name} is {represent(number)}; it must be at most {most:,}")
        if self.compress_max_memories < self.compress_min_memories:
            raise ConfigurationError(
                f"Retention.compress_max_memories is {self.compress_max_memories}; it must be at least compress_min_memories "
                f"({self.compress_min_memories})"
            )


_MOST_DAYS = 365_000  # as far back as dates go with room to spare
_LEAST_OF_RETENTION = {
    "max_memories": 1,
    "max_turns": 1,
    "max_checkpoints": 1,
    "compress_min_memories": 2,
    "compress_max_memories": 2,
    "habit_days": 2,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The behaviour of memory. Immutable; pass one to :meth:`PersistMem.open`.

    Raises:
        ConfigurationError: a value is out of its range; the message names the setting.
    """

    language: str = "english"
    """PostgreSQL's text search configuration for stemming and stop words (``\\dF`` lists them); or ``"auto"``, which
    chooses one for each memory and each question by its script and its stop words."""
    threshold: float = 0.4
    """If the best score (0 to 1) is below this, recall returns nothing: an empty result is better than noise."""
    min_score: float = 0.02
    """If the best score passes the threshold, other memories are dropped only below this score: a limit of ten should give ten."""
    candidates: int = 60
    """Memories that the vector search and the full-text search each hand to the ranking."""
    ranking: Ranking = Ranking()
    """The weights of recall."""
    retention: Retention = Retention()
    """The rules by which ``admin.maintain()`` archives, compresses and erases; by default none."""
    redaction: Redaction | None = None
    """Personal data and secrets to be replaced by placeholders before any text is embedded, stored or sent to a model; by default none."""
    context_tokens: int = 1500
    """Token budget of :meth:`PersistMem.context` when none is given."""
    context_memories: int = 30
    """Recollections that are considered for the context."""
    context_share: float = 0.6
    """Beyond the best ten, the context leaves out memories with less than this share of the best one's evidence; 0 leaves out none."""
    context_floor: float = 0.1
    """Below its standing part, the context has no memory with a lower score (0 to 1); a third of it where the message asks for help."""
    standing_tokens: int = 400
    """Tokens of the context's standing part, and at most half of a context's budget: all current statements and turns if they fit, else
    those that always matter (importance 0.8 and more) and, in a quarter of it, others. Instructions and the profile's document stand there whatever they take."""
    journal_tokens: int = 4000
    """Tokens of a journal (``standing='journal'``); beyond, its least important statements are left out."""
    instructions: int = 20
    """Procedural memories that always enter the context, the most important first."""
    max_text_chars: int = 20_000
    """A memory longer than this is refused; an observed turn is cut for recall and stored whole in the history."""
    turns: bool = True
    """Every turn that says something is a memory of its own, beside the statements that are learnt from it. False: only
    statements are, and recall leaves out the turns that are there."""
    extract_turns: int = 40
    """At most this many turns go into one model call of extraction."""
    extraction_instructions: str | None = None
    """Instructions of your own to the chat model that extracts memories, beside the built-in ones: what matters in your application."""
    categories: tuple[str, ...] = ()
    """Categories of your own that the model files memories under, in ``Memory.category``: ``"pet"``, or with what belongs
    there ``"pet: animals of the user"``."""
    contradictions: Literal["newest", "both", "ask"] = "newest"
    """The rule for a statement that contradicts a memory: the newest wins, both stay with their times, or it waits for review."""
    rerank_seconds: float = 2.0
    """Time limit of a re-ranker (``open(reranker=...)``); where it takes longer, the order of recall stands."""
    min_confidence: float = 0.5
    """Candidates of less confidence (0 to 1), such as jokes and guesses, are dropped."""
    max_superseded: int = 10
    """One answer of a model supersedes at most this many memories; the rest waits for review."""
    quiet_seconds: float = 20.0
    """In the background, a thread is processed once it has been quiet for this long: fewer and better model calls."""
    max_wait_seconds: float = 300.0
    """A thread that does not become quiet is processed this long after its first new message."""
    lease_seconds: float = 300.0
    """Duration of a worker's lease on a thread: after it, another worker takes over from one that was killed."""
    retry_seconds: float = 30.0
    """Pause after a first failure of a model; it doubles with each, up to an hour."""
    max_attempts: int = 8
    """After this many failures the turns become dead letters: they stay stored, and ``admin.dead_letters()`` lists them."""
    model_calls_per_day: int | None = None
    """Calls of the chat model for one namespace and day (UTC); further work waits for tomorrow."""
    worker: bool | None = None
    """True if this process learns in the background while memory is open; by default if there is a chat model."""
    extract_context_memories: int = 8
    """Existing memories that are sent to the model with a conversation, at most, so that it can report repetitions and
    changes: half are the nearest to a message each, half fit all messages best by meaning, words and keys."""
    consent: Literal["allowed", "no_extract", "paused"] = "allowed"
    """The consent with which a namespace begins; it holds until ``privacy.set_consent()``."""
    approval: Literal["suspicious", "learnt"] = "suspicious"
    """The memories that wait in ``review.list()`` before they are recalled: those that look like an attack, or all that were learnt."""
    audit: Literal["off", "writes", "reads"] = "writes"
    """The entries of the audit log: none, every change, or every change and every reading."""
    refuse_unrecorded_reads: bool = False
    """With ``audit="reads"``: a reading that cannot be recorded fails, as on a replica; else it is logged."""
    read_your_writes: bool = False
    """With a replica: reads see what the same object has written; one round trip to the primary after a write."""
    embed_batch: int = 64
    """At most this many texts go into one call of the embedding model."""
    embed_attempts: int = 3
    """Attempts at a call of the embedding model whose provider fails for the moment; with short pauses, in all about a second."""
    embed_later: bool = True
    """If the model does not answer, a memory is stored without a vector: full-text search finds it, and the vector is added later."""
    embed_cache: int = 2048
    """Vectors in the process's cache, so that no model is asked twice for the same text; 0 turns it off."""
    row_level_security: bool = False
    """Every transaction tells PostgreSQL its namespaces: needed where `persistmem rls enable` was run."""
    schema: str = "persistmem"
    """PostgreSQL's schema for the tables of this package, for an application that shares a database; not of the checkpoints."""
    embedding_model: str | None = None
    """The name stored with every vector. By default it is derived from the embeddings object."""
    data_dir: Path | None = None
    """Folder of the embedded server's data. By default the user's data folder."""
    pool_min: int = 1
    """Connections that stay open."""
    pool_max: int = 10
    """Connections at most; a caller beyond them waits."""
    connect_seconds: float = 10.0
    """Time to wait for PostgreSQL or for a free connection before StorageUnavailableError."""
    statement_seconds: float | None = 60.0
    """A statement that takes longer, such as one that waits for a lock or for a frozen server, is stopped:
    StorageUnavailableError. None waits as long as the server does."""
    prepare_threshold: int | None = 5
    """A statement is prepared after this many runs; ``None`` never prepares, for PgBouncer before 1.21."""

    def __post_init__(self) -> None:
        check_fields(self, ConfigurationError)
        for names, fits, range in _RANGES:
            for name in names:
                number = getattr(self, name)
                if number is not None and not fits(number):
                    raise ConfigurationError(f"Settings.{name} is {represent(number)}; it must be {range}")
                most = _LONGEST_SECONDS if name.endswith("_seconds") else _MOST
                if number is not None and number > most:
                    raise ConfigurationError(f"Settings.{name} is {represent(number)}; it must be at most {most:,}")
        for name in ("language", "embedding_model"):
            text = getattr(self, name)
            if text is not None and not (text.strip() and text.isprintable() and len(text) <= _LONGEST_NAME):
                raise ConfigurationError(
                    f"Settings.{name} is {represent(text)}; pass 1 to {_LONGEST_NAME} characters that can be printed"
                )
        _check_extraction(self.extraction_instructions, self.categories)
        _check_schema(self.schema)
        if not 0 <= self.pool_min <= self.pool_max:
            raise ConfigurationError(
                f"Settings.pool_min is {represent(self.pool_min)}; it must be from 0 to pool_max ({self.pool_max})"
            )


def _check_schema(name: str) -> None:
    if not _SCHEMA.fullmatch(name) or name in _RESERVED:
        raise ConfigurationError(
            f"Settings.schema is {represent(name)}; it must be at most 48 of a-z, 0-9 and _, not begin with a digit or with "
            "pg_, and not be public or a reserved word of SQL"
        )


def _check_extraction(instructions: object, categories: object) -> None:
    if instructions is not None and not (isinstance(instructions, str) and 0 < len(instructions) <= _LONGEST_ADVICE):
        raise ConfigurationError(
            f"Settings.extraction_instructions has to be a text of 1 to {_LONGEST_ADVICE:,} characters, or None"
        )
    if not is_a(categories, tuple):
        raise ConfigurationError(f"Settings.categories is of type {type(categories).__name__}; pass a tuple of texts")
    names: set[str] = set()
    for category in cast("tuple[object, ...]", categories):
        name = category.partition(":")[0].strip() if isinstance(category, str) else ""
        if not 0 < len(name.encode(errors="replace")) <= _LONGEST_CATEGORY or "\x00" in name or name in names:
            raise ConfigurationError(
                f"Settings.categories[{len(names)}] has to be a text whose name, up to a colon, is new and has 1 to "
                f"{_LONGEST_CATEGORY} bytes"
            )
        names.add(name)
    if len(names) > _MOST_CATEGORIES:
        raise ConfigurationError(f"Settings.categories has {len(names)} entries; pass at most {_MOST_CATEGORIES}")


_LONGEST_ADVICE = 8_000
_LONGEST_CATEGORY = 64
_MOST_CATEGORIES = 50
_SCHEMA = re.compile(r"(?!pg_|public$)[a-z_][a-z0-9_]{0,47}")
"""A name that needs no quotes anywhere, in a string of a migration as little as in a statement."""
_RESERVED = frozenset({
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary",
    "both", "case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create",
    "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
    "current_timestamp", "current_user", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except",
    "false", "fetch", "for", "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike", "in",
    "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral", "leading", "left", "like",
    "limit", "localtime", "localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only", "or",
    "order", "outer", "overlaps", "placing", "primary", "references", "returning", "right", "select",
    "session_user", "similar", "some", "symmetric", "system_user", "table", "tablesample", "then", "to", "trailing",
    "true", "union", "unique", "user", "using", "variadic", "verbose", "when", "where", "window", "with",
})  # fmt: skip
"""PostgreSQL's keywords that cannot name a schema without quotes."""
_AT_LEAST_ONE = (
    "candidates", "context_tokens", "context_memories", "max_text_chars", "extract_turns", "embed_batch", "embed_attempts", "pool_max",
    "max_attempts", "max_superseded",
)  # fmt: skip
_NOT_NEGATIVE = (
    "embed_cache", "instructions", "standing_tokens", "journal_tokens", "extract_context_memories", "prepare_threshold", "quiet_seconds", "max_wait_seconds", "model_calls_per_day",
)  # fmt: skip
_RANGES: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (_AT_LEAST_ONE, lambda number: number >= 1, "at least 1"),
    (_NOT_NEGATIVE, lambda number: number >= 0, "0 or more"),
    (
        ("threshold", "min_score", "context_share", "context_floor", "min_confidence"),
        lambda number: 0 <= number <= 1,
        "from 0 to 1",
    ),
    (
        ("connect_seconds", "statement_seconds", "lease_seconds", "retry_seconds", "rerank_seconds"),
        lambda number: number > 0,
        "more than 0",
    ),
)
