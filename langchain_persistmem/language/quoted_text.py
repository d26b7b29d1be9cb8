"""The part of a message that its sender says in words of their own: no code block, forwarded mail or quotation; pure."""

import re

FILLER = "\ue000"
"""Stands for each character of a quotation, so that places stay the same; it is part of no word."""
_LONG, _LONG_IN_SIGNS = 12, 6
"""Characters within a quotation from which it is long: letters, and signs that are a word each."""
_BLOCKS = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|^[ \t]*>.*?$", re.DOTALL | re.MULTILINE)
_FORWARDED = re.compile(
    # "-----Original Message-----", "On Monday Tom wrote:", or the head of a mail: everything behind it is somebody else's.
    r"^[ \t]*(?:[-_*]{3,}[ \t]*\w[^\n]{0,60}[-_*]{3,}"
    r"|(?![^\n]*\b(?:i|we|ich|wir|j'ai|yo|ho|eu|ik|я)\b)[^\n]{0,120}\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto"
    r"|escreveu|schreef|пишет|написал[а]?)\b[^\n]{0,60}:[ \t]*$|(?:from|von|de|da|van|от кого|от|发件人|發件人|差出人|보낸 ?사람)[ \t]*[:：]"
    r"[^\n]*\n[^\n:：]{1,24}[:：]).*\Z",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
QUOTATION = re.compile(
    r'"[^"]*"|“[^”]{0,8000}”|„[^“”"]{0,3000}[“”"]|«[^»]{0,8000}»|‹[^›]{0,8000}›|「[^」]{0,8000}」|『[^』]{0,8000}』|《[^》]{0,8000}》'
    r"|(?<![\w'])'(?=\S)(?:[^'\n]|'(?=\w)){0,400}?(?<=\S)'(?!\w)|(?<!\w)[‘‚][^’‘\n]*[’‘](?!\w)|`[^`\n]*`"
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
