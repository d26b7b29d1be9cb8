"""What the user asks not to be remembered; pure.

Such a turn stays in the conversation and is shown to no model for learning: what was never seen is
never written down. The whole turn is left out, because nobody can say where the secret ends.
"""

import re
from collections.abc import Sequence

from langchain_persistmem.types import Turn

_BEGINS = r"(?:^|[.!?;:\n]\s*|\bplease,?\s+|\bbitte\s+)"
"""A request begins a sentence: "I don't remember that film" is none."""
_REQUEST = re.compile(
    _BEGINS + r"(?:do not|don['’]?t|never) (?:remember|memori[sz]e|save|store|record|write down|note down|learn)"
    r" (?:this|that|it\b|any of|anything|what|these|the following)"
    r"|" + _BEGINS + r"(?:this is |that was )?off the record\b"
    r"|" + _BEGINS + r"(?:keep|leave) (?:this|that|it) (?:out of your memory|between us)"
    r"|" + _BEGINS + r"(?:(?:das|dies|es|folgendes) )?(?:bitte )?nicht (?:merken|speichern|abspeichern)\b"
    r"|\bmerk(?:e)? dir (?:das|dies) (?:bitte )?nicht\b"
    r"|\bno (?:recuerdes|guardes|memorices|anotes) (?:esto|eso|nada)\b|\bno lo (?:recuerdes|guardes|memorices)\b"
    r"|\bne (?:retiens|mémorise|note|garde|retenez|mémorisez|notez|gardez) pas (?:ça|ceci|cela)\b"
    r"|\bnon (?:ricordare|memorizzare|salvare) (?:questo|ciò|quello)\b"
    r"|\bnão (?:lembre|guarde|memorize|salve|anote) (?:isto|isso)\b"
    r"|\bне (?:запоминай|сохраняй|записывай)(?:те)?\b"
    r"|(?:不要|别|請勿|请勿)(?:记住|記住|记下|保存|记录)|(?:覚え|記憶し|保存し)ないで"
    r"|(?:기억|저장)하지 ?(?:마|말)|لا (?:تتذكر|تحفظ|تسجل)",
    re.IGNORECASE | re.MULTILINE,
)
_BACKWARDS = re.compile(
    r"\b(?:what|anything) I(?:['’]ve| have)? (?:just )?(?:said|told|wrote|written)\b", re.IGNORECASE
)


def asks_not_to_remember(text: str) -> bool:
    """Whether ``text`` asks that something be kept out of memory.

    >>> asks_not_to_remember("Please don't remember this: I am looking for another job.")
    True
    >>> asks_not_to_remember("I don't remember that film.")
    False
    """
    return bool(_REQUEST.search(text))


def off_record(turns: Sequence[Turn]) -> frozenset[str]:
    """The ids of the user's turns that memory has to leave alone: the request, and what it points back at."""
    hidden: set[str] = set()
    before: Turn | None = None
    for turn in turns:
        if turn.role != "user":
            continue
        if asks_not_to_remember(turn.text):
            hidden.add(turn.id)
            if before is not None and _BACKWARDS.search(turn.text):
                hidden.add(before.id)
        before = turn
    return frozenset(hidden)
