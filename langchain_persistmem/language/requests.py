"""Turns that only ask or order: history, from which nothing is to be known of anybody; pure.

A turn too many that counts as telling something costs a line of a context; one too few costs what the user said. So in
doubt a turn is no request: whatever a sentence asks, one clause of it that tells something is enough.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from langchain_persistmem.language.language_files import any_of, languages, match_words
from langchain_persistmem.language.phrases.conversation import Requests
from langchain_persistmem.language.phrases.word_lists import Words
from langchain_persistmem.language.small_talk import is_small_talk

_SENTENCE = re.compile(r"(?:[^.!?;。！？؟…\n]|\.(?=\w))+[.!?;。！？؟…]*")
_END = re.compile(r"[.!;。！…\s]+$")
_QUESTION = re.compile(r"[?？؟]\s*$")
_MARKS = " \t\"'“”„«»¡¿(*_-"
_CALCULATION = re.compile(r"(?=[\d\s.,()+*/x×÷^%=?-]*[+*x×÷^%=])(?=.*\d)[\d\s.,()+*/x×÷^%=?-]+", re.IGNORECASE)
_LONGEST = 300
"""Characters of a request; in a longer turn something was pasted or told."""
_MOST_WORDS = 15
"""A longer sentence about the user tells something, whatever it asks: "a gift for my sister, who ..."."""
_WORD = re.compile(r"[^\W_]+")
_CLAUSE = re.compile(r"[,，、]")


def is_request(text: str) -> bool:
    """Tell whether ``text`` only asks or orders, and says nothing of the one who speaks.

    Standing instructions ("always answer in German") and requests to remember are none: they hold beyond the turn.

    >>> is_request("What is 17*23?"), is_request("Tell me a joke, please"), is_request("continue")
    (True, True, True)
    >>> is_request("I moved to Oslo. What should I see there?"), is_request("Always answer in German.")
    (False, False)
    """
    if len(text) > _LONGEST:
        return False
    text = text.replace("’", "'")
    if _CALCULATION.fullmatch(text.strip()):
        return True
    sentences = [sentence for sentence in _SENTENCE.findall(text) if _WORD.search(sentence)]
    requests = [sentence for sentence in sentences if not is_small_talk(sentence) or _words().is_phrase(sentence)]
    return bool(requests) and all(map(_is_request, requests))


def asks_for_help(text: str) -> bool:
    """Tell whether ``text`` asks for something to be done or chosen now, rather than for something that was said.

    >>> asks_for_help("Suggest a dinner for tonight."), asks_for_help("What should I wear tomorrow?")
    (True, True)
    >>> asks_for_help("What did I wear yesterday?"), asks_for_help("Who is Nora?"), asks_for_help("What is my shoe size?")
    (False, False, False)
    """
    text = text.replace("’", "'")
    if len(text) > _LONGEST or is_bare_request(text):
        return False
    words = _words()
    sentences = [sentence.lstrip(_MARKS) for sentence in _SENTENCE.findall(text)]
    # What somebody tells may come with what they want: "My sister turns forty, any ideas?"
    asks = _QUESTION.search(text) is not None
    return any(_wants_help(sentence, words, asks=asks) for sentence in sentences)


def asks_for_explanation(text: str) -> bool:
    """Tell whether ``text`` orders what is much the same for everybody: something to be explained, defined or worked out.

    >>> asks_for_explanation("Can you explain recursion?"), asks_for_explanation("Explain my contract.")
    (True, False)
    >>> asks_for_explanation("Suggest a dinner."), asks_for_explanation("What is recursion?")
    (False, False)
    """
    text = text.replace("’", "'")
    if len(text) > _LONGEST or is_bare_request(text):
        return False
    sentences = [sentence.lstrip(_MARKS) for sentence in _SENTENCE.findall(text)]
    # Most texts have no such order, so that whether they ask for help beside it is asked last.
    has_order = any(_is_for_explanation(_without_courtesies(sentence, _words())) for sentence in sentences)
    return has_order and not asks_for_help(text)


def _is_for_explanation(sentence: str) -> bool:
    """Tell it of a sentence without its courtesies, which speaks of nobody's own: "my contract" is like no other."""
    return any(
        opening.match(sentence) and not own_words.search(sentence) for opening, own_words in _words().explanations
    )


def _wants_help(sentence: str, words: "_RequestWords", *, asks: bool) -> bool:
    stripped = _without_courtesies(sentence, words)
    if words.lookup.match(stripped) or words.instructions.search(sentence) or _is_for_explanation(stripped):
        return False
    if words.wish.match(stripped):
        return True
    if _QUESTION.search(sentence) is None:
        # The dot of an abbreviation makes a sentence of the beginning of a question.
        return _is_request(sentence) and not (asks and words.order.match(stripped) is None)
    # "Can you suggest a film?" orders, whatever its mark; "Can you see what I wrote?" does not.
    if stripped != sentence and words.order.match(stripped):
        return True
    past = words.past.search(sentence)
    if past is None and words.choice.search(sentence):
        return True
    if words.first_person.search(sentence) is None:
        return False
    # "What is my shoe size?" is answered by one memory or by none; "What should I wear?" is served by many. "What can I eat before
    # a run?" is about what to do, "When can I come?" about a time.
    help = words.help.search(sentence)
    return help is not None and (past is None or help.start() < past.start())


def is_bare_request(text: str) -> bool:
    """Tell whether ``text`` names nothing that could be looked up: small talk, "continue", a calculation.

    >>> is_bare_request("ok, continue"), is_bare_request("What is 17*23?"), is_bare_request("What is recursion?")
    (True, True, False)
    """
    text = text.replace("’", "'")
    if len(text) > _LONGEST or not text.strip():
        return False
    words = _words()
    sentences = [_without_courtesies(part.strip(_MARKS), words) for part in _SENTENCE.findall(text)]
    # "Tell me a joke, please" is bare by its clauses.
    return all(
        _is_bare(sentence, words) or all(_is_bare(clause, words) for clause in _CLAUSE.split(sentence))
        for sentence in sentences
    )


def _is_bare(sentence: str, words: "_RequestWords") -> bool:
    return bool(
        _CALCULATION.fullmatch(words.opening.sub("", sentence, count=1).strip())
        or words.is_phrase(sentence)
        or is_small_talk(sentence)
        or not _without_courtesies(f"{sentence.strip(_MARKS)} ", words).strip(_MARKS + ".!?。！？…")
    )


def _is_request(sentence: str) -> bool:
    words = _words()
    if _CALCULATION.fullmatch(sentence.strip()):
        return True
    stripped = sentence.lstrip(_MARKS)
    opening = _without_courtesies(stripped, words)
    # What speaks for a request stands at the ends of the sentence, and is looked for first: most sentences have nothing of it, and
    # what speaks against one may stand anywhere, which takes ten times as long to look for.
    opens = words.opening.match(opening) is not None or words.is_phrase(opening)
    is_question = _QUESTION.search(stripped) is not None
    if not opens and not is_question and words.ending.search(_END.sub("", opening)) is None:
        return False
    if words.instructions.search(sentence):
        return False
    if words.first_person.search(sentence) and len(_WORD.findall(sentence)) > _MOST_WORDS:
        return False
    # Looked for before the courtesies too: "and" of one language is "I" of another.
    if any(words.statement.match(text) or words.later_statement.search(text) for text in (stripped, opening)):
        return False
    # What stands before the question, as in "Mostly tea, and you?", may be an answer.
    return opens or not is_question or words.later_opening.search(opening) is None


def _without_courtesies(sentence: str, words: "_RequestWords") -> str:
    """The sentence from its first word on that is neither a greeting nor a "please"."""
    position = 0
    while courtesy := words.courtesy.match(sentence, position):
        position = courtesy.end()
    return sentence[position:]


@dataclass(frozen=True, slots=True)
class _RequestWords:
    """The words of all languages, as expressions."""

    courtesy: re.Pattern[str]
    opening: re.Pattern[str]
    later_opening: re.Pattern[str]
    ending: re.Pattern[str]
    statement: re.Pattern[str]
    later_statement: re.Pattern[str]
    instructions: re.Pattern[str]
    first_person: re.Pattern[str]
    order: re.Pattern[str]
    help: re.Pattern[str]
    choice: re.Pattern[str]
    wish: re.Pattern[str]
    lookup: re.Pattern[str]
    explanations: Sequence[tuple[re.Pattern[str], re.Pattern[str]]]
    """Of each language what begins such an order, and what speaks of oneself."""
    past: re.Pattern[str]
    phrases: frozenset[str]
    first_words: frozenset[str]
    """Of the phrases."""
    closing: re.Pattern[str]
    """Courtesies behind, or nothing: "shorter please"."""

    def is_phrase(self, sentence: str) -> bool:
        words = _WORD.findall(sentence.casefold())
        if not words or words[0] not in self.first_words:  # most sentences
            return False
        whole = " ".join(words)
        return any(
            beginning in self.phrases and self.closing.fullmatch(whole, len(beginning)) is not None
            for beginning in accumulate(words, "{} {}".format)
        )


@cache
def _words() -> _RequestWords:
    parts = [language.requests for language in languages() if language.requests is not None]

    def union(words: Callable[[Requests], Words]) -> list[str]:
        return list(dict.fromkeys(word for part in parts for word in words(part)))

    orders = union(lambda part: part.orders)
    statements = _any_phrase(union(lambda part: part.statements))
    conjunctions = _any_phrase(union(lambda part: part.conjunctions))
    phrases = frozenset(" ".join(_WORD.findall(word)) for word in union(lambda part: part.phrases))
    return _RequestWords(
        courtesy=_any(union(lambda part: part.courtesies), r"(?:{})[\s,:、，]*"),
        opening=_any([*orders, *union(lambda part: part.openings)], "(?:{})"),
        later_opening=_any([*orders, *union(lambda part: part.openings)], r"[,:–—]\s*(?:{})"),
        order=_any(orders, "(?:{})"),
        ending=_any(union(lambda part: part.endings), "(?:{})$"),
        statement=re.compile(rf"(?:{statements})", re.IGNORECASE),
        # A clause begins behind a comma or a conjunction; signs that need no spaces are looked for behind either.
        later_statement=re.compile(
            rf"(?:(?:[,:，、：–—]|\s-)\s*(?:(?:{conjunctions})\s*)?|(?<!\w)(?:{conjunctions})\s*)(?:{statements})",
            re.IGNORECASE,
        ),
        instructions=match_words(union(lambda part: part.instructions)),
        first_person=match_words(union(lambda part: part.statements)),
        help=match_words(union(lambda part: part.help)),
        choice=match_words(union(lambda part: part.choices)),
        wish=_any(union(lambda part: part.wishes), "(?:{})"),
        lookup=_any(union(lambda part: part.lookups), "(?:{})"),
        # Each language by itself: "me" is "we" in Finnish.
        explanations=[
            (_any(part.explanations, "(?:{})"), match_words(part.statements)) for part in parts if part.explanations
        ],
        past=match_words(
            word for language in languages() if language.questions is not None for word in language.questions.past
        ),
        closing=_any(union(lambda part: part.courtesies), r"(?: {})*"),
        phrases=phrases,
        first_words=frozenset(phrase.split()[0] for phrase in phrases),
    )


def _any(words: Iterable[str], pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.format(_any_phrase(words)), re.IGNORECASE)


def _any_phrase(words: Iterable[str]) -> str:
    """The expression of any of the phrases, whose words may have commas between them; ``(a|b)`` is one of these words."""
    return any_of(
        words, begin=r"(?<!\w)", end=r"(?!\w)", escape=lambda phrase: r"[\s,]+".join(map(_any_word, phrase.split()))
    )


def _any_word(word: str) -> str:
    return f"(?:{'|'.join(map(re.escape, word[1:-1].split('|')))})" if word.startswith("(") else re.escape(word)
