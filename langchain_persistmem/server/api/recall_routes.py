"""Questions over HTTP: recall, explain, context. All are POST, so that no text stands in an address, and change nothing."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from langchain_persistmem.server.access import only_reads
from langchain_persistmem.server.api.bodies import ContextBody, QuestionBody
from langchain_persistmem.server.request_checks import CurrentAccess
from langchain_persistmem.types.recall_results import Context, Explanation, Recollection

router = APIRouter(tags=["recall"])


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextAnswer:
    """The text for the model's prompt, and what it was made from."""

    text: str
    """Both parts, ready to be placed before the model."""
    tokens: int
    """Its length, about."""
    keys: tuple[str, ...]
    """The memories in it, for `used` of /v1/observe."""
    fingerprints: tuple[str, ...]
    """The memories of `relevant` in their present wording, for `shown` of later calls."""
    standing: str
    """The part that stands whatever is asked."""
    relevant: str
    """The part that fits the message."""
    omission_count: int
    """Relevant memories that did not fit into the budget."""
    explanation: Explanation | None
    """With `explain`: what is in it and what is not, and why."""


@router.post("/recall")
@only_reads
async def recall(access: CurrentAccess, body: QuestionBody) -> list[Recollection]:
    """Find the most relevant memories, best first, each with its score and the parts of it."""
    return await access.memory.arecall(**body.arguments(), **access.owner)


@router.post("/explain")
@only_reads
async def explain(access: CurrentAccess, body: QuestionBody) -> Explanation:
    """Show how recall comes to its result: the same recollections, and why others were left out."""
    return await access.memory.aexplain(**body.arguments(), **access.owner)


@router.post("/context")
@only_reads
async def context(access: CurrentAccess, body: ContextBody) -> ContextAnswer:
    """Build the text that a model should know for a message, within `max_tokens`."""
    return _answer(await access.memory.acontext(**body.arguments(), **access.owner))


def _answer(context: Context) -> ContextAnswer:
    return ContextAnswer(
        text=context.text,
        tokens=context.tokens,
        keys=context.keys,
        fingerprints=context.fingerprints,
        standing=context.standing,
        relevant=context.relevant,
        omission_count=context.omission_count,
        explanation=context.explanation,
    )
