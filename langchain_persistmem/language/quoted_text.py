"""The part of a message that its sender says in words of their own: no code block, forwarded mail or quotation; pure."""

import re

FILLER = "\ue000"
"""Stands for each character of a quotation, so that places stay the same; it is part of no word."""
_LONG, _LONG_IN_SIGNS = 12, 6
"""Characters within a quotation from which it is long: letters, and signs that are a word each."""
_BLOCKS = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|\'\'\'.*?(?:\'\'\'|\Z)|\"\"\".*?(?:\"\"\"|\Z)|^[ \t]*+>.*?$"
    # A line of a chat's transcript: "[10:21] Ada: ...", "[1.5.26, 10:21:33] Ada: ...", "01/05/2026, 10:21 - Ada: ...".
    r"|^[ \t]*+(?:\[[\d./, :-]{4,24}\]|\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d{2} [-–])[^\n:：]{1,44}[:：][^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_FORWARDED = re.compile(
    # "-----Original Message-----", "On Monday Tom wrote:", or the head of a mail: everything behind it is somebody else's.
    r"^[ \t]*+(?:[-_*]{3,}[ \t]*\w[^\n]{0,60}[-_*]{3,}"
    r"|(?![^\n]*\b(?:i|we|ich|wir|j'ai|yo|ho|eu|ik|я)\b)[^\n]{0,120}\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto"
    r"|escreveu|schreef|пишет|написал[а]?)\b[^\n]{0,60}:[ \t]*$|(?:from|von|de|da|van|от кого|от|发件人|發件人|差出人|보낸 ?사람)[ \t]*[:：]"
    r"[^\n]*\n[^\n:：]{1,24}[:：]).*\Z",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_REOPENED = 4
"""Times that a quotation may open anew before it ends: a search that went on would make a text of opening marks slow."""


def _between(opening: str, closing: str, length: int = 8000) -> str:
    """The pattern from an opening to a closing mark; what it reads twice is bounded by :data:`_REOPENED`."""
    inside = f"[^{opening}{closing}]{{0,{length}}}+"
    return f"{opening}(?:{inside}{opening}){{0,{_REOPENED}}}{inside}[{closing}]"


QUOTATION = re.compile(
    "|".join(
        [
            r'"[^"]*"',
            _between("“", "”"),
            r"(?<!\w)”(?=\w)[^”\n]{0,3000}+”|(?<!\w)»(?=\w)[^«»\n]{0,3000}+«",
            _between("„", '“”"', 3000),
            *(_between(opening, closing) for opening, closing in ("«»", "‹›", "「」", "『』", "《》")),
            r"(?<![\w'])'(?=\S)(?:[^'\n]|(?<=\w)'(?=\w)){0,400}?(?<=\S)'(?!\w)|(?<!\w)[‘‚][^’‘‚\n]*+[’‘](?!\w)|`[^`\n]*`",
        ]
    )
)


def strip_blocks(text: str) -> str:
    """Without code blocks, quoted lines, and what is forwarded at the end."""
    return _FORWARDED.sub(" ", _BLOCKS.sub(" ", text))


def strip_quotations(text: str) -> str:
    """Without longer words in quotation marks."""
    return QUOTATION.sub(lambda match: " " if is_long(match[0]) else match[0], text)


def is_long(quotation: str) -> bool:
    """Tell if a quotation is longer than most names and single words."""
    return len(quotation) - 2 >= (_LONG_IN_SIGNS if quotation[0] in "「『《" else _LONG)


def mask(text: str) -> str:
    """Mask what is not the sender's own, character by character: blocks by line breaks, quotations by :data:`FILLER`."""
    for blocks in (_BLOCKS, _FORWARDED):
        text = blocks.sub(lambda match: "\n" * len(match[0]), text)
    return QUOTATION.sub(lambda match: FILLER * len(match[0]), text)
