"""The part of a message that its sender asserts: nothing supposed, played, joked, shown as a text, or told by others; pure.

What is quoted or pasted with its marks is found in ``quoted_text.py``; here words tell, and how a message is laid out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from langchain_persistmem.language.sentences import sentence_spans
from langchain_persistmem.language.small_talk import QUESTION_MARK
from langchain_persistmem.language.statement_rulebook import BREAK, BULLET, Rulebook, rulebooks_of_language
from langchain_persistmem.language.words_of_others.quoted_text import mask_blocks

Reason = Literal["supposed", "joke", "text", "report", "denied"]

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_COLON = re.compile(r"[:：](?=\s|$)|：")
_ANNOUNCEMENT = re.compile(rf"{_COLON.pattern}|\s[-–—]\s")
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W_]+")
_LABEL = re.compile(
    r"(?:^|(?<=[:：] ))[ \t]*+(?P<label>[^\W\d_][\w.'’-]{0,24}(?: [\w.'’-]{1,24}){0,2})[ \u00a0]?[:：][ \t]+(?=\S)",
    re.MULTILINE,
)
"""Begins a line of a transcript: "Ada: ...", "Search result 2: ..."."""
_FIRST_PERSON = re.compile(
    r"(?:\b(?:i|ive|im|we|ich|wir|je|nous|yo|nosotr[oa]s|io|noi|eu|nós|ik|wij|we|я|мы|나는|내가|저는|제가)\b|\bj'"
    r"|我(?:们|們)?(?=说|說|告|写|寫|回|对|對|跟)|(?:私|僕|俺)[はが])",
    re.IGNORECASE,
)
"""The user as the one who speaks: "I told him"."""
_MOST_BETWEEN = 3
"""Words between "I" and what was said: "I have always told him"."""
_MOST_ADDRESSED = 3
"""Words between what says that somebody speaks and what is said: "told my sister: ..."."""
_MOST_BEFORE_PERSON = 3
_OWN_INVERSION = re.compile(rf"\s*{_FIRST_PERSON.pattern}\s*[:：,]", re.IGNORECASE)
"""The user behind what says so: "sagte ich: ..."."""
_AGREEMENT = re.compile(r"\b(?:as|like|wie|comme|como|come|как|zoals)\b", re.IGNORECASE)
"""Begins a clause in which the user agrees with somebody: "like you said, I ..."."""
_COMMA_BEFORE_CLAUSE = frozenset({"de", "ru"})
"""Languages that put a comma before what somebody says."""
_LONGEST_SENTENCE = 500
_MOST_REPORTS = 20
"""Words in a sentence that may say who speaks."""
_FEW_WORDS = 5
"""A sentence of so few words that makes a joke makes one of the sentence before it."""
_NEAR = 8
"""Characters before such words among which a negation means them."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a message that its sender does not assert."""

    start: int
    end: int
    reason: Reason
    introduction: str = ""
    """The words that say who speaks, where it is somebody else, or that what follows is supposed."""


def find_unasserted(text: str) -> list[Passage]:
    """Find the passages of ``text`` that its sender does not assert.

    >>> text = "I like tea. Suppose I lived in Oslo: what would it cost?"
    >>> [(each.reason, text[each.start : each.end]) for each in find_unasserted(text)]
    [('supposed', 'Suppose I lived in Oslo: what would it cost?')]
    >>> find_unasserted("In case it helps: I live in Oslo. As I said to Tom: I like tea.")
    []
    """
    text = mask_blocks(text).replace("’", "'").replace("ʼ", "'")
    books = rulebooks_of_language(text)
    passages = list(_transcript(text, books))
    reached = 0
    # What is longer than a sentence is read piece by piece: a search from each word to its end would make it slow.
    sentences = [
        (index, min(index + _LONGEST_SENTENCE, end))
        for start, end in sentence_spans(text)
        for index in range(start, end, _LONGEST_SENTENCE)
    ]
    for index, (start, end) in enumerate(sentences):
        if start < reached or not _WORD.search(text, start, end):
            continue
        for book in books:
            jokes = _find_joke(book, text, start, end)
            if jokes is not None:
                is_short = index > 0 and len(_WORD.findall(text[start:end])) <= _FEW_WORDS
                passages.append(Passage(sentences[index - 1][0] if is_short else start, end, "joke"))
            passage = (
                _find_text(book, text, start, end)
                or _find_fiction(book, text, start, end)
                or _find_report(book, text, start, end)
            )
            if passage is not None:
                passages.append(passage)
                reached = passage.end
                break
    return passages


def is_by_user(before: str, behind: str) -> bool:
    """Tell if the user is who speaks: a few words before what says so, or right behind it."""
    persons = list(_FIRST_PERSON.finditer(before))
    if persons and len(_WORD.findall(before[persons[-1].end() :])) <= _MOST_BETWEEN:
        return True
    return _FIRST_PERSON.match(behind.lstrip()) is not None


def _transcript(text: str, books: Sequence[Rulebook]) -> Iterator[Passage]:
    """Find what speakers say whose names stand before it, each on a line: somebody speaks of oneself, or a name comes again."""
    lines: list[tuple[str, int, int]] = []
    for match in _LABEL.finditer(text):
        label = match["label"]
        # Names have a capital in each word, or a script without capitals.
        if any(word[0].islower() for word in label.split()[1:] if not label[-1].isdigit()) or label[0].islower():
            continue
        if any(book.opening.fullmatch(f"{label}: ") for book in books):
            continue
        end = text.find("\n", match.end())
        lines.append((label, match.end(), end if end >= 0 else len(text)))
    counts = Counter(label for label, *_ in lines)
    speakers = {
        label
        for label, start, end in lines
        if counts[label] > 1 or _speaks_of_oneself(text[start : min(end, start + _LONGEST_SENTENCE)], books)
    }
    return (Passage(start, end, "report", label) for label, start, end in lines if label in speakers)


def _speaks_of_oneself(text: str, books: Sequence[Rulebook]) -> bool:
    return any((person := book.own.search(text)) and not _WORD.search(text, 0, person.start()) for book in books)


def _find_joke(book: Rulebook, text: str, start: int, end: int) -> re.Match[str] | None:
    match = book.jokes.search(text, start, end)
    negated = (
        match is not None and book.negation.search(text[max(start, match.start() - _NEAR) : match.start()]) is not None
    )
    return None if negated else match


def _find_text(book: Rulebook, text: str, start: int, end: int) -> Passage | None:
    """Find a text that something is to be done with: behind a colon or a dash, on the lines that follow, or at once."""
    opening = next(
        (match for at in _beginnings(book, text, start, end) if (match := book.texts.match(text, at, end))), None
    )
    if opening is None:
        return None
    announcement = _ANNOUNCEMENT.search(text, opening.end(), end)
    if announcement is not None:
        return Passage(announcement.end(), _reach(text, announcement.end()), "text")
    at = end - len(text[opening.end() : end].lstrip())
    if book.own.match(text, at, end):
        return Passage(at, end, "text")
    visible = start + len(text[start:end].rstrip())
    gap = _SPACE.match(text, visible)
    breaks = gap[0].count("\n") if gap else 0
    if breaks > 1 or (breaks == 1 and QUESTION_MARK.search(text[visible - 1 : visible])):
        return Passage(end, len(text), "text")
    return None


def _find_fiction(book: Rulebook, text: str, start: int, end: int) -> Passage | None:
    """Find what is supposed or played: to the end of its question, else of its paragraph, for what follows goes on with it."""
    if not book.fictions.search(text, start, end):
        return None
    sentence = text[start:end]
    for at in sorted({*book.starts(sentence), _past_courtesies(book, sentence)}):
        if opening := book.fictions.match(sentence, at):
            reach = end if QUESTION_MARK.search(sentence) else _end_of_paragraph(text, end)
            # "My heroine" names what a claim may be about; "if I were a nurse" does not.
            story = "" if book.own_subject.search(opening[0]) else opening[0]
            return Passage(start + at, reach, "supposed", story)
    return None


def _find_report(book: Rulebook, text: str, start: int, end: int) -> Passage | None:
    """Find what somebody else says of oneself, or of the user, and what the user says not to have said."""
    for report in islice(book.report.finditer(text, start, end), _MOST_REPORTS):
        before, behind = text[start : report.start()], text[report.end() : end]
        is_own = is_by_user(before, "") or _OWN_INVERSION.match(behind) is not None
        if is_own and book.negation.search(before) is None:
            continue
        colon = _COLON.search(behind)
        if (
            _WORD.search(before)
            and colon is not None
            and len(_WORD.findall(behind[: colon.start()])) <= _MOST_ADDRESSED
        ):
            at = report.end() + colon.end()
            return Passage(at, _reach(text, at), "denied" if is_own else "report", "" if is_own else before)
        person = _find_user(book, before or report[0].partition(" ")[2], behind)
        if person is not None:
            return Passage(
                report.end() + person.start(), end, "denied" if is_own else "report", "" if is_own else before
            )
    for doubt in islice(book.doubt.finditer(text, start, end), _MOST_REPORTS):  # "it is not true that I ..."
        person = _find_user(book, doubt[0], text[doubt.end() : end]) if book.negation.search(doubt[0]) else None
        if person is not None:
            return Passage(doubt.end() + person.start(), end, "denied")
    return None


def _find_user(book: Rulebook, before: str, behind: str) -> re.Match[str] | None:
    """Find the user where the clause that says who speaks goes on with one: "my boss says that I"."""
    person = book.own_subject.search(behind)
    if person is None or _AGREEMENT.search(before):
        return None
    between = behind[: person.start()]
    if book.language in _COMMA_BEFORE_CLAUSE:
        between = between.replace(",", " ", 1)
    words = len(_WORD.findall(between))
    if (
        words > _MOST_BEFORE_PERSON
        or not (words or _WORD.search(before))
        or book.clause_end.search(between)
        or book.doubt.search(between)
    ):
        return None
    asks = QUESTION_MARK.search(BREAK.split(behind[person.start() :], maxsplit=1)[0]) is not None
    return None if asks else person


def _beginnings(book: Rulebook, text: str, start: int, end: int) -> Sequence[int]:
    """Find where a sentence may begin, behind what may open it and what is polite."""
    bullet = BULLET.match(text, start, end)
    beginning = bullet.end() if bullet else start
    opened = book.opening.match(text, beginning, end)
    return sorted({beginning, opened.end() if opened else beginning, start + _past_courtesies(book, text[start:end])})


def _past_courtesies(book: Rulebook, sentence: str) -> int:
    match = book.courtesies.match(sentence)
    return match.end() if match else 0


def _reach(text: str, index: int) -> int:
    """Find where a text ends that is announced: to the end, if it begins on a line of its own, else of its paragraph."""
    line = text.find("\n", index)
    if not text[index : line if line >= 0 else len(text)].strip():
        return len(text)
    return _end_of_paragraph(text, index)


def _end_of_paragraph(text: str, index: int) -> int:
    match = _PARAGRAPH_END.search(text, index)
    return match.start() if match else len(text)
