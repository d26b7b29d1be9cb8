"""Trust in a source, and reasons for which a statement waits for review instead of being recalled; pure.

Trust follows from where a statement comes from. The wording only ever adds suspicion: a text filter
stops few attacks, but what it does stop need not be recalled before somebody has looked at it.
"""

import re
from collections.abc import Mapping
from functools import cache

from langchain_persistmem.language.data import languages
from langchain_persistmem.types.records import Candidate, Source

TRUST: Mapping[Source, int] = {
    "operator": 3,
    "user": 3,
    "store": 2,
    "import": 2,
    "assistant": 1,
    "tool": 0,
    "document": 0,
}
"""A statement may supersede only what is trusted as much or less."""

INSTRUCTORS: frozenset[Source] = frozenset({"user", "operator"})
"""Sources that may tell the assistant how to behave."""

HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that turn the direction of writing, or that nobody sees."""
_ROLE = r"^\W*(system|developer|assistant)\s*:|<\|?\s*/?\s*(system|im_start|im_end|inst)\b|\[/?inst\]"
"""The marks with which chat models tell who speaks, in any language."""


def find_suspicion(candidate: Candidate) -> str | None:
    """Find the reason why ``candidate`` has to be reviewed before it is recalled; None if nothing speaks against it."""
    if candidate.kind == "procedural" and candidate.provenance.source not in INSTRUCTORS:
        return "instructions are taken from the user or the operator only"
    if HIDDEN.search(candidate.text):
        return "the text has hidden characters"
    if candidate.provenance.source != "operator" and _attack().search(candidate.text):
        return "the text reads like an attack on the prompt"
    return None


def may_supersede(candidate: Source, known: Source) -> bool:
    """Tell whether a statement of one source may end the validity of another's."""
    return TRUST[candidate] >= TRUST[known]


@cache
def _attack() -> re.Pattern[str]:
    """Texts that read like an attack on a prompt."""
    patterns = [pattern for language in languages() for pattern in language.attacks]
    return re.compile("|".join([_ROLE, *patterns]), re.IGNORECASE | re.DOTALL)
