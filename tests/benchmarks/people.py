"""The people of a benchmark: how many memories each has, what they say, and vectors that look like real ones.

Sizes follow Zipf's law. The vectors are synthetic: each memory lies near one of its user's topics, and each question near
a memory of its user. Texts are of invented words of letters, with Zipf's frequencies, and questions leave out the
20 most common ones, as PostgreSQL leaves out "the" and "of".
"""

from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

TOPICS, TOPICS_OF_ONE, WORDS, COMMON = 2_000, 24, 5_000, 20
SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou")
NOISE = 1.1
"""Of a memory about its topic: a question then has cosines of about .5 to its nearest and .05 to unrelated ones."""


@dataclass(frozen=True)
class People:
    """``memories`` of ``users``; the first user has the most."""

    memories: int
    users: int
    dimensions: int
    sizes: list[int]
    starts: list[int]
    """Where each user's memories begin in ``vectors``."""
    vectors: Vectors

    def text(self, number: int) -> str:
        """What the memory says; it begins with its number, by which its vector is found."""
        words = np.random.default_rng(number).zipf(1.3, 10) % WORDS
        return f"m{number} " + " ".join(map(_word, words))

    def numbers(self, user: int) -> range:
        """The numbers of a user's memories."""
        return range(self.starts[user], self.starts[user] + self.sizes[user])

    def question(self, user: int, seed: int) -> str:
        """A question near one of the user's memories; it carries what its vector is made of."""
        rng = np.random.default_rng([user, seed])
        number = self.starts[user] + int(rng.integers(self.sizes[user]))
        words = (COMMON + rng.zipf(1.3, 4)) % WORDS
        return f"q{number}.{seed} " + " ".join(map(_word, words))

    def vector(self, text: str) -> Vectors:
        """The vector of a memory's text or of a question."""
        name = text.split(" ", 1)[0]
        if name[0] == "m":
            return self.vectors[int(name[1:]) % self.memories]
        if name[0] == "q":
            number, seed = name[1:].split(".")
            rng = np.random.default_rng([int(number), int(seed), 1])
            return _unit(self.vectors[int(number)] + _noise(rng, 1, self.dimensions)[0] * NOISE)
        return _unit(_noise(np.random.default_rng(len(text)), 1, self.dimensions)[0])

    def nearest(self, user: int, question: str, count: int) -> list[int]:
        """The numbers of the user's memories that are nearest, exactly."""
        own = self.numbers(user)
        similarities = self.vectors[own.start : own.stop] @ self.vector(question)
        return [own.start + int(place) for place in np.argsort(-similarities)[:count]]

    def classes(self) -> dict[str, list[int]]:
        """Users by the number of their memories; a class without anybody is left out."""
        bounds = {"small": (10, 200), "mid": (200, 3_000), "large": (3_000, 20_000), "whale": (20_000, 10**9)}
        found = {
            name: [user for user, size in enumerate(self.sizes) if least <= size < below]
            for name, (least, below) in bounds.items()
        }
        return {name: users for name, users in found.items() if users}


def people(memories: int, users: int, dimensions: int) -> People:
    """The same people every time."""
    shares = 1 / np.arange(1, users + 1)
    sizes = np.maximum(1, np.floor(shares / shares.sum() * memories)).astype(int)
    sizes[0] += memories - sizes.sum()
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rng = np.random.default_rng(1)
    topics = _noise(rng, TOPICS, dimensions)
    vectors = np.empty((memories, dimensions), np.float32)
    for start, size in zip(starts, sizes, strict=True):
        own = rng.choice(TOPICS, TOPICS_OF_ONE, replace=False)
        made = topics[own[rng.integers(TOPICS_OF_ONE, size=size)]] + NOISE * _noise(rng, int(size), dimensions)
        vectors[start : start + size] = _unit(made)
    return People(memories, users, dimensions, sizes.tolist(), starts.tolist(), vectors)


class Lookup(Embeddings):
    """An embedding model that costs next to nothing, so that the database is what is measured."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.model_name = f"lookup-{people.dimensions}"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.people.vector(text).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.people.vector(text).tolist()


def _word(number: int) -> str:
    """A word of letters: one with a figure would be found by its parts as well, as a part number is."""
    ending = SYLLABLES[number % len(SYLLABLES)]
    rest = number // len(SYLLABLES)
    return (_word(rest) if rest >= len(SYLLABLES) else SYLLABLES[rest]) + ending


def _noise(rng: np.random.Generator, rows: int, dimensions: int) -> Vectors:
    return rng.standard_normal((rows, dimensions), dtype=np.float32) / np.float32(np.sqrt(dimensions))


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
