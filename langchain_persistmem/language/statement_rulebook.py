"""The rules of one language by which statements are found, compiled from its phrases; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from langchain_persistmem.language.command_detection import translate
from langchain_persistmem.language.language_files import Language, any_of, languages, match_words
from langchain_persistmem.language.phrases.statement_words import Statements
from langchain_persistmem.language.text_search_configuration import AUTO, choose_configuration
from langchain_persistmem.types.records import Kind

Category = Literal["preference", "goal", "fact", "decision"]

Phrases = Literal[
    "name", "preferred_name", "diet", "allergy", "food", "preference", "favorite", "goal", "decision", "answer_language",
    "answer_length", "form_of_address", "instruction", "instruction_question",
]  # fmt: skip

BREAK = re.compile(r"[,;:，、；：()（）–—]|\s-\s")
"""Where a clause ends within a sentence."""
BULLET = re.compile(r"[\s\-*•–+>\"'“„«(¡¿]*(?:\d{1,2}[.)]\s+)?")
"""What may stand before a sentence: the mark of an entry in a list, quotation marks."""
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(
    r"(?:my|me and|myself|our|mein\w*|unser\w*|mon|ma|mes|notre|nos|mis?|nuestr\w|(?:(?:il|la|i|le|o|a) )?(?:mi[oae]|miei|nostr\w|meus?|minhas?|noss\w)"
    r"|mijn|m'n|onze|ons|мо[йяёи]|наша?|\w+の|나의|저의|내|제)\*?"
)
_NEAR = 16
"""Characters before a statement among which a negation means it."""
_WHAT = r"(?P<what>[^,;:!?，、；：。！？\n]{1,120}?)"
_THING = r"(?P<thing>[^,;:!?，、；：。！？\n]{1,40}?)"


@dataclass(frozen=True, slots=True)
class Rule:
    """The meaning of a list of phrases."""

    phrases: Phrases
    kind: Kind
    category: Category | None
    importance: float
    key: str | None = None
    """``*`` in it stands for the object."""
    longest: int | None = None
    """Words of an object; with more of them a sentence tells a story."""

    @property
    def has_object(self) -> bool:
        """True if it speaks of a thing or a person, not of doing something."""
        return self.kind == "semantic" and self.phrases != "goal"


RULES: Sequence[Rule] = (
    Rule("answer_language", "procedural", None, 0.8, "instruction:language"),
    Rule("answer_length", "procedural", None, 0.8, "instruction:length"),
    Rule("form_of_address", "procedural", None, 0.8, "instruction:form_of_address"),
    Rule("instruction", "procedural", None, 0.8),
    Rule("name", "semantic", "fact", 0.9, "fact:name"),
    Rule("preferred_name", "semantic", "preference", 0.9, "fact:preferred_name"),
    Rule("diet", "semantic", "fact", 0.9, "fact:diet"),
    Rule("allergy", "semantic", "fact", 0.9, "fact:allergy_*", 6),
    Rule("food", "semantic", "preference", 0.8, "fact:food_*", 5),
    Rule("favorite", "semantic", "preference", 0.6, "fact:favorite_*", 4),
    Rule("preference", "semantic", "preference", 0.6, "fact:preference_*", 8),
    Rule("goal", "semantic", "goal", 0.7),
    Rule("decision", "semantic", "decision", 0.6),
)  # the first that fits counts
REQUEST = Rule("instruction_question", "procedural", None, 0.8)


FACTS = tuple(rule for rule in RULES if rule.kind == "semantic")
KEYED_REQUESTS = tuple(rule for rule in RULES if rule.kind == "procedural" and rule.key is not None)
_NAMES = ("name", "preferred_name")


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase that was found in a sentence."""

    rule: Rule
    start: int
    end: int
    """Where the phrase ends, its object included."""
    what: str
    thing: str


class Rulebook:
    """The phrases of one language, compiled."""

    def __init__(self, language: Language, words: Statements) -> None:
        self.language, self.spaced, self.words = language.code, language.spaced, words
        self.configuration = language.text_search.configuration if language.text_search is not None else None
        # Where words stand apart a space parts them, and a word ends where no letter follows; elsewhere nothing does.
        self._gap, self._edge, space = (
            (r"(?:[\s,–—]+|(?<='))", r"\b", r"\s+") if language.spaced else (r"[\s,，、]*", "", "")
        )
        openings, tails, joints = map(alternatives, (words.openings, words.tails, words.conjunctions))
        self.opening = _compile(
            rf"(?:(?:{openings}){self._edge}(?:\s*[,，、:：!！–—]+\s*|{space or '[ ]*'})|(?:{alternatives(words.labels)})\s*[:：]\s*)*"
        )
        self.joint = _compile(rf"(?:^|{space})(?:{joints}|{openings})$")
        self.conjunction = _compile(rf"{space}(?:{joints}){self._edge}\s*")
        self.trailing_report = _compile(
            rf"[,;:，、–—]\s*(?:[^\W\d_]+{space}){{0,2}}(?:{alternatives(words.reports)}){self._edge}[^,;:，、]{{0,20}}$"
        )
        self.please = self._any(words.please)
        self.doubt, self.report = self._any(words.doubts), self._any(words.reports)
        self.negation = self._any(words.negations)
        self.affirmation, self.denial = self._any(words.affirmations), self._any(words.denials)
        small_words = language.text_search.small_words if language.text_search is not None else ()
        self._small_words = self._any(tuple(map(re.escape, small_words)))
        self.clause_end = _compile(rf"{BREAK.pattern}|{space}(?:{joints}|{tails}){self._edge}")
        self.third_person = [(_compile(pattern), replacement) for pattern, replacement in words.third_person]
        self.texts, self.fictions = self._any(words.texts, begins=""), self._any(words.fictions, begins="")
        self.material = self._any((*words.material, *words.texts, *words.fictions), begins="")
        self.jokes = self._any(words.jokes, begins=r"(?<!\w)" if self.spaced else "")
        own_words = language.requests.statements if language.requests is not None else ()
        self.own = match_words(own_words)
        """The user as whom a clause is about: "I", "my"."""
        self.own_subject = match_words(word for word in own_words if not _POSSESSIVE.fullmatch(word))
        """The same where the clause is about the user, and not about what is the user's."""
        courtesies = any_of(
            language.requests.courtesies if language.requests is not None else (), begin="", end=self._edge
        )
        self.courtesies = _compile(rf"[\s¿¡]*(?:(?:{courtesies})[\s,:、，]*)*")
        self.momentary = self._any(words.momentary)
        self.independent_diet = _compile(alternatives(words.independent_diets))
        self.no_object = self._any(words.no_objects, begins="")
        # An object ends where its clause does; "nuts and shellfish" is one. A phrase without one may go on with "and" too.
        filler = rf"(?:[\s,]*(?:{alternatives(words.fillers)}){self._edge})*" if words.fillers else ""
        stop = r"\s*(?:\.*\s*$|[,;:!?…()，、；：。！？（）–—]|\s-\s)"
        self._object_end = rf"(?={filler}(?:{stop}|{space}(?:{tails}){self._edge}))"
        self._phrase_end = rf"(?={filler}(?:{stop}|{space}(?:{tails}|{joints}){self._edge}))"
        self._lists = {
            "{languages}": f"(?P<what>{alternatives(words.languages)})",
            "{diets}": f"(?P<what>{alternatives(words.diets)})",
            "{verbs}": f"(?:{alternatives(words.verbs)})",
            "{thing}": _THING,
        }
        self._patterns: dict[Phrases, Sequence[re.Pattern[str]]] = {}
        self._vocabularies: dict[Phrases, frozenset[str]] = {}

    def choose(self, sentence: str, rules: Sequence[Rule]) -> list[Rule]:
        """Choose the rules of which a phrase may stand in ``sentence``: most sentences have no word of most of them."""
        words = set(_WORD.findall(sentence.casefold()))
        return [rule for rule in rules if not self.spaced or not words.isdisjoint(self._vocabulary(rule))]

    def find(self, sentence: str, start: int, rules: Sequence[Rule]) -> Match | None:
        """Find the rule of which a phrase begins at ``start``."""
        for rule in rules:
            for pattern in self._compiled(rule):
                match = pattern.match(sentence, start)
                if match is None:
                    continue
                groups = match.groupdict()
                what, thing = ((groups.get(name) or "").strip() for name in ("what", "thing"))
                if rule.has_object and any(self.no_object.match(part) for part in (what, thing) if part):
                    continue
                # The key is made of the thing, if there is one: "my favorite halal cart guy is ..." names what it speaks of.
                if rule.longest is not None and len((thing or what).split()) > rule.longest:
                    continue
                return Match(rule, start, match.end(), what, thing)
        return None

    def takes_back(self, before: str) -> bool:
        """Tell whether ``before`` makes what follows in its sentence a doubt, a denial, or somebody else's words."""
        near = BREAK.split(before)[-1][-_NEAR:]  # "No, I like tea" denies nothing
        return any(pattern.search(before) for pattern in (self.doubt, self.report)) or (
            self.spaced and self.negation.search(near) is not None
        )

    def cut_denied(self, sentence: str) -> tuple[str, str]:
        """What ``sentence`` states, and what a negation in the same clause denies; together its words."""
        stated: list[str] = []
        denied: list[str] = []
        for clause in filter(None, self.clause_end.split(sentence)):
            negation = None if self.affirmation.search(clause) else self.negation.search(clause)
            index = len(clause) if negation is None else 0 if self.words.negations_follow else negation.end()
            stated.append(clause[:index])
            denied.append(clause[index:])
        return " ".join(stated), " ".join(denied)

    def has_words_of(self, text: str) -> bool:
        """True if a text has small words of this language, or needs none to be known by its letters."""
        return not self.spaced or self._small_words.search(text) is not None

    def starts(self, sentence: str) -> Iterator[int]:
        """The places where a clause may begin, behind what may open it."""
        indexes = {0} | {match.end() for pattern in (BREAK, self.conjunction) for match in pattern.finditer(sentence)}
        for index in sorted(indexes):
            bullet = BULLET.match(sentence, index)
            opened = self.opening.match(sentence, bullet.end() if bullet else index)
            if opened and opened.end() > index:
                yield opened.end()
            yield bullet.end() if bullet else index

    def _vocabulary(self, rule: Rule) -> frozenset[str]:
        """The words of all phrases of a rule; each phrase has some."""
        result = self._vocabularies.get(rule.phrases)
        if result is None:
            phrases = " ".join(getattr(self.words, rule.phrases))
            for name in ("languages", "diets", "verbs"):
                phrases = phrases.replace(f"{{{name}}}", " ".join(getattr(self.words, name)))
            result = self._vocabularies[rule.phrases] = frozenset(_WORD.findall(phrases.casefold()))
        return result

    def _compiled(self, rule: Rule) -> Sequence[re.Pattern[str]]:
        result = self._patterns.get(rule.phrases)
        if result is None:
            result = self._patterns[rule.phrases] = self._compile(rule)
        return result

    def _compile(self, rule: Rule) -> Sequence[re.Pattern[str]]:
        """Compile the phrases of a rule: what an instruction speaks of is the rest of the sentence."""
        is_request = rule.kind == "procedural"
        result: list[re.Pattern[str]] = []
        for phrase in getattr(self.words, rule.phrases):
            body = translate(phrase, gap=self._gap, end=self._edge, what="(?P<what>.+?)" if is_request else _WHAT)
            for name, pattern in self._lists.items():
                body = body.replace(name, pattern)
            if not phrase.endswith("...") or rule.phrases in _NAMES:
                body += self._phrase_end
            elif not is_request:
                body += self._object_end
            first, *further = body.split("(?P<what>")  # one object counts: the first
            result.append(_compile("(?P<what>".join([first, "(?:".join(further)]) if further else first))
        return tuple(result)

    def _any(self, words: Sequence[str], *, begins: str | None = None) -> re.Pattern[str]:
        """Any of the words; one that ends with a space goes on with another word."""
        before = self._edge if begins is None else begins
        after = r"(?!\w)" if self.spaced else ""
        open_, closed = (tuple(word for word in words if word.endswith(" ") is ends) for ends in (True, False))
        return _compile(rf"{before}(?:{alternatives(open_)}|(?:{alternatives(closed)}){after})")


def rulebooks_for(text: str) -> list[Rulebook]:
    """The rules of each language that is written in letters which ``text`` has."""
    blocks = set(map(_block, text))
    return [_rulebook(language) for language in _languages() if not blocks.isdisjoint(_blocks(language))]


def rulebooks_of_language(text: str) -> list[Rulebook]:
    """The rules of the language that ``text`` is in, and of those that nothing tells of by their words.

    Only words of its own language take anything back: "of" is no doubt in English, and one in Dutch. Where a text is too
    short to tell, all of its letters have a say.
    """
    books = rulebooks_for(text)
    configuration = choose_configuration(AUTO, text)
    likely_books = [book for book in books if book.configuration in (None, configuration)]
    return books if not any(book.has_words_of(text) for book in likely_books) else likely_books


@cache
def _languages() -> Sequence[Language]:
    return tuple(language for language in languages() if language.statements is not None)


@cache
def _rulebook(language: Language) -> Rulebook:
    assert language.statements is not None  # noqa: S101 - only those are listed
    return Rulebook(language, language.statements)


@cache
def _blocks(language: Language) -> frozenset[int]:
    """The blocks of Unicode that the words of a language's statements are written in."""
    assert language.statements is not None  # noqa: S101 - only those are listed
    words = (*language.statements.openings, *language.statements.verbs, *language.statements.name)
    return frozenset(_block(char) for word in words for char in word if char.isalpha())


def _block(char: str) -> int:
    code = ord(char)
    return code >> 8 if code < 0x1000 else 0x100 + (code >> 12)  # noqa: PLR2004 - thousands of signs are in few blocks


@cache
def alternatives(words: Sequence[str]) -> str:
    """Any of the words, which are regular expressions, the longest first."""
    return "|".join(re.sub(r"\s+", r"\\s+", word) for word in sorted(words, key=len, reverse=True)) or r"(?!)"


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
