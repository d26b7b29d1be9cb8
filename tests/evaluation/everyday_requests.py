"""Everyday requests beside this file: how many have their fact in the context, beside the ten nearest by cosine.

``python -m tests.evaluation.everyday_requests`` prints it of both sets, among 12, 60 and 280 facts, without a chat model.
"""

import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice, product, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from langchain_persistmem import LocalEmbeddings, PersistMem, Settings

_SET: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
SETS: dict[str, list[dict[str, str]]] = {name: _SET[name] for name in ("forty", "twenty")}
_REMARKS: list[str] = _SET["remarks"]
_PEOPLE = ("My neighbour Nora", "My colleague Emil", "My cousin Lea", "My aunt Ruth", "My friend Tomas")
_THINGS = (
    "collects stamps from Asia", "bought a red bicycle", "moved to Trondheim in May", "plays the cello", "keeps bees",
    "has run a small café since 2019", "speaks four languages", "was born in Lisbon", "repairs old radios",
    "sings in a choir on Tuesdays", "has a dog called Rufus", "works at the town hall", "studied chemistry",
    "spends every July on a farm", "is learning to sail", "writes a column for the paper", "grows tomatoes on the roof",
    "drives a yellow van", "lost a ring on the beach", "likes crossword puzzles", "won a prize for a photograph",
    "paints the fence every spring", "has never seen snow", "knits in the train", "lives above the pharmacy",
    "takes the bus at six", "sold a boat last year", "teaches swimming", "owns three clocks", "is moving to Bergen",
    "swims across the lake", "reads the weather report aloud", "cuts hair in the kitchen", "found a coin from 1820",
    "is afraid of bridges", "translates recipes", "was on television once", "carves spoons", "runs the school library",
    "has a new front door",
)  # fmt: skip
_NEAREST = 10
_TELLING = 25
"""Characters at the end of a turn that tell its fact."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of so many requests, how many have their fact in the context."""

    shown: int
    standing: int
    """In its standing part."""
    nearest: int
    """Among the ten nearest by cosine."""
    tokens: float
    """Of a context, on average."""


def measure(
    memory: PersistMem, embeddings: LocalEmbeddings, requests: Sequence[dict[str, str]], *, facts: int, user_id: str
) -> Outcome:
    """Tell so many facts, ask all requests, and count; with fewer facts than requests, each is asked among its own few."""
    if facts >= len(requests):
        return _ask(memory, embeddings, requests, _mix(requests, facts), user_id=user_id)
    outcomes: list[Outcome] = []
    for number, request in enumerate(requests):
        few = [requests[(number + step) % len(requests)]["turn"] for step in range(facts)]
        turns = few[number % facts :] + few[: number % facts]
        outcomes.append(_ask(memory, embeddings, [request], turns, user_id=f"{user_id}{number}"))
    return Outcome(
        sum(outcome.shown for outcome in outcomes),
        sum(outcome.standing for outcome in outcomes),
        sum(outcome.nearest for outcome in outcomes),
        sum(outcome.tokens for outcome in outcomes) / len(outcomes),
    )


def _mix(requests: Sequence[dict[str, str]], facts: int) -> list[str]:
    """What requests need, told here and there among remarks and what other people do."""
    others = [f"{person} {thing}." for thing, person in product(_THINGS, _PEOPLE)]
    alternating = filter(None, chain.from_iterable(zip_longest(_REMARKS, others)))
    turns = [request["turn"] for request in requests] + list(islice(alternating, facts - len(requests)))
    assert len(turns) == facts, f"there are no more than {len(turns)} facts"
    return [turns[(index * 67) % facts] for index in range(facts)]


def _ask(
    memory: PersistMem,
    embeddings: LocalEmbeddings,
    requests: Sequence[dict[str, str]],
    turns: Sequence[str],
    *,
    user_id: str,
) -> Outcome:
    for begin in range(0, len(turns), 20):
        messages: list[Any] = []
        for turn in turns[begin : begin + 20]:
            messages += [("user", turn), ("assistant", "Thanks for telling me!")]
        memory.observe(messages, thread_id=f"t{begin}", user_id=user_id)
    vectors = np.asarray(embeddings.embed_documents(list(turns)))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shown = standing = nearest = tokens = 0
    for request in requests:
        order = np.argsort(-(vectors @ np.asarray(embeddings.embed_query(request["request"]))))[:_NEAREST]
        nearest += turns.index(request["turn"]) in order
        context = memory.context(request["request"], user_id=user_id, thread_id="new")
        telling = request["turn"][-_TELLING:]
        shown += telling in context.text
        standing += telling in context.standing
        tokens += context.tokens
    return Outcome(shown, standing, nearest, tokens / len(requests))


def main() -> None:
    """Print the outcomes of both sets."""
    embeddings = LocalEmbeddings()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(worker=False, data_dir=Path(folder, "data"))
        with PersistMem.open(embeddings=embeddings, settings=settings) as memory:
            memory.setup()
            for name, requests in SETS.items():
                for facts in (12, 60, 280):
                    outcome = measure(memory, embeddings, requests, facts=facts, user_id=f"{name}{facts}-")
                    sys.stdout.write(f"{name} among {facts}: {outcome}\n")


if __name__ == "__main__":
    main()
