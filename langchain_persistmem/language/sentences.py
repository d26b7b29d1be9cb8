"""The sentences of a text, in any script."""

import re

SENTENCE = re.compile(r"(?:[^.!?。！？؟…\n]|\.(?=\w))+[.!?。！？؟…]*\s*")
"""A sentence with what ends it and the space behind it. A point within a number or a name ("3.86", "example.com") ends none."""

_END = re.compile(r"(?:[.!?…]+(?=[\s\"”»)\]]|$)|[。！？]+|[;；\n])[\"”»)\]]*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[^\W\d_]|Dr|Mr|Mrs|Ms|Prof|St|Sr|Sra|Mme|Mlle|Nr|No|bzw|usw|etc|vs|ca|г-н)\.$"
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans of sentences; the dot of an abbreviation ends none."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match[0] == "." and _ABBREVIATION.search(text, max(0, match.end() - 8), match.end()):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    return [(start, end) for start, end in spans if text[start:end].strip()]
