"""What a question says of times and persons, and what an answer to it tells; pure."""

import re
from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.language.dates import periods_in
from langchain_persistmem.types.recalled import Interpretation, RecallCandidate, SearchResult

_FIRST_PERSON = re.compile(
    r"\b(i|my|me|mine|ich|mein(e|en|em|er)?|mich|mir|je|j|mon|moi|yo|mi|mis|mí|io|mio|mia|eu|meu|minha|ik|mijn|я|мой|моя|мне"
    r"|меня)\b|我|私|僕|俺|나|내|제",
    re.IGNORECASE,
)
_TOLD_BY_ASSISTANT = re.compile(
    r"\bremind me\b|\b(previous|earlier|last|our) (conversation|chat|discussion)s?\b"
    r"|\byou(r|'ve| have| had)? (just |also |previously )?(told|tell|said|say|mention(ed)?|suggest(ed|ions?)?"
    r"|recommend(ed|ations?)?|provided?|gave|give|given|list(ed)?|explain(ed)?|describe[d]?|wrote|write|written"
    r"|share[d]?|create[d]?|made|make)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_PAST = re.compile(
    r"\b(was|were|did|had|been|ago|before|previous(ly)?|used to|when|first|last|how (long|often)|hat|hatte|habe|war|wann"
    r"|früher|étais|était|ai|quand|fui|fue|era|estaba|cuándo|quando|wanneer|heb|был|была|когда)\b|过|了|でした|ました|었|았",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"^\W*(when|since when|how long ago|wann|quand|cuándo|quando|wanneer)\b[^,]*$|\b(what|which) (date|day|month|year)\b"
    r"|什么时候|何时|いつ|언제",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"\bhow (many|much|old|long|often|far|tall|big)\b", re.IGNORECASE)


def understood(findings: SearchResult, query: str, *, now: datetime) -> Interpretation:
    """What ``query`` says of times and persons, as seen from ``now``."""
    periods = periods_in(query, now=now)
    about_user = bool(_FIRST_PERSON.search(query)) and not _TOLD_BY_ASSISTANT.search(query)
    return Interpretation(
        periods=periods,
        speakers=tuple(sorted(_named(findings.candidates, query))),
        is_about_user=about_user,
        is_about_present=about_user and not periods and not _PAST.search(query),
        asks_for="time" if _WHEN.search(query) else "number" if _HOW_MANY.search(query) else None,
    )


def _named(found: Sequence[RecallCandidate], query: str) -> set[str]:
    """The speakers whom the query names."""
    asked = set(_WORD.findall(query.casefold()))
    speakers = {each.speaker for each in found if each.speaker}
    return {speaker for speaker in speakers if asked & set(_WORD.findall(speaker.casefold()))}
