"""The systems of an evaluation: our recall, plain cosine over the same vectors, and plain BM25."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
from langchain_core.embeddings import Embeddings

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import MissingDependencyError
from langchain_persistmem.evaluation.questions import Question

OURS = "persistmem"
RERANKED = "re-ranked"
"""Ours, in the order of a re-ranker."""
DEPTH = 50
"""Turns that each system ranks for a question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationTurn:
    """One turn of a user's conversations."""

    id: str
    session: str
    text: str
    message: Mapping[str, str]
    """The message, in a form for ``observe()``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedTurns:
    """The answer of a system to a question."""

    turns: tuple[str, ...]
    """Ids of turns, best first, none twice."""
    best: float
    """The score of the first; 0 without one."""


class System(Protocol):
    """A system that ranks turns."""

    name: str

    def learn(self, user_id: str, turns: Sequence[ConversationTurn]) -> None:
        """Store a user's conversations, in the order in which they happened."""
        ...

    def rank(self, question: Question) -> RankedTurns:
        """Rank the turns by relevance to a question."""
        ...


class PersistMemSystem:
    """``recall()`` after ``observe()``; without a threshold, so that every question gets a ranking."""

    def __init__(self, memory: PersistMem, *, name: str = OURS) -> None:
        self.name = name
        self._memory = memory

    def learn(self, user_id: str, turns: Sequence[ConversationTurn]) -> None:
        sessions: dict[str, list[Any]] = {}
        for turn in turns:
            sessions.setdefault(turn.session, []).append(dict(turn.message))
        for session, messages in sessions.items():
            self._memory.observe(messages, thread_id=session, user_id=user_id)

    def rank(self, question: Question) -> RankedTurns:
        recollections = self._memory.recall(
            question.text, limit=DEPTH, threshold=0.0, now=question.asked_at, user_id=question.user_id
        )
        turns = dict.fromkeys(id for item in recollections for id in item.memory.provenance.message_ids)
        best = recollections[0].score if recollections else 0.0
        return RankedTurns(turns=tuple(islice(turns, DEPTH)), best=best)


class CosineSystem:
    """The nearest vectors, as from a vector store, with the same embedding model."""

    name = "cosine"

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._users: dict[str, tuple[list[str], np.ndarray[Any, np.dtype[np.float64]]]] = {}

    def learn(self, user_id: str, turns: Sequence[ConversationTurn]) -> None:
        vectors = np.asarray(self._embeddings.embed_documents([turn.text for turn in turns]), dtype=np.float64)
        self._users[user_id] = [turn.id for turn in turns], vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def rank(self, question: Question) -> RankedTurns:
        ids, vectors = self._users[question.user_id]
        query = np.asarray(self._embeddings.embed_query(question.text), dtype=np.float64)
        return _best(ids, vectors @ (query / np.linalg.norm(query)))


class Bm25System:
    """BM25 over stemmed terms without stop words, by the library ``bm25s``; its longer list of these is the better one."""

    name = "BM25"

    def __init__(self) -> None:
        try:
            import bm25s
            import Stemmer
        except ImportError as error:
            raise MissingDependencyError(
                f"the comparison needs {error.name}; run: pip install 'langchain-persistmem[eval]'"
            ) from error
        self._bm25s: Any = bm25s
        self._stemmer: Any = vars(Stemmer)["Stemmer"]("english")  # it has no types
        self._users: dict[str, tuple[list[str], Any]] = {}

    def learn(self, user_id: str, turns: Sequence[ConversationTurn]) -> None:
        index = self._bm25s.BM25()
        index.index(self._tokens([turn.text for turn in turns]), show_progress=False)
        self._users[user_id] = [turn.id for turn in turns], index

    def rank(self, question: Question) -> RankedTurns:
        ids, index = self._users[question.user_id]
        (tokens,) = self._tokens([question.text])
        index_tokens = [token for token in tokens if token in index.vocab_dict]
        if not index_tokens:
            return RankedTurns(turns=(), best=0)
        return _best(ids, np.asarray(index.get_scores(index_tokens), dtype=np.float64))

    def _tokens(self, texts: list[str]) -> list[list[str]]:
        return self._bm25s.tokenize(
            texts, stopwords="en_plus", stemmer=self._stemmer, return_ids=False, show_progress=False
        )


def _best(ids: Sequence[str], scores: np.ndarray[Any, np.dtype[np.float64]]) -> RankedTurns:
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    best = float(scores[order[0]]) if len(order) else 0.0
    return RankedTurns(turns=tuple(ids[int(index)] for index in order), best=best)
