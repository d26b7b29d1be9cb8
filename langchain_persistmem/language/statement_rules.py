"""Statements in a message that hold for longer, found by rules: how to answer, who the user is, what to care for; pure.

Rather a statement too few than one too many. What is quoted, pasted, asked, supposed, played, or told of somebody
else says nothing. A statement stays in the user's own words: a rule that turned them into the third person would get
the grammar of eleven languages wrong now and then, and in a prompt they stand under a title that says whose they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_persistmem.language.hidden_characters import strip_hidden
from langchain_persistmem.language.requests import is_request
from langchain_persistmem.language.sentences import sentence_spans
from langchain_persistmem.language.small_talk import QUESTION_MARK, is_small_talk
from langchain_persistmem.language.statement_rulebook import (
    BREAK,
    BULLET,
    FACTS,
    KEYED_REQUESTS,
    REQUEST,
    RULES,
    Category,
    Match,
    Rule,
    Rulebook,
    rulebooks_for,
    rulebooks_of_language,
)
from langchain_persistmem.language.words_of_others.asserted_text import find_unasserted
from langchain_persistmem.language.words_of_others.quoted_text import blank, mask
from langchain_persistmem.types.records import Kind

_LONGEST = 4_000
"""Characters; what is longer was pasted, not said."""
_LONGEST_SENTENCE = 600
_LONGEST_KEY = 60
_FEWEST_OF_QUESTION, _FEWEST_BEHIND_MARK = 3, 2
"""Words of a question that is asked behind what is told, and of one that a mark begins."""
_FULL_STOP = re.compile(r"[ \u00a0]?[.!?。！？]")
_COLON = re.compile(r"[:：](?!\S)|：")
_WORD = re.compile(r"[^\W_]+")
_SPOKEN_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_MARKS = " \t\n,;:.!?…，、；：。！？-–—("


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that a rule found."""

    kind: Kind
    category: Category | None
    """None for an instruction."""
    key: str | None
    """The name of what has one value at a time; None where there can be many."""
    value: str | None
    """The value under the key, where it is a name or a favorite."""
    text: str
    """In the user's own words."""
    quote: str
    """The same, exactly as it stands in the message."""
    importance: float
    language: str


def find_statements(text: str) -> list[Statement]:
    """Find what ``text``, a message of the user, says that holds for longer, in the order in which it is said.

    >>> [(found.key, found.text) for found in find_statements("Hi, I'm allergic to nuts. Please always answer in German.")]
    [('fact:allergy_nuts', "I'm allergic to nuts."), ('instruction:language', 'Always answer in German.')]
    >>> find_statements("If I were vegan, what could I eat?"), find_statements('She wrote "always answer in German".')
    ([], [])
    """
    clean = strip_hidden(text)
    if len(clean) > _LONGEST:
        return []
    masked = _mask_unasserted(clean).replace("ʼ", "'")
    sentences = [span for span in sentence_spans(masked) if span[1] - span[0] <= _LONGEST_SENTENCE]
    if any(_is_material(masked[start:end]) for start, end in sentences):
        return []
    statements: dict[tuple[str, str | None], Statement] = {}
    paragraph_ends = -1
    for start, end in sentences:
        if start < paragraph_ends:
            continue
        # What stands behind a colon is shown, not said, unless the colon stands behind an opening of ours.
        own, paragraph_ends = _own_part(masked, start, end)
        for statement in _in_sentence(masked[start:own], clean[start:own]):
            statements[statement.text.casefold(), statement.key] = statement
    return list(statements.values())


def is_covered(text: str, statements: Sequence[Statement]) -> bool:
    """Tell whether ``text`` says nothing beside ``statements``: courtesies, small talk and questions say nothing.

    >>> all(is_covered(text, find_statements(text)) for text in ("Hi! I'm vegan.", "I'm vegan. What can I cook?"))
    True
    >>> text = "I'm vegan. I moved to Oslo last week."
    >>> is_covered(text, find_statements(text))
    False
    """
    rest = strip_hidden(text)
    for statement in statements:
        rest = rest.replace(statement.quote, "\n", 1)
    pieces = [rest[start:end].strip(_MARKS + "\n\"'") for start, end in sentence_spans(rest)]
    return all(
        not _WORD.search(piece)
        or is_small_talk(piece)
        or is_request(piece)
        or any(book.opening.fullmatch(f"{piece} ") for book in rulebooks_for(piece))
        for piece in pieces
    )


def is_own_statement(statement: str, message: str) -> bool:
    """Tell whether the user says ``statement`` in ``message``, word for word and by oneself.

    A quotation, a pasted text, a doubt, a denial and a report of somebody else's words are not the user's own.

    >>> is_own_statement("I like tea", "Well, I like tea."), is_own_statement("I like tea", "It is not true that I like tea.")
    (True, False)
    >>> is_own_statement("I like tea", "> I like tea")
    False
    """
    clean = strip_hidden(message)
    masked = _mask_unasserted(clean)
    letters, indexes = _letters(masked)
    wanted, _ = _letters(strip_hidden(statement))
    index = letters.find(wanted) if wanted else -1
    if index < 0:
        return False
    sentences = sentence_spans(masked)
    if any(_is_material(masked[start:end]) for start, end in sentences):
        return False
    books = rulebooks_of_language(message)
    # The same words may stand in the message twice, once asserted and once not.
    while index >= 0:
        if _is_asserted(masked, indexes[index], indexes[index + len(wanted) - 1], sentences, books):
            return True
        index = letters.find(wanted, index + 1)
    return False


def _mask_unasserted(text: str) -> str:
    """Mask what the sender does not assert, and what is quoted, character by character."""
    asserted = blank(text, [(passage.start, passage.end) for passage in find_unasserted(text)], "\n")
    return mask(asserted).replace("’", "'")


def _is_asserted(
    text: str, index: int, last: int, sentences: Sequence[tuple[int, int]], books: Sequence[Rulebook]
) -> bool:
    """Tell whether nothing takes back what begins at ``index`` and ends at ``last``, and it is not asked."""
    foreign_to = -1
    for start, end in sentences:
        if start >= foreign_to:
            own, foreign_to = _own_part(text, start, end)
            if start <= index < end:
                before, behind = text[start:index], text[last:own]
                asks = QUESTION_MARK.search(behind) is not None and BREAK.search(behind) is None  # "Do I like tea?"
                return index < own and not asks and not any(book.takes_back(before) for book in books)
        elif index < end:
            return False
    return True


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits of ``text``, and the place of each."""
    pairs = [(letter, index) for index, char in enumerate(text) for letter in char.casefold() if letter.isalnum()]
    return "".join(letter for letter, _ in pairs), [index for _, index in pairs]


def _in_sentence(sentence: str, original: str) -> list[Statement]:
    if QUESTION_MARK.search(sentence) is None:
        return _by_rules(sentence, original, RULES)
    beginning = sentence[: _question_start(sentence)]
    # What is told stands first: "Do you think I'm vegan, ...?" tells nothing.
    return _by_rules(sentence, original, (REQUEST,)) or _by_rules(beginning, original, FACTS, opens=True)


def _by_rules(sentence: str, original: str, rules: Sequence[Rule], *, opens: bool = False) -> list[Statement]:
    """The statements that the first language with any has; with ``opens`` the first of them has to begin the sentence."""
    for book in rulebooks_for(sentence):
        likely_rules = book.choose(sentence, rules)
        matches = _matches(book, sentence, likely_rules) if likely_rules else []
        if matches and not (opens and book.opening.fullmatch(sentence[: matches[0].start].lstrip()) is None):
            ends = [match.start for match in matches[1:]] + [len(sentence)]
            own = original[: len(sentence)]
            return [_statement(book, match, own, end) for match, end in zip(matches, ends, strict=True)]
    return []


def _question_start(sentence: str) -> int:
    """The end of what is told before a question: "I'm vegan, what can I cook?"; 0 if nothing is.

    A question of fewer words asks whether that is so: "I'm vegan, right?"
    """
    for comma in BREAK.finditer(sentence):
        question = sentence[comma.end() :].lstrip()
        count = len(_SPOKEN_WORD.findall(question))
        if question.startswith("¿") and count >= _FEWEST_BEHIND_MARK:
            return comma.start()
        if count >= _FEWEST_OF_QUESTION and is_request(question):
            return comma.start()
    return 0


def _matches(book: Rulebook, sentence: str, rules: Sequence[Rule]) -> list[Match]:
    """Find the phrases in one sentence that nothing before or behind them takes back."""
    matches: list[Match] = []
    for start in book.starts(sentence):
        end = matches[-1].end if matches else 0
        if matches and start < end:
            continue
        # What was found before is the user's own; in what stands between, "if" or "she says" takes back all that follows.
        before = sentence[end:start]
        if book.doubt.search(before) or book.report.search(before):
            break
        match = book.find(sentence, start, rules)
        if match is None or (match.rule.kind == "procedural" and not _is_own_request(book, sentence, match, matches)):
            continue
        matches.append(match)
    report = book.trailing_report.search(sentence)  # "..., she said"
    if report is not None and all(match.end <= report.start() for match in matches):
        return []
    return matches


def _is_own_request(book: Rulebook, sentence: str, match: Match, earlier: Sequence[Match]) -> bool:
    """Tell whether a request is the user's and holds for longer.

    In the middle of a sentence it may be somebody else's: "he wants us to be on time and always answer in German".
    So the user has to say please there, or has said something by oneself before.
    """
    before = sentence[: match.start]
    is_first = len(_WORD.findall(before)) <= 1 or book.opening.fullmatch(before.lstrip()) is not None
    if not (is_first or earlier or book.please.search(before[-24:])):
        return False
    return book.momentary.search(sentence, match.start) is None


def _statement(book: Rulebook, match: Match, original: str, end: int) -> Statement:
    quote = original[match.start : end]
    marks = (
        _MARKS if "(" in quote or "（" in quote else f"{_MARKS})）"
    )  # a bracket that was opened before it, or a smile
    quote = quote.rstrip(marks)
    if end < len(original):  # what joins it to the next one is no part of it
        for _ in range(2):
            joint = book.joint.search(quote, match.end - match.start)
            quote = quote[: joint.start()].rstrip(marks) if joint is not None else quote
    elif full_stop := _FULL_STOP.match(original, match.start + len(quote)):
        quote += full_stop[0]
    text = " ".join(quote.split())
    rule, key = match.rule, match.rule.key
    if rule is REQUEST:
        key = _request_key(book, original[match.start : end])
    if rule.phrases == "diet" and book.independent_diet.fullmatch(match.what):
        key = f"{key}_*"  # a vegetarian who keeps kosher is both
    if key is not None and key.endswith("*"):
        key = _key(key[:-1], match.thing or match.what)
    value = match.what if rule.phrases in ("name", "preferred_name", "favorite") else None
    return Statement(
        kind=rule.kind,
        category=rule.category,
        key=key,
        value=value or None,
        text=text[:1].upper() + text[1:],
        quote=quote,
        importance=rule.importance,
        language=book.language,
    )


def _request_key(book: Rulebook, request: str) -> str | None:
    """The key of a request that is put as a question: that of the same request without "can you please"."""
    request = request.replace("’", "'")
    starts = [word.start() for word in _WORD.finditer(request)] if book.spaced else range(len(request))
    statements = (book.find(request, start, KEYED_REQUESTS) for start in starts)
    return next((match.rule.key for match in statements if match is not None), None)


def _key(prefix: str, what: str) -> str | None:
    name = "_".join(_WORD.findall(what.casefold()))[:_LONGEST_KEY].strip("_")
    return f"{prefix}{name}" if name else None


def _own_part(text: str, start: int, end: int) -> tuple[int, int]:
    """The end of what the sentence says by itself, and up to where somebody else's text reaches; -1 if there is none."""
    for colon in _COLON.finditer(text, start, end):
        head = text[start : colon.end()].lstrip()
        bullet = BULLET.match(head)
        head = head[bullet.end() if bullet else 0 :]
        if any(book.opening.fullmatch(f"{head} ") for book in rulebooks_for(head)):
            continue
        line = text.find("\n", colon.end())
        # A line that ends with a colon announces all that follows.
        reaches = len(text) if not text[colon.end() : line if line >= 0 else len(text)].strip() else line
        return colon.start(), reaches if reaches >= 0 else len(text)
    return end, -1


def _is_material(sentence: str) -> bool:
    bullet = BULLET.match(sentence)
    index = bullet.end() if bullet else 0
    for book in rulebooks_for(sentence):
        opened = book.opening.match(sentence, index)
        if any(book.material.match(sentence, at) for at in {index, opened.end() if opened else index}):
            return True
    return False
