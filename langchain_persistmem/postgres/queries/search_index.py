"""Statements on what memories are found by: their vectors and their words."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg.types.array import ListBinaryDumper

from langchain_persistmem.language.search_terms.tokenization import analyze
from langchain_persistmem.language.text_search_configuration import choose_configuration
from langchain_persistmem.postgres.answer import Answer
from langchain_persistmem.postgres.queries.embedding_models import EmbeddingModel
from langchain_persistmem.postgres.queries.rows import candidates_of, to_json
from langchain_persistmem.postgres.statements import statement
from langchain_persistmem.postgres.transaction import Transaction
from langchain_persistmem.postgres.vector_index.exact_scan import vector_column
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.recall_results import SearchResult
from langchain_persistmem.types.records import Vector
from langchain_persistmem.types.vectors import norm_of

if TYPE_CHECKING:
    from pgvector import HalfVector
else:
    try:
        from pgvector import HalfVector
    except ImportError:  # 0.3, which langchain-postgres pins
        from pgvector.psycopg import HalfVector


class _BinaryArray(list[HalfVector]):
    """A list that psycopg sends as a binary array; a plain list it writes out as text, digit by digit."""


psycopg.adapters.register_dumper(_BinaryArray, ListBinaryDumper)


def to_halfvec(vector: Vector) -> HalfVector:
    """``vector`` as it is kept and compared: two bytes a dimension, which costs no recall that was measurable."""
    return HalfVector(list(vector))


def to_halfvecs(vectors: Iterable[Vector]) -> list[HalfVector]:
    """``vectors`` as one parameter, an array."""
    return _BinaryArray(to_halfvec(vector) for vector in vectors)


def insert_vectors(
    tx: Transaction, namespace: Namespace, vectors: Mapping[UUID, Sequence[Vector]], *, model: EmbeddingModel
) -> Answer[int]:
    """Write the vectors of memories, by memory id."""
    flat = [(id, part, vector) for id, parts in vectors.items() for part, vector in enumerate(parts)]
    parameters = {
        "namespace": encode(namespace),
        "model": model.id,
        "memory_ids": [id for id, _, _ in flat],
        "parts": [part for _, part, _ in flat],
        "norms": [norm_of(vector) for _, _, vector in flat],
        "embeddings": to_halfvecs(vector for _, _, vector in flat),
    }
    return tx.execute(statement("insert_vectors", embedding=vector_column(model)), parameters) if flat else Answer(0)


def insert_terms(
    tx: Transaction, namespace: Namespace, texts: Mapping[UUID, tuple[str, str | None]], *, language: str
) -> Answer[int]:
    """Write the terms of memories, by id of text and speaker: what search by words finds them by."""
    parameters = {"namespace": encode(namespace), "ids": list(texts), "rows": term_rows(texts, language=language)}
    return tx.execute(statement("insert_terms"), parameters) if texts else Answer(0)


def term_rows(texts: Mapping[UUID, tuple[str, str | None]], *, language: str) -> str:
    """Texts and speakers as the part ``parsed_rows`` takes them: the words that PostgreSQL stems, and the terms that stay."""
    rows: list[dict[str, object]] = []
    for id, (text, speaker) in texts.items():
        whole = f"{speaker}: {text}" if speaker else text  # questions ask by the name
        words, terms, configuration = analyzed(whole, language=language)
        rows.append({"id": str(id), "text": words, "terms": terms, "language": configuration})
    return to_json(rows)


def analyzed(text: str, *, language: str) -> tuple[str, Sequence[str], str]:
    """The words of a text that PostgreSQL stems, the terms that stay, and the text search configuration."""
    searchable = analyze(text)
    return searchable.words, searchable.terms, choose_configuration(language, text)


def delete_terms(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> Answer[int]:
    """Delete the terms of memories, which are made anew."""
    parameters = {"namespace": encode(namespace), "ids": list(ids)}
    return tx.execute(statement("delete_terms"), parameters) if ids else Answer(0)


def unindex_memories(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> Answer[int]:
    """Take memories out of both indexes."""
    parameters = {"namespace": encode(namespace), "ids": list(ids)}
    return tx.execute(statement("unindex_memories"), parameters) if ids else Answer(0)


def delete_vectors(tx: Transaction, namespace: Namespace, ids: Sequence[UUID]) -> Answer[int]:
    """Delete the vectors of memories, of every model."""
    parameters = {"namespace": encode(namespace), "ids": list(ids)}
    return tx.execute(statement("delete_vectors"), parameters) if ids else Answer(0)


def findings_of(rows: Sequence[Any]) -> SearchResult:
    """The candidates in rows, named tuples that each carry the statistics too."""
    count, mean, deviation, lexical_max, groups = json.loads(rows[0].statistics) if rows else (0, 0.0, 0.0, 0.0, ())
    return SearchResult(
        candidates=tuple(candidates_of(rows)),
        count=count,
        mean=mean,
        deviation=deviation,
        lexical_max=lexical_max,
        existing_terms=frozenset(form for group in groups or () for form in group.split(" ")),
    )
