"""Pieces of a text that is too long for one vector; pure."""

import re

_LONGEST_PIECE = 2_000
"""Characters that are embedded as one; of a longer turn, each piece has a vector of its own."""
_USUAL_PIECE = 1_200
_SENTENCE = re.compile(r"[^.!?;。！？；\n]+[.!?;。！？；\n]*\s*|[.!?;。！？；\n]+\s*")


def split_text(text: str) -> list[str]:
    """Cut a text that is too long for one vector into pieces, at the ends of sentences; it depends on the text alone.

    >>> split_text("Short."), [len(piece) for piece in split_text("A sentence of thirty characters. " * 90)]
    (['Short.'], [1188, 1188, 594])
    """
    if len(text) <= _LONGEST_PIECE:
        return [text]
    pieces: list[str] = []
    piece = ""
    for sentence in _SENTENCE.findall(text):
        for start in range(0, len(sentence), _USUAL_PIECE):  # one without an end, such as a table, is cut where it is
            part = sentence[start : start + _USUAL_PIECE]
            if piece and len(piece) + len(part) > _USUAL_PIECE:
                pieces.append(piece)
                piece = ""
            piece += part
    return [piece for piece in (*pieces, piece) if piece.strip()]
