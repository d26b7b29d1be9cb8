"""Statements in a message that hold for longer, found by rules: how to answer, who the user is, what to care for; pure.

Rather a statement too few than one too many. What is quoted, pasted, asked, supposed, played, or told of somebody
else says nothing. A statement stays in the user's own words: a rule that turned them into the third person would get
the grammar of eleven languages wrong now and then, and in a prompt they stand under a title that says whose they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from langchain_persistmem.language.command_detection import translate
from langchain_persistmem.language.data import Language, Statements, languages
from langchain_persistmem.language.hidden_characters import strip_hidden
from langchain_persistmem.language.own_words import mask
from langchain_persistmem.language.requests import is_request
from langchain_persistmem.language.small_talk import is_small_talk
from langchain_persistmem.language.text_search import AUTO, choose_configuration
from langchain_persistmem.types.records import Kind

Category = Literal["preference", "goal", "fact", "decision"]

_LONGEST = 4_000
"""Characters; what is longer was pasted, not said."""
_LONGEST_SENTENCE = 600
_LONGEST_KEY = 60
_END = re.compile(r"(?:[.!?…]+(?=[\s\"”»)\]]|$)|[。！？]+|[;；\n])[\"”»)\]]*")
_FULL_STOP = re.compile(r"[ \u00a0]?[.!?。！？]")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[^\W\d_]|Dr|Mr|Mrs|Ms|Prof|St|Sr|Sra|Mme|Mlle|Nr|No|bzw|usw|etc|vs|ca|г-н)\.$"
)
_BREAK = re.compile(r"[,;:，、；：()（）–—]|\s-\s")
_BULLET = re.compile(r"[\s\-*•–+>\"'“„«(¡¿]*(?:\d{1,2}[.)]\s+)?")
_COLON = re.compile(r"[:：](?!\S)|：")
_QUESTION = re.compile(r"[?？؟]")
_NEAR = 16
"""Characters before a statement among which a negation means it."""
_WORD = re.compile(r"[^\W_]+")
_WHAT = r"(?P<what>[^,;:!?，、；：。！？\n]{1,120}?)"
_MARKS = " \t\n,;:.!?…，、；：。！？-–—("
_THING = r"(?P<thing>[^,;:!?，、；：。！？\n]{1,40}?)"

_Name = Literal[
    "name", "preferred_name", "diet", "allergy", "food", "preference", "favorite", "goal", "decision", "answer_language",
    "answer_length", "form_of_address", "instruction", "instruction_question",
]  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class _Rule:
    """The meaning of a list of phrases."""

    phrases: _Name
    kind: Kind
    category: Category | None
    importance: float
    key: str | None = None
    """``*`` in it stands for the object."""

    @property
    def has_object(self) -> bool:
        """True if it speaks of a thing or a person, not of doing something."""
        return self.kind == "semantic" and self.phrases != "goal"


_RULES: Sequence[_Rule] = (
    _Rule("answer_language", "procedural", None, 0.8, "instruction:language"),
    _Rule("answer_length", "procedural", None, 0.8, "instruction:length"),
    _Rule("form_of_address", "procedural", None, 0.8, "instruction:form_of_address"),
    _Rule("instruction", "procedural", None, 0.8),
    _Rule("name", "semantic", "fact", 0.9, "fact:name"),
    _Rule("preferred_name", "semantic", "preference", 0.9, "fact:preferred_name"),
    _Rule("diet", "semantic", "fact", 0.9, "fact:diet"),
    _Rule("allergy", "semantic", "fact", 0.9, "fact:allergy_*"),
    _Rule("food", "semantic", "preference", 0.8, "fact:food_*"),
    _Rule("favorite", "semantic", "preference", 0.6, "fact:favorite_*"),
    _Rule("preference", "semantic", "preference", 0.6, "fact:preference_*"),
    _Rule("goal", "semantic", "goal", 0.7),
    _Rule("decision", "semantic", "decision", 0.6),
)  # the first that fits counts
_REQUEST = _Rule("instruction_question", "procedural", None, 0.8)


_KEYED_REQUESTS = tuple(rule for rule in _RULES if rule.kind == "procedural" and rule.key is not None)
_NAMES = ("name", "preferred_name")


@dataclass(frozen=True, slots=True)
class _Match:
    """A phrase that was found in a sentence."""

    rule: _Rule
    start: int
    end: int
    """Where the phrase ends, its object included."""
    what: str
    thing: str


class _Rulebook:
    """The phrases of one language, compiled."""

    def __init__(self, language: Language, words: Statements) -> None:
        self.language, self.spaced, self.words = language.code, language.spaced, words
        self.configuration = language.text_search.configuration if language.text_search is not None else None
        # Where words stand apart a space parts them, and a word ends where no letter follows; elsewhere nothing does.
        self._gap, self._edge, space = (
            (r"(?:[\s,–—]+|(?<='))", r"\b", r"\s+") if language.spaced else (r"[\s,，、]*", "", "")
        )
        openings, tails, joints = map(_alternatives, (words.openings, words.tails, words.conjunctions))
        self.opening = _compile(rf"(?:(?:{openings}){self._edge}(?:\s*[,，、:：!！–—]+\s*|{space or '[ ]*'}))*")
        self.joint = _compile(rf"(?:^|{space})(?:{joints}|{openings})$")
        self.conjunction = _compile(rf"{space}(?:{joints}){self._edge}\s*")
        self.trailing_report = _compile(
            rf"[,;:，、–—]\s*(?:[^\W\d_]+{space}){{0,2}}(?:{_alternatives(words.reports)}){self._edge}[^,;:，、]{{0,20}}$"
        )
        self.please = self._any(words.please)
        self.doubt, self.report = self._any(words.doubts), self._any(words.reports)
        self.negation = self._any(words.negations)
        self.third_person = [(_compile(pattern), replacement) for pattern, replacement in words.third_person]
        self.material = self._any(words.material, begins="")
        self.momentary = self._any(words.momentary)
        self.no_object = self._any(words.no_objects, begins="")
        # An object ends where its clause does; "nuts and shellfish" is one. A phrase without one may go on with "and" too.
        filler = rf"(?:[\s,]*(?:{_alternatives(words.fillers)}){self._edge})*" if words.fillers else ""
        stop = r"\s*(?:\.*\s*$|[,;:!?…()，、；：。！？（）–—]|\s-\s)"
        self._object_end = rf"(?={filler}(?:{stop}|{space}(?:{tails}){self._edge}))"
        self._phrase_end = rf"(?={filler}(?:{stop}|{space}(?:{tails}|{joints}){self._edge}))"
        self._lists = {
            "{languages}": f"(?P<what>{_alternatives(words.languages)})",
            "{diets}": f"(?P<what>{_alternatives(words.diets)})",
            "{verbs}": f"(?:{_alternatives(words.verbs)})",
            "{thing}": _THING,
        }
        self._patterns = {rule.phrases: self._compile(rule) for rule in (*_RULES, _REQUEST)}

    def find(self, sentence: str, start: int, rules: Sequence[_Rule]) -> _Match | None:
        """Find the rule of which a phrase begins at ``start``."""
        for rule in rules:
            for pattern in self._patterns[rule.phrases]:
                match = pattern.match(sentence, start)
                if match is None:
                    continue
                groups = match.groupdict()
                what, thing = ((groups.get(name) or "").strip() for name in ("what", "thing"))
                if rule.has_object and any(self.no_object.match(part) for part in (what, thing) if part):
                    continue
                return _Match(rule, start, match.end(), what, thing)
        return None

    def takes_back(self, before: str) -> bool:
        """Tell whether ``before`` makes what follows in its sentence a doubt, a denial, or somebody else's words."""
        near = _BREAK.split(before)[-1][-_NEAR:]  # "No, I like tea" denies nothing
        return any(pattern.search(before) for pattern in (self.doubt, self.report)) or (
            self.spaced and self.negation.search(near) is not None
        )

    def starts(self, sentence: str) -> Iterator[int]:
        """The places where a clause may begin, behind what may open it."""
        places = {0} | {match.end() for pattern in (_BREAK, self.conjunction) for match in pattern.finditer(sentence)}
        for place in sorted(places):
            bullet = _BULLET.match(sentence, place)
            opened = self.opening.match(sentence, bullet.end() if bullet else place)
            if opened and opened.end() > place:
                yield opened.end()
            yield bullet.end() if bullet else place

    def _compile(self, rule: _Rule) -> Sequence[re.Pattern[str]]:
        """Compile the phrases of a rule: what an instruction speaks of is the rest of the sentence."""
        is_request = rule.kind == "procedural"
        found: list[re.Pattern[str]] = []
        for phrase in getattr(self.words, rule.phrases):
            body = translate(phrase, gap=self._gap, end=self._edge, what="(?P<what>.+?)" if is_request else _WHAT)
            for name, pattern in self._lists.items():
                body = body.replace(name, pattern)
            if not phrase.endswith("...") or rule.phrases in _NAMES:
                body += self._phrase_end
            elif not is_request:
                body += self._object_end
            first, *further = body.split("(?P<what>")  # one object counts: the first
            found.append(_compile("(?P<what>".join([first, "(?:".join(further)]) if further else first))
        return tuple(found)

    def _any(self, words: Sequence[str], *, begins: str | None = None) -> re.Pattern[str]:
        """Any of the words; one that ends with a space goes on with another word."""
        before = self._edge if begins is None else begins
        after = r"(?!\w)" if self.spaced else ""
        open_, closed = (tuple(word for word in words if word.endswith(" ") is ends) for ends in (True, False))
        return _compile(rf"{before}(?:{_alternatives(open_)}|(?:{_alternatives(closed)}){after})")


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
    masked = mask(clean).replace("’", "'").replace("ʼ", "'")
    sentences = [span for span in _sentences(masked) if span[1] - span[0] <= _LONGEST_SENTENCE]
    if any(_is_material(masked[start:end]) for start, end in sentences):
        return []
    found: dict[tuple[str, str | None], Statement] = {}
    paragraph_ends = -1
    for start, end in sentences:
        if start < paragraph_ends:
            continue
        # What stands behind a colon is shown, not said, unless the colon stands behind an opening of ours.
        own, paragraph_ends = _own_part(masked, start, end)
        for statement in _in_sentence(masked[start:own], clean[start:own]):
            found[statement.text.casefold(), statement.key] = statement
    return list(found.values())


def sort_statement(text: str) -> Statement | None:
    """Find the one statement that ``text``, which was made by itself, is; None if no rule knows it.

    It may be in the third person, as others write of the user.

    >>> sort_statement("The user prefers window seats.").category, sort_statement("The harbour opens at six.")
    ('preference', None)
    """
    for version in (text, *_first_person(text)):
        found = find_statements(version)
        kinds = {(statement.kind, statement.category) for statement in found}
        if len(kinds) == 1:
            # Two statements of one kind have no key in common.
            return found[0] if len(found) == 1 else replace(found[0], key=None, value=None)
    return None


def is_all_said(text: str, statements: Sequence[Statement]) -> bool:
    """Tell whether ``text`` says nothing beside ``statements``: courtesies, small talk and questions say nothing.

    >>> all(is_all_said(text, find_statements(text)) for text in ("Hi! I'm vegan.", "I'm vegan. What can I cook?"))
    True
    >>> text = "I'm vegan. I moved to Oslo last week."
    >>> is_all_said(text, find_statements(text))
    False
    """
    rest = strip_hidden(text)
    for statement in statements:
        rest = rest.replace(statement.quote, "\n", 1)
    pieces = [rest[start:end].strip(_MARKS + "\n\"'") for start, end in _sentences(rest)]
    return all(
        not _WORD.search(piece)
        or is_small_talk(piece)
        or is_request(piece)
        or any(book.opening.fullmatch(f"{piece} ") for book in _rulebooks())
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
    masked = mask(strip_hidden(message)).replace("’", "'")
    letters, places = _letters(masked)
    wanted, _ = _letters(strip_hidden(statement))
    index = letters.find(wanted) if wanted else -1
    if index < 0:
        return False
    sentences = _sentences(masked)
    if any(_is_material(masked[start:end]) for start, end in sentences):
        return False
    configuration = choose_configuration(AUTO, message)
    books = [book for book in _rulebooks() if book.configuration in (None, configuration)]
    while index >= 0:
        if _is_asserted(masked, places[index], sentences, books):
            return True
        index = letters.find(wanted, index + 1)
    return False


def _is_asserted(text: str, place: int, sentences: Sequence[tuple[int, int]], books: Sequence[_Rulebook]) -> bool:
    """Tell whether nothing that stands before ``place`` takes back what begins there."""
    shown_to = -1
    for start, end in sentences:
        if start >= shown_to:
            own, shown_to = _own_part(text, start, end)
            if start <= place < end:
                before = text[start:place]
                return place < own and not any(book.takes_back(before) for book in books)
        elif place < end:
            return False
    return True


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits of ``text``, and the place of each."""
    pairs = [(letter, place) for place, char in enumerate(text) for letter in char.casefold() if letter.isalnum()]
    return "".join(letter for letter, _ in pairs), [place for _, place in pairs]


def _first_person(text: str) -> Iterator[str]:
    """The text as the user would say it, where it begins as others write of the user."""
    for book in _rulebooks():
        for pattern, replacement in book.third_person:
            version, count = pattern.subn(replacement, text.strip(), count=1)
            if count:
                yield version


def _in_sentence(sentence: str, original: str) -> list[Statement]:
    is_question = _QUESTION.search(sentence) is not None
    for book in _rulebooks():
        matches = _matches(book, sentence, (_REQUEST,) if is_question else _RULES)
        if matches:
            ends = [match.start for match in matches[1:]] + [len(sentence)]
            return [_statement(book, match, original, end) for match, end in zip(matches, ends, strict=True)]
    return []


def _matches(book: _Rulebook, sentence: str, rules: Sequence[_Rule]) -> list[_Match]:
    """Find the phrases in one sentence that nothing before or behind them takes back."""
    matches: list[_Match] = []
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


def _is_own_request(book: _Rulebook, sentence: str, match: _Match, earlier: Sequence[_Match]) -> bool:
    """Tell whether a request is the user's and holds for longer.

    In the middle of a sentence it may be somebody else's: "he wants us to be on time and always answer in German".
    So the user has to say please there, or has said something by oneself before.
    """
    before = sentence[: match.start]
    is_first = len(_WORD.findall(before)) <= 1 or book.opening.fullmatch(before.lstrip()) is not None
    if not (is_first or earlier or book.please.search(before[-24:])):
        return False
    return book.momentary.search(sentence, match.start) is None


def _statement(book: _Rulebook, match: _Match, original: str, end: int) -> Statement:
    quote = original[match.start : end].rstrip(_MARKS)
    if end < len(original):  # what joins it to the next one is no part of it
        for _ in range(2):
            joint = book.joint.search(quote, match.end - match.start)
            quote = quote[: joint.start()].rstrip(_MARKS) if joint is not None else quote
    elif full_stop := _FULL_STOP.match(original, match.start + len(quote)):
        quote += full_stop[0]
    text = " ".join(quote.split())
    rule, key = match.rule, match.rule.key
    if rule is _REQUEST:
        key = _request_key(book, original[match.start : end])
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


def _request_key(book: _Rulebook, request: str) -> str | None:
    """The key of a request that is put as a question: that of the same request without "can you please"."""
    request = request.replace("’", "'")
    starts = [word.start() for word in _WORD.finditer(request)] if book.spaced else range(len(request))
    found = (book.find(request, start, _KEYED_REQUESTS) for start in starts)
    return next((match.rule.key for match in found if match is not None), None)


def _key(prefix: str, what: str) -> str | None:
    name = "_".join(_WORD.findall(what.casefold()))[:_LONGEST_KEY].strip("_")
    return f"{prefix}{name}" if name else None


def _sentences(text: str) -> list[tuple[int, int]]:
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


def _own_part(text: str, start: int, end: int) -> tuple[int, int]:
    """The end of what the sentence says by itself, and up to where somebody else's text reaches; -1 if there is none."""
    for colon in _COLON.finditer(text, start, end):
        head = text[start : colon.end()].lstrip()
        bullet = _BULLET.match(head)
        head = head[bullet.end() if bullet else 0 :]
        if any(book.opening.fullmatch(f"{head} ") for book in _rulebooks()):
            continue
        line = text.find("\n", colon.end())
        # A line that ends with a colon announces all that follows.
        reaches = len(text) if not text[colon.end() : line if line >= 0 else len(text)].strip() else line
        return colon.start(), reaches if reaches >= 0 else len(text)
    return end, -1


def _is_material(sentence: str) -> bool:
    bullet = _BULLET.match(sentence)
    place = bullet.end() if bullet else 0
    for book in _rulebooks():
        opened = book.opening.match(sentence, place)
        if any(book.material.match(sentence, at) for at in {place, opened.end() if opened else place}):
            return True
    return False


@cache
def _rulebooks() -> Sequence[_Rulebook]:
    return tuple(
        _Rulebook(language, language.statements) for language in languages() if language.statements is not None
    )


@cache
def _alternatives(words: Sequence[str]) -> str:
    """Any of the words, which are regular expressions, the longest first."""
    return "|".join(re.sub(r"\s+", r"\\s+", word) for word in sorted(words, key=len, reverse=True)) or r"(?!)"


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
