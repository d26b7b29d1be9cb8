"""Excerpts of turns: the sentences that tell what a statement or a question is about; pure."""

import re
from collections.abc import Sequence
from functools import cache

from langchain_persistmem.language.language_files import stop_words
from langchain_persistmem.language.requests import is_request
from langchain_persistmem.language.search_terms.word_beginnings import STEM, word_beginnings
from langchain_persistmem.language.sentences import SENTENCE
from langchain_persistmem.language.subjects import names_user
from langchain_persistmem.types.recall_results import RankedCandidate

_WORD = re.compile(r"[^\W_]+")
_FIGURE = re.compile(r"\d+")
_SHORTEST = 3
"""Letters of a word that another one may have an ending to."""
_QUOTED = 45
"""Words that are quoted of a turn."""
_MORE = 2
"""Words that a sentence has to have beyond the statement, to be quoted for a word of the question that both have."""
_LONG = 150
"""Words from which a memory is given by its best sentences."""
_BEST = 70
"""Words of these."""
_MISSING = 0.2
"""The share of a statement's words that may be missing where a person's own words stand for it."""


def excerpt_of(words: frozenset[str], statement: str, turn: RankedCandidate, *, whole: bool = False) -> str | None:
    """The words of a turn that hold what the question asks and the statement lacks; None if there are none.

    Sentences on which a statement rests that is not current any more are never among them.

    Args:
        whole: the turn speaks to the question better than the statement, which may have left out what is asked for.
    """
    text, past = turn.row.text or "", turn.row.past_quotes
    if "" in past or not (whole or (words & stems_of(text)) - stems_of(statement)):
        return None
    # What only asks tells nothing of what the statement left out.
    sentences = [
        sentence for sentence in SENTENCE.findall(text) if not _is_past(sentence, past) and not is_request(sentence)
    ]
    sentences = _sentences_that_say_more(sentences, words, statement, whole=whole)
    if sum(map(_length, sentences)) <= _QUOTED:
        return _join(sentences) or None
    return _choose(sentences, words, _QUOTED)


def _sentences_that_say_more(
    sentences: Sequence[str], words: frozenset[str], statement: str, *, whole: bool
) -> list[str]:
    """Sentences with words of the question, or figures, that the statement left out, and what goes on from there."""
    statement_words, figures = stems_of(statement), _FIGURE.findall(statement)
    matches: list[str] = []
    goes_on = False
    for sentence in sentences:
        own = stems_of(sentence)
        shared, new = words & own, own - statement_words
        is_more = bool(shared & new) or (whole and bool(shared) and len(new) >= _MORE)
        # "I had the car repaired. It was 400 euros." says in its second sentence what the first is asked for.
        if (
            is_more
            or (whole and any(figure not in figures for figure in _FIGURE.findall(sentence)))
            or (goes_on and new and _begins_with_pronoun(sentence))
        ):
            matches.append(sentence)
        goes_on = is_more
    return matches


def _begins_with_pronoun(sentence: str) -> bool:
    return not stop_words("pronouns").isdisjoint(_WORD.findall(sentence.casefold())[:1])


def stands_for(excerpt: str, statement: str) -> bool:
    """Tell if a person's own words have nearly all words of a statement, and all of its figures: then they say both.

    >>> stands_for("I ran a marathon in Lyon, and it hurt", "The user ran a marathon in Lyon.")
    True
    >>> stands_for("I ran a marathon there, and it hurt", "The user ran a marathon in Lyon on 2026-02-27.")
    False
    """
    light = stop_words("statements") | stop_words("quotes")
    words = _WORD.findall(excerpt.casefold())
    tokens = [word for word in _WORD.findall(statement.casefold()) if word not in light and not names_user(word)]
    missing = [token for token in tokens if not any(_is_form(token, word) for word in words)]
    return len(missing) <= _MISSING * len(tokens) and not any(map(str.isdigit, "".join(missing)))


def _is_form(one: str, other: str) -> bool:
    """Tell if two words may be forms of one: "keeps" and "keep", "moved" and "moving"."""
    if any(map(str.isdigit, one)):
        return one == other
    shorter, longer = sorted((one, other), key=len)
    return one[:STEM] == other[:STEM] or (longer.startswith(shorter) and _SHORTEST <= len(shorter) >= len(longer) - 2)


def best_sentences(words: frozenset[str], text: str) -> str | None:
    """The sentences of a long text that have most to do with the question, in their order; None for a text that is not long."""
    # A word and what stands behind it are two characters at least.
    if len(text) < 2 * _LONG or _length(text) <= _LONG:
        return None
    sentences = SENTENCE.findall(text)
    return _choose(sentences, words, _BEST) or " ".join(text.split()[:_BEST]) + " …"


def _choose(sentences: Sequence[str], words: frozenset[str], most: int) -> str | None:
    shares = [len(words & stems_of(sentence)) for sentence in sentences]
    indexes: set[int] = set()
    budget = most
    for index in sorted(range(len(sentences)), key=lambda index: (-shares[index], index)):
        if not shares[index] or (indexes and _length(sentences[index]) > budget):
            continue
        indexes.add(index)
        budget -= _length(sentences[index])
        if budget <= 0:
            break
    # One sentence may be longer than all that is wanted, such as pasted text without an end.
    return " ".join(_join([sentences[index] for index in sorted(indexes)]).split(" ")[: 2 * most]) or None


def _join(sentences: Sequence[str]) -> str:
    return "".join(sentences).strip()


def _is_past(sentence: str, quotes: Sequence[str]) -> bool:
    plain = " ".join(_WORD.findall(sentence.casefold()))
    return any(
        plain and quote and (plain in quote or quote in plain)
        for quote in (" ".join(_WORD.findall(quote.casefold())) for quote in quotes)
    )


def stems_of(text: str) -> frozenset[str]:
    """The beginnings of the words of a text that say something."""
    return word_beginnings(text, _light_words())


@cache
def _light_words() -> frozenset[str]:
    return stop_words("statements") | stop_words("quotes") | stop_words("pronouns")


def _length(text: str) -> int:
    return len(_WORD.findall(text))
