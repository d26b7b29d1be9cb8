"""The order of an application's own re-ranker in place of ours, which stands wherever that one says nothing."""

from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.recall_results import RankedCandidate, Rerankable

_MOST = 30
"""So many of the best are given to a re-ranker: what it costs grows with their number."""


async def rerank(backend: Backend, query: str, ranked: list[RankedCandidate]) -> list[RankedCandidate]:
    """The candidates, the best of them in the order of the application's re-ranker, if there is one; scores stay.

    What it does not name comes behind what it does, in our order. Documents that are not known, and second ones of a memory,
    do not count.
    """
    if not backend.has_reranker:
        return ranked
    best = {str(entry.row.id): entry for entry in ranked[:_MOST]}
    order = await backend.rerank(query, {id: _rerankable(entry) for id, entry in best.items()})
    first = {id: best[id] for id in order if id in best}
    return [*first.values(), *(entry for id, entry in best.items() if id not in first), *ranked[_MOST:]]


def _rerankable(entry: RankedCandidate) -> Rerankable:
    row = entry.row
    metadata = {"kind": row.kind, "valid_from": row.valid_from.isoformat()}
    if row.speaker:
        metadata["speaker"] = row.speaker
    return Rerankable(row.text or "", metadata)
