"""Words in quotation marks that are somebody else's, and not what the user tells; pure."""

import re
from collections.abc import Collection, Sequence
from typing import Literal

from langchain_persistmem.language.language_files import stop_words
from langchain_persistmem.language.statement_rulebook import Rulebook, rulebooks_of_language
from langchain_persistmem.language.words_of_others.asserted_text import is_by_user
from langchain_persistmem.language.words_of_others.quoted_text import QUOTATION, is_long, strip_quotations
from langchain_persistmem.learning.chat_model.word_comparison import WORD, shares_words, units, units_in_order

_END = re.compile(r"[.!?。！？\n]")
_MOST = 100
"""Quotations in a message that are looked at; with more of them it was pasted."""
_LONGEST = 300
"""Characters before and behind a quotation that may introduce it."""
_FULL_STOPS = (".", "!", "?", "。", "！", "？")
_COLON = re.compile(r"[:：]\s*$")
_SHORT, _FEWEST_CAPITALS = 3, 2
"""Letters of words that have no capital in titles, and capitals that a title has."""
_LEADING_PAIRS = 4
"""Pairs of characters among which a claim names whom it is about; elsewhere its first word does."""

_Speaker = Literal["user", "other", "unknown"]


def strip_foreign(text: str, claim: str, *, instruction: bool) -> str:
    """``text`` without the quotations that are no words of the user's where it comes to ``claim``.

    That is what somebody else said or wrote, unless the claim tells so itself: "Tom wrote: '...'" for a claim about Tom.
    Of an instruction it is any longer quotation; of a fact one that the claim is made of, where nothing beside it has to
    do with the claim: titles and names are quoted too.
    """
    if QUOTATION.search(text) is None:  # most turns have none, and each is looked at for every claim
        return text
    foreign: set[tuple[int, int]] = set()
    unknown: set[tuple[int, int]] = set()
    books = rulebooks_of_language(text)
    for number, match in enumerate(QUOTATION.finditer(text)):
        speaker = "other" if number >= _MOST else _speaker(match, text, claim, books)
        if speaker == "other":
            foreign.add(match.span())
        elif speaker == "unknown" and is_long(match[0]):
            unknown.add(match.span())
    outside = _without(text, foreign | unknown)
    if instruction:
        return strip_quotations(outside)
    if units(outside) and not shares_words(outside, claim):
        named = {match.span() for match in QUOTATION.finditer(text) if _is_name(match[0], claim)}
        return _without(text, foreign | unknown - named)
    return _without(text, foreign)


def _without(text: str, spans: Collection[tuple[int, int]]) -> str:
    return QUOTATION.sub(lambda match: " " if match.span() in spans else match[0], text)


def _speaker(quotation: re.Match[str], text: str, claim: str, books: Sequence[Rulebook]) -> _Speaker:
    """Find who says what is quoted: of somebody whom the claim is about the user tells."""
    before = _END.split(text[max(0, quotation.start() - _LONGEST) : quotation.start()])[-1]
    is_sentence = quotation[0][-2:-1] in _FULL_STOPS
    behind = "" if is_sentence else _END.split(text[quotation.end() : quotation.end() + _LONGEST])[0]
    introduction = f"{before} {behind}"
    reports = [report for book in books for report in _reports(book, before, behind)]
    if any(is_by_user(*introduction.split(report[0], 1)) for report in reports):
        return "user"
    if not reports and not (_COLON.search(before) and _is_speech(quotation[0])):
        return "unknown"
    if _is_title(quotation[0]) and _is_name(quotation[0], claim):
        return "unknown"  # what is called a song or a book is reported by nobody
    for report in reports:
        introduction = introduction.replace(report[0], " ")
    return "user" if begins_with(claim, introduction) else "other"


def _reports(book: Rulebook, before: str, behind: str) -> list[re.Match[str]]:
    return [match for part in (before, behind) for match in book.report.finditer(part)]


def _is_speech(quotation: str) -> bool:
    """Tell if a quotation is a sentence: somebody speaks in it, or it ends like one. Names and titles are not."""
    words = set(map(str.casefold, WORD.findall(quotation)))
    return is_long(quotation) and (not words.isdisjoint(stop_words("pronouns")) or quotation[-2] in _FULL_STOPS)


def _is_title(quotation: str) -> bool:
    """Tell if a quotation is written like a title: half of its longer words, and two of them, have a capital."""
    words = [word for word in WORD.findall(quotation) if len(word) > _SHORT]
    capitals = sum(word[0].isupper() for word in words)
    return capitals >= _FEWEST_CAPITALS and 2 * capitals >= len(words)


def begins_with(claim: str, introduction: str) -> bool:
    """Tell if a claim is about whom or what introduces the quotation."""
    context = units(introduction)
    ordered = units_in_order(claim)
    words = {word.casefold() for word in WORD.findall(claim)}
    leading = ordered[:1] if ordered and ordered[0] in words else ordered[:_LEADING_PAIRS]
    return any(unit in context for unit in leading)


def _is_name(quotation: str, claim: str) -> bool:
    """Tell if a claim names what is quoted, and says something of it."""
    named, claimed = units(quotation), units(claim)
    return not _is_speech(quotation) and named <= claimed and named != claimed
