"""The part of a message that its sender says in words of their own: no code block, forwarded mail or quotation; pure."""

import re
from collections.abc import Iterable, Iterator

FILLER = "\ue000"
"""Stands for each character of a quotation, so that places stay the same; it is part of no word."""
_LONG, _LONG_IN_SIGNS = 12, 6
"""Characters within a quotation from which it is long: letters, and signs that are a word each."""
_BLOCKS = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|\'\'\'.*?(?:\'\'\'|\Z)|\"\"\".*?(?:\"\"\"|\Z)|^[ \t]*+>.*?$"
    # A row of a table, the parts of a subtitle, a line that is sung, and indented code behind an empty line.
    r"|^[ \t]*+\|.*?\|[ \t]*$|^\d{1,2}:\d{2}(?::\d{2})?[.,:\d]* *--> *\d[^\n]*\n(?:[^\n]+(?:\n|\Z))*|[♪♫][^♪♫\n]*"
    r"|(?:\A|(?<=\n\n))(?:(?: {4}|\t)[ \t]*+(?![-*•+]|\d+[.)])[^\n]*(?:\n|\Z))+"
    # Objects of JSON, and a command of a shell with what it put out.
    r"|\{\s*\"[^{}\n\"]{1,60}\"\s*:[^{}]*\}|^[ \t]*+[$#] ?[a-z][^\n]*\n(?:[^\n]+(?:\n|\Z))*|^<[^<>\n/]{1,24}>[ \t]+\S[^\n]*$"
    # A line of a chat's transcript: "[10:21] Ada: ...", "[1.5.26, 10:21:33] Ada: ...", "01/05/2026, 10:21 - Ada: ...".
    r"|^[ \t]*+(?:\[[\d./, :-]{4,24}\]|\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d{2} [-–])[^\n:：]{1,44}[:：][^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_FORWARDED = re.compile(
    # "-----Original Message-----", "On Monday Tom wrote:", or the head of a mail: everything behind it is somebody else's.
    r"^[ \t]*+(?:[-_*=#]{3,}[ \t]*\w[^\n]{0,60}[-_*=#]{3,}"
    r"|(?![^\n]*\b(?:i|we|ich|wir|j'ai|yo|ho|eu|ik|я)\b)[^\n]{0,120}\b(?:wrote|writes|schrieb|a écrit|escribió|ha scritto"
    r"|escreveu|schreef|пишет|написал[а]?)\b[^\n]{0,60}:[ \t]*$|(?:from|von|de|da|van|от кого|от|发件人|發件人|差出人|보낸 ?사람)[ \t]*[:：]"
    r"[^\n]*\n[^\n:：]{1,24}[:：]).*\Z",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_TAG = re.compile(
    r"(?:<(/?)([A-Za-z_][\w.-]{0,40})(?:\s[^<>\n]{0,200})?>|\[(/?)([A-Za-z]{2,20})(?:=[^\[\]\n]{0,80})?\])"
)
_FORMATS = frozenset(
    {
        "a",
        "b",
        "br",
        "code",
        "em",
        "i",
        "kbd",
        "li",
        "mark",
        "p",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "u",
        "ul",
    }
)
"""Tags within what somebody writes; all others are around what somebody shows."""
_SALUTATION = re.compile(
    r"(?<=\n)[ \t]*+(?:dear|hi|hello|hey|to whom it may concern|sehr geehrte[rs]?|liebe[rs]?|hallo|guten (?:tag|morgen)|chère?s?|madame|monsieur"
    r"|bonjour|salut|estimad[oa]s?|querid[oa]s?|hola|gentile|gentilissim[oa]|egregi[oa]|car[oaie]s?|ciao|buongiorno|prezad[oa]s?|ol[áa]|oi|geachte|beste"
    r"|уважаем\w+|дорог\w+|здравствуйте|привет|尊敬的|亲爱的|您好|拝啓|친애하는|안녕하세요)(?!\w)[^\n.?]{0,60}?[,:!，：][ \t]*(?=\n)",
    re.IGNORECASE,
)
"""The line that a letter begins with; what stands before it is about the letter."""
_CLOSING = re.compile(
    r"(?<=\n)[ \t]*+(?:(?:best|kind|warm|many)? ?(?:regards|wishes)|best|cheers|sincerely|yours|love|thanks|mit freundlichen|(?:viele|liebe|beste|herzliche) grüße|gruß|lg"
    r"|cordialement|bien à vous|amicalement|bises|atentamente|(?:un )?(?:cordial )?saludos?|cordiali saluti|distinti saluti|saluti|atenciosamente|abraços?|cumprimentos"
    r"|met vriendelijke groeten?|groet(?:en|jes)?|с уважением|此致|敬具)(?!\w)[^\n]{0,40}\n*(?:[^\n.?!]{1,40}(?=\n|\Z))?",
    re.IGNORECASE,
)
"""The line that a letter ends with, and the name below it."""
_DEPTH = 20
"""Tags within each other that are looked at."""
_REOPENED = 4
"""Times that a quotation may open anew before it ends: a search that went on would make a text of opening marks slow."""


def _between(opening: str, closing: str, length: int = 8000) -> str:
    """Make the pattern from an opening to a closing mark; what it reads twice is bounded by :data:`_REOPENED`."""
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


def strip_quotations(text: str) -> str:
    """Take out longer words in quotation marks."""
    return QUOTATION.sub(lambda match: " " if is_long(match[0]) else match[0], text)


def is_long(quotation: str) -> bool:
    """Tell if a quotation is longer than most names and single words."""
    return len(quotation) - 2 >= (_LONG_IN_SIGNS if quotation[0] in "「『《" else _LONG)


def mask_blocks(text: str) -> str:
    """Put a line break for each character of code blocks, quoted lines, what stands between tags, letters, and what is forwarded."""
    for blocks in (_BLOCKS, _FORWARDED):
        text = blocks.sub(lambda match: "\n" * len(match[0]), text)
    return blank(text, [*_between_tags(text), *_letter(text)], "\n")


def blank(text: str, spans: Iterable[tuple[int, int]], filler: str = " ") -> str:
    """Put ``filler`` for each character of the spans, which may overlap."""
    parts: list[str] = []
    reached = 0
    for start, end in sorted(spans):
        parts += [text[reached:start], filler * (end - max(start, reached))]
        reached = max(reached, end)
    return "".join([*parts, text[reached:]])


def _between_tags(text: str) -> Iterator[tuple[int, int]]:
    """Find what stands between a tag and the one that closes it, from outside in."""
    opened: list[tuple[str, int]] = []
    for match in _TAG.finditer(text):
        closes, name = match[1] or match[3], (match[2] or match[4]).casefold()
        if name in _FORMATS:
            continue
        if not closes:
            opened.append((name, match.start()))
        elif any(other == name for other, _ in opened[-_DEPTH:]):
            while opened[-1][0] != name:
                opened.pop()
            start = opened.pop()[1]
            if match.end() - start >= _LONG:
                yield start, match.end()


def _letter(text: str) -> Iterator[tuple[int, int]]:
    """Find a letter that something is said of before it: a message may begin with a greeting itself."""
    salutation = next((match for match in _SALUTATION.finditer(text) if text[: match.start()].strip()), None)
    if salutation is not None:
        closing = _CLOSING.search(text, salutation.end())
        yield salutation.start(), closing.end() if closing is not None else len(text)


def mask(text: str) -> str:
    """Mask what is not the sender's own, character by character: blocks by line breaks, quotations by :data:`FILLER`."""
    text = mask_blocks(text)
    return QUOTATION.sub(lambda match: FILLER * len(match[0]), text)
