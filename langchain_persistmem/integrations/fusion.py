"""Weighted reciprocal rank fusion of several lists of documents into one, each document once and with labels; pure.

The rank that a retriever gives is comparable between retrievers, its scores are not. So a document's
score is the sum, over the retrievers that found it, of ``weight / (c + rank)``, ranks counted from 1, as in
LangChain's ``EnsembleRetriever`` (Cormack, Clarke and Büttcher, SIGIR 2009). A retriever that found the same
thing several times counts once, with its best rank.
"""

import unicodedata
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from langchain_core.documents import Document

Origin = Literal["session", "memory", "documents"]
"""``session``: turns of this thread; ``memory``: memories; ``documents``: documents of the application's own retrievers."""
ORIGINS: tuple[Origin, ...] = ("session", "memory", "documents")

_PREFERENCE: tuple[Origin, ...] = ("memory", "documents", "session")
"""Of documents with the same text, the one with the most metadata stays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedCandidate:
    """The result of one retriever, best first."""

    origin: Origin
    retriever: str
    weight: float
    documents: Sequence[Document]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Hit:
    origin: Origin
    retriever: str
    rank: int
    share: float
    document: Document


@dataclass(eq=False, slots=True)
class _Group:
    """Hits of the same document."""

    hits: list[_Hit] = field(default_factory=list[_Hit])
    absorbed: list[_Hit] = field(default_factory=list[_Hit])

    @property
    def score(self) -> float:
        best: dict[str, float] = {}
        for hit in (*self.hits, *self.absorbed):
            best[hit.retriever] = max(best.get(hit.retriever, 0.0), hit.share)
        return sum(best.values())


def fuse(lists: Sequence[RankedCandidate], *, c: int) -> list[Document]:
    """Merge the documents of ``lists``, each once, best first.

    Two documents are the same if their texts are, whatever their capitals, spaces and forms of letters; or if
    they are the same memory or the same message. A memory that was learnt from messages of the session
    which were all found joins the best of these: the words of the turns stay, because the memory is only a part of
    them.

    The document that stays is a copy; its metadata gains ``origins``, and ``fusion`` with the ``score`` and
    who ``found`` it: the ``retriever``, its ``origin``, the ``rank`` and the document's ``id`` there.
    """
    groups = _group_hits(lists, c)
    turns = {key: group for group in groups for hit in group.hits for key in _message(hit.document, hit.origin)}
    for group in [candidate for candidate in groups if all(hit.origin == "memory" for hit in candidate.hits)]:
        sources = [turns.get(key) for hit in group.hits for key in _source_messages(hit.document)]
        present = [source for source in sources if source is not None and source is not group]
        if present and len(present) == len(sources):
            max(present, key=lambda source: source.score).absorbed.extend(group.hits)
            groups.remove(group)
    return [_merge_group(group) for group in sorted(groups, key=lambda group: -group.score)]


def _group_hits(lists: Sequence[RankedCandidate], c: int) -> list[_Group]:
    """Group the hits by document, in the order in which they were met."""
    groups: list[_Group] = []
    groups_by_key: dict[Hashable, _Group] = {}
    for documents in lists:
        for rank, document in enumerate(documents.documents, 1):
            # Any of these keys makes two documents the same; a later one may join two groups' keys, the first group wins.
            keys = [
                ("text", _normalize(document.page_content)),
                *_memory(document),
                *_message(document, documents.origin),
            ]
            group = next((groups_by_key[key] for key in keys if key in groups_by_key), None)
            if group is None:
                group = _Group()
                groups.append(group)
            share = documents.weight / (c + rank)
            hit = _Hit(
                origin=documents.origin, retriever=documents.retriever, rank=rank, share=share, document=document
            )
            group.hits.append(hit)
            for key in keys:
                groups_by_key.setdefault(key, group)
    return groups


def _merge_group(group: _Group) -> Document:
    document = min(group.hits, key=lambda hit: (_PREFERENCE.index(hit.origin), -hit.share)).document
    hits = sorted((*group.hits, *group.absorbed), key=lambda hit: -hit.share)
    sources = [
        {"retriever": hit.retriever, "origin": hit.origin, "rank": hit.rank, "id": hit.document.id} for hit in hits
    ]
    origins = [origin for origin in ORIGINS if any(hit.origin == origin for hit in hits)]
    metadata = {**document.metadata, "origins": origins, "fusion": {"score": group.score, "found": sources}}
    return document.model_copy(update={"metadata": metadata})


def _normalize(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _memory(document: Document) -> Iterator[Hashable]:
    """Yield the key of a memory; none for another document, whose id may be some store's own count."""
    if document.id is not None and _provenance(document) is not None:
        yield "memory", _namespace(document), document.id


def _message(document: Document, origin: Origin) -> Iterator[Hashable]:
    """Yield the key of a message of the session; an index of e-mails has message ids too, and many pieces of one."""
    if origin == "session" and "message_id" in document.metadata:
        yield _message_key(document, document.metadata.get("thread_id"), document.metadata["message_id"])


def _source_messages(document: Document) -> Iterator[Hashable]:
    """Yield the keys of the messages that a memory was made of."""
    provenance = _provenance(document) or {}
    for id in provenance.get("message_ids") or ():
        yield _message_key(document, provenance.get("thread_id"), id)


def _message_key(document: Document, thread: object, id: object) -> Hashable:
    return "message", _namespace(document), str(thread), str(id)


def _provenance(document: Document) -> Mapping[str, Any] | None:
    """A memory's provenance; a document of another kind has none, or something else of that name."""
    provenance = document.metadata.get("provenance")
    is_memory = isinstance(document.metadata.get("namespace"), (tuple, list)) and isinstance(provenance, Mapping)
    return cast("Mapping[str, Any]", provenance) if is_memory else None


def _namespace(document: Document) -> tuple[str, ...]:
    return tuple(str(label) for label in document.metadata.get("namespace") or ())
