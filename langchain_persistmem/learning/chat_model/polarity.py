"""Negations of the user's that a claim of the model's leaves out; pure."""

from collections.abc import Sequence

from langchain_persistmem.language.hidden_characters import strip_invisible
from langchain_persistmem.language.sentences import SENTENCE
from langchain_persistmem.language.statement_rulebook import Rulebook, rulebooks_for, rulebooks_of_language
from langchain_persistmem.learning.chat_model.word_comparison import WORD, is_among, letters, says, units
from langchain_persistmem.types.records import Turn

_FEW_WORDS = 20
"""So few words, those of the claim among them, may be in any language."""


def drops_negation(text: str, quote: str, sources: Sequence[Turn], *, instruction: bool) -> bool:
    """Tell if a claim says what its words in the user's turns deny: "The user lives in Oslo" for "I don't live in Oslo".

    Words count as denied where a clause of theirs is, and none that is not. A claim that denies something itself, in
    whatever words, is none of those; nor is a fact that mostly has other words, such as "a vegetarian" for "no meat".

    Args:
        text: the claim.
        quote: the user's words that it rests on; without them all of the user's are looked at.
        sources: the turns that it rests on.
        instruction: it tells how to behave; a negation lost there makes an order of a prohibition.
    """
    turns = [strip_invisible(turn.text).replace("’", "'") for turn in sources if turn.role == "user"]
    sentences = [part for turn in turns for part in SENTENCE.findall(turn) if _stands_in(quote, part)]
    text = text.replace("’", "'")
    book, denied = _most_denied(sentences, _possible_books("\n".join([*turns, text])))
    if book is None or _denies(text, denied, book):
        return False
    stated = units(" ".join(book.cut_denied(sentence)[0] for sentence in sentences))
    claimed = units(text)
    confirmed = {unit for unit in claimed if is_among(unit, stated)}
    lost = {unit for unit in claimed - confirmed if is_among(unit, denied)}
    rest = len(claimed) - len(confirmed) - len(lost)
    # Of a verb and its object the verb may be in a form of its own: "isst" for "esse".
    return len(lost) > len(confirmed) and (instruction or len(lost) > rest or len(lost) == rest == 1)


def _possible_books(text: str) -> list[Rulebook]:
    """The rules of the languages that a text may be in: of a few words nothing tells for sure."""
    return rulebooks_for(text) if len(WORD.findall(text)) < _FEW_WORDS else rulebooks_of_language(text)


def _most_denied(sentences: Sequence[str], books: Sequence[Rulebook]) -> tuple[Rulebook | None, frozenset[str]]:
    """The language in which most is denied, and its words; the others have no negations there."""
    language: Rulebook | None = None
    most = ""
    for book in books:
        denied = " ".join(book.cut_denied(sentence)[1] for sentence in sentences)
        if len(denied.strip()) > len(most):
            language, most = book, denied.strip()
    return language, units(most)


def _stands_in(quote: str, sentence: str) -> bool:
    """Tell if a sentence has something of a quote, which may begin before it or go on behind it."""
    words = letters(sentence)
    return not letters(quote) or (bool(words) and (says(sentence, quote) or words in letters(quote)))


def _denies(text: str, denied: frozenset[str], book: Rulebook) -> bool:
    """Tell if a claim has a negation, or a word of that meaning which the user does not deny: "stop" for "don't stop"."""
    denials = (match[0].casefold() for match in book.denial.finditer(text))
    return book.negation.search(text) is not None or any(not is_among(word, denied) for word in denials)
