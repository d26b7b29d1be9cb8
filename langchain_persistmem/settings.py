"""Every setting, with its default, its unit and its reason."""

from dataclasses import dataclass, fields
from pathlib import Path

from langchain_persistmem.errors import ConfigurationError


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
    speaker: float = 1.0
    """The query names exactly one speaker: that person's turns gain it, the others' lose it."""
    assistant_echo: float = 1.5
    """Questions about "I" are answered by the user's turns; the assistant's echo of them loses this."""
    before: float = 0.2
    """Share of the evidence of the turn before, because an answer does not repeat the question's words."""
    after: float = 0.1
    """Share of the evidence of the turn after, by another person."""
    reply: float = 0.2
    """Share of the evidence of the assistant's reply, which names what the user only meant."""
    bonus: float = 0.2
    """Ceiling of recency, of importance and of use, each: they break ties and never outvote relevance."""
    half_life_days: float = 30.0
    """After this many days a memory's recency bonus is half."""
    even: float = 1.0
    """Evidence at which the score is 0.5 for a single memory."""
    even_per_log: float = 0.5
    """What each factor of e in the number of memories adds to it: the best of many unrelated ones looks better."""
    softness: float = 0.8
    """Evidence that moves a score from 0.50 to 0.73."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How memory behaves. Immutable; pass one to :meth:`PersistMem.open`.

    Raises:
        ConfigurationError: a value is out of its range; the message names the setting.
    """

    language: str = "english"
    """PostgreSQL's text search configuration for stemming and stop words (``\\dF`` lists them)."""
    threshold: float = 0.4
    """If even the best score (0 to 1) is below this, recall returns nothing: nothing is better than noise."""
    floor: float = 0.05
    """Beside a good best, a recollection is dropped only below this: asking for ten should give ten."""
    candidates: int = 60
    """How many memories each arm, meaning and words, hands to the ranking."""
    ranking: Ranking = Ranking()
    """The weights of recall."""
    context_tokens: int = 1000
    """Token budget of :meth:`PersistMem.context` when none is given."""
    context_memories: int = 30
    """How many recollections are considered for the context."""
    instructions: int = 20
    """How many procedural memories always enter the context, the most important first."""
    max_text_chars: int = 20_000
    """A memory longer than this is refused; an observed turn is cut for recall and kept whole in the history."""
    extract_turns: int = 40
    """At most this many turns go into one model call of extraction."""
    embed_batch: int = 64
    """At most this many texts go into one call of the embedding model."""
    embedding_model: str | None = None
    """The name stored with every vector. By default it is derived from the embeddings object."""
    data_dir: Path | None = None
    """Where the embedded server keeps its data. By default the user's data folder."""
    pool_min: int = 1
    """Connections kept open."""
    pool_max: int = 10
    """Connections at most; a caller beyond them waits."""
    connect_seconds: float = 10.0
    """How long to wait for PostgreSQL or for a free connection before StorageUnavailable."""
    prepare_threshold: int | None = 5
    """A statement is prepared after this many runs; ``None`` never prepares, for PgBouncer before 1.21."""

    def __post_init__(self) -> None:
        weights = self.ranking
        for name in (field.name for field in fields(weights)):
            positive = name in {"half_life_days", "softness"}  # they divide
            if not getattr(weights, name) > 0 if positive else not getattr(weights, name) >= 0:
                raise ConfigurationError(
                    f"Ranking.{name} is {getattr(weights, name)}; it must be {'more than 0' if positive else '0 or more'}"
                )
        at_least_one = (
            "candidates", "context_tokens", "context_memories", "max_text_chars", "extract_turns", "embed_batch", "pool_max",
        )  # fmt: skip
        for name in at_least_one:
            if getattr(self, name) < 1:
                raise ConfigurationError(f"Settings.{name} is {getattr(self, name)}; it must be at least 1")
        if self.instructions < 0 or (self.prepare_threshold is not None and self.prepare_threshold < 0):
            name = "instructions" if self.instructions < 0 else "prepare_threshold"
            raise ConfigurationError(f"Settings.{name} is {getattr(self, name)}; it must be 0 or more")
        for name in ("threshold", "floor"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"Settings.{name} is {getattr(self, name)}; it must be from 0 to 1")
        if not 0 <= self.pool_min <= self.pool_max:
            raise ConfigurationError(
                f"Settings.pool_min is {self.pool_min}; it must be from 0 to pool_max ({self.pool_max})"
            )
        if self.connect_seconds <= 0:
            raise ConfigurationError(f"Settings.connect_seconds is {self.connect_seconds}; it must be more than 0")
