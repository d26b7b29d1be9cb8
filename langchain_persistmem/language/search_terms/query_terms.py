"""Terms that a query is looked up by; pure."""

import re
from collections.abc import Container, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from langchain_persistmem.language.language_files import languages, stop_words
from langchain_persistmem.language.phrases.search_words import IrregularForms
from langchain_persistmem.language.search_terms.accents_and_case import fold
from langchain_persistmem.language.search_terms.tokenization import cut_characters, cut_tokens, is_word
from langchain_persistmem.language.text_search_configuration import choose_configuration

_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"""["“][^"”]*["”]|(?<!\w)['‘].*?['’](?!\w)""")
_APOSTROPHES = frozenset("'’")
_AS_IT_STANDS = "="
"""A form that begins with it is a term; all others are words, which PostgreSQL brings to their stems."""
_FIRST_SYLLABLE = "\u3005"
"""From here on all characters are ideographs and syllables: of Chinese, Japanese, Korean and Yi."""
_OF_A_PAIR, _OF_A_CHARACTER, _OF_A_LETTER = 0.5, 0.75, 0.1
"""What two neighbouring characters count where no spaces tell words apart, and what one does: a syllable or an ideograph is often
a word, a letter of Thai or Lao without a sign never is."""


class QueryTerms(NamedTuple):
    """The terms of a query, as the statements take them."""

    words: str
    """Plain words. PostgreSQL brings them to their stems and drops the smallest."""
    groups: tuple[str, ...] = ()
    """Further terms. The forms in one group, with spaces between them, count as one word."""
    weights: tuple[float, ...] = ()
    """What each group counts, as a share of a word."""

    def parameters(self) -> dict[str, object]:
        """The parameters of the part ``asked_words``."""
        return {"query": self.words, "terms": list(self.groups), "weights": list(self.weights)}


LONGEST_QUESTION = 10_000
"""Characters of a question that words are read from; what is longer was pasted, and a model embeds its beginning too."""


def find_terms(query: str, language: str, *, both_forms: bool = False) -> QueryTerms:
    """Find what a query is looked up by: its words, their irregular forms, tokens with their parts, and characters.

    The parts of a token count together as much as the whole. The persons that it asks about are groups of their own, so that
    the answer tells which of them this memory knows.

    Args:
        query: the query as it was put.
        language: that of the settings.
        both_forms: some namespaces have the terms of before still, which are looked up beside these.

    >>> find_terms("What did Ada buy?", "english")
    QueryTerms(words='what did ada buy', groups=('ada', 'buy bought'), weights=(1.0, 1.0))
    """
    query = query[:LONGEST_QUESTION]
    words: list[str] = []
    weighed: dict[str, float] = {}
    for token in cut_tokens(query):
        whole = _term(token.whole)
        if not token.parts and whole == token.whole:
            words.append(whole)
        elif not token.is_run:
            weighed[whole] = 1.0
        for part in token.parts:
            term = _AS_IT_STANDS + part if token.is_run else _term(part)
            share = _weigh_characters(part) if token.is_run else 1 / len(token.parts)
            weighed[term] = max(share, weighed.get(term, 0.0))
    # A word of the query that is in a group as well counts once: it is the group that says how it is asked for.
    groups = [fold(name) for name in find_names(query)] + list(find_irregular_forms(query, language))
    weighed |= dict.fromkeys([*groups, *(_forms_of_before(query) if both_forms else ())], 1.0)
    return QueryTerms(" ".join(words), tuple(weighed), tuple(weighed.values()))


def _weigh_characters(part: str) -> float:
    if len(cut_characters(part)) > 1:
        return _OF_A_PAIR
    return _OF_A_CHARACTER if len(part) > 1 or part >= _FIRST_SYLLABLE else _OF_A_LETTER


def _term(form: str) -> str:
    return form if is_word(form) else _AS_IT_STANDS + form


def _forms_of_before(query: str) -> Iterator[str]:
    """The former terms of the parts of a query that are folded or cut now, each with the present form of it."""
    for chunk in query.split():
        wholes = [token.whole for token in cut_tokens(chunk)]
        if wholes and not (chunk.isascii() and all(map(is_word, wholes))):
            yield f"{_term(max(wholes, key=len))} {chunk}"


def find_irregular_forms(query: str, language: str) -> tuple[str, ...]:
    """Find for each word of a query that has irregular forms all of them, in one term.

    >>> find_irregular_forms("Which books did the child buy?", "auto")
    ('child children', 'buy bought')
    """
    groups = irregular_groups().get(choose_configuration(language, query))
    if groups is None:
        return ()
    matches = (groups.get(word) for word in _WORD.findall(fold(query)))
    return tuple(dict.fromkeys(group for group in matches if group is not None))


@cache
def irregular_groups() -> Mapping[str, Mapping[str, str]]:
    """The forms of each irregular word by each of them, by text search configuration."""
    return {
        language.text_search.configuration: dict(_forms(language.irregular_forms))
        for language in languages()
        if language.text_search is not None and language.irregular_forms is not None
    }


def _forms(irregular: IrregularForms) -> Iterator[tuple[str, str]]:
    for group in irregular.groups:
        first, *forms = group.split()
        for pattern, replacement in irregular.regular:
            regular, count = re.subn(pattern, replacement, first, count=1)
            if count:
                yield regular, group
        yield from ((form, group) for form in (first, *forms))


def strip_light_words(query: str) -> str:
    """Strip the words that nearly every memory has: pronouns, articles and the like; a query of nothing else stays.

    >>> strip_light_words("my trip to Rome"), strip_light_words("我的工作"), strip_light_words("me")
    ('trip to Rome', '工作', 'me')
    """
    query = _joined_possessive().sub("", query, count=1) or query
    words = [word for word in query.split() if word.casefold().strip(".,;:!?¿¡\"'") not in _light_words()]
    return " ".join(words) or query


def strip_names(query: str, *, existing: Container[str] | None = None, speakers: Container[str] | None = ()) -> str:
    """``query`` as it is embedded: without the persons that it asks about, who stand in every turn of theirs.

    Small embedding models drown in names; the search by words still sees them. Who speaks is asked about in the words that
    they speak in, "I" and "my". Quoted spans stay. Queries in languages whose file does not tell what stands around a name pass
    unchanged.

    Args:
        query: the query as it was put.
        existing: folded, the names that this memory has. Only these are taken out, since the search by words sees no others;
            None stands for all.
        speakers: folded, the names of who speaks in this memory; None stands for all.

    >>> strip_names("When did Caroline paint the sunrise?"), strip_names("When did Jürgen paint?", existing={"caroline"})
    ('When did paint the sunrise?', 'When did Jürgen paint?')
    >>> strip_names("What did Tom say of Ada's boat?", speakers={"tom"}), strip_names("Did Tom and Ada meet?", speakers=None)
    ('What did I say of boat?', 'Did we meet?')
    """
    subject, possessive, word = _names()

    def replace(match: re.Match[str]) -> str:
        before, name = match.groups()
        names = [fold(part) for part in word.findall(name)]
        if existing is not None and not all(part in existing for part in names):
            return match[0]
        if not names or not (speakers is None or all(part in speakers for part in names)):
            return before or " "
        own = _own_word(is_pair=" and " in name, is_possessive=not before or not _APOSTROPHES.isdisjoint(name))
        return f"{before} {own}".strip() or " "

    # A title may hold a name that is nobody's.
    quoted = _QUOTED.findall(query)
    bare = possessive.sub(replace, subject.sub(replace, _QUOTED.sub("\x00", query)))
    for span in quoted:
        bare = bare.replace("\x00", span, 1)
    return " ".join(bare.split()) or query


@cache
def _own_word(*, is_pair: bool, is_possessive: bool) -> str:
    """Choose what a speaker says for their own name: "I" or "we", "my" or "our"; nothing where no language's file has it."""
    parts = (language.person_names for language in languages() if language.person_names is not None)
    words = next((part.own_words for part in parts if part.own_words), ("",) * 4)
    return words[2 * is_possessive + is_pair]


def find_names(query: str) -> tuple[str, ...]:
    """Find the words of the names that :func:`strip_names` takes out.

    >>> find_names("When did Caroline and Jürgen meet?")
    ('Caroline', 'Jürgen')
    """
    subject, possessive, word = _names()
    unquoted = _QUOTED.sub("\x00", query)
    matches = [match[2] for pattern in (subject, possessive) for match in pattern.finditer(unquoted)]
    return tuple(dict.fromkeys(part for name in matches for part in word.findall(name)))


@cache
def _light_words() -> frozenset[str]:
    first_person = (language.questions.first_person for language in languages() if language.questions is not None)
    whole = {word.strip("*") for words in first_person for word in words}
    return stop_words("pronouns") | stop_words("statements") | whole


@cache
def _joined_possessive() -> re.Pattern[str]:
    """Match "my" at the beginning, in languages where words do not stand apart; a single character behind it needs it."""
    parts = (language.questions for language in languages() if language.questions is not None and not language.spaced)
    words = "|".join(re.escape(word.strip("*")) for part in parts for word in part.first_person)
    return re.compile(rf"^(?:{words or r'(?!)'})(?:的|の)(?=..)")


@cache
def _names() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Expressions for a name behind an auxiliary, for a name in the possessive, and for each word of a name."""
    parts = [language.person_names for language in languages() if language.person_names is not None]
    no_names = "|".join(word for part in parts for word in part.no_names)
    letters = [chr(code) for code in (*range(0x41, 0x530), *range(0x1E00, 0x1F00))]
    capital, small = (re.escape("".join(filter(case, letters))) for case in (str.isupper, str.islower))
    word = rf"(?!(?:{no_names})\b)[{capital}][{small}\u0300-\u036f]+"
    name = rf"{word}(?: {word})?"
    auxiliaries = "|".join(f"[{verb[0].upper()}{verb[0]}]{verb[1:]}" for part in parts for verb in part.auxiliaries)
    no_possessors = "|".join(word for part in parts for word in part.no_possessors)
    return (
        re.compile(rf"\b({auxiliaries or r'(?!)'}) ({name}(?: and {name})?(?:['’]s?)?)(?=[ ?,.]|$)"),
        re.compile(rf"()(?<=[{small},] )(?!{no_possessors or r'(?!)'})([{capital}][{small}\u0300-\u036f]+)['’]s?(?= )"),
        re.compile(word),
    )
