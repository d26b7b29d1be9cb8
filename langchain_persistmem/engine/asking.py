"""What the chat model adds to recall, where it is asked to: further questions, and what is relevant. It may fail."""

import logging
from collections.abc import Sequence

from langchain_persistmem.backend import Backend
from langchain_persistmem.engine import expansion, relevance
from langchain_persistmem.engine.expansion import Expand
from langchain_persistmem.errors import ExtractionFailed
from langchain_persistmem.recollections import Recollection

logger = logging.getLogger(__name__)


async def expanded(backend: Backend, query: str, expand: Expand | None) -> list[str]:
    """The queries to ask, this one first; where the model has no answer, those of the rules."""
    if expand == "model":
        try:
            answer = await backend.ask(
                expansion.INSTRUCTIONS, relevance.question(query), expansion.SCHEMA, purpose="expand"
            )
            found = expansion.variants_of(answer, query)
            if found is not None:
                return found
            logger.warning("the chat model gave no list of queries; the rules do")
        except ExtractionFailed as error:
            logger.warning("expanding a query failed, the rules do it: %s", error)
    return [query] if expand is None else expansion.variants(query)


async def checked(
    backend: Backend, query: str, found: Sequence[Recollection], *, otherwise: list[Recollection]
) -> list[Recollection]:
    """What the model calls relevant, in one call for all; where it has no answer, what the threshold does."""
    if not found:
        return []
    try:
        material = relevance.material(query, [each.text for each in found])
        answer = await backend.ask(relevance.INSTRUCTIONS, material, relevance.SCHEMA, purpose="check")
    except ExtractionFailed as error:
        logger.warning("the check for relevance failed, the threshold decides: %s", error)
        return otherwise
    numbers = relevance.numbers(answer, len(found))
    if numbers is None:
        logger.warning("the chat model gave no list of numbers; the threshold decides what is relevant")
        return otherwise
    return [found[number - 1] for number in numbers]
