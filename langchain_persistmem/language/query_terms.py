"""Terms that a query is looked up by, beside the words that PostgreSQL's parser finds in it; pure."""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from langchain_persistmem.language.data import IrregularForms, languages, stop_words
from langchain_persistmem.language.text_search import choose_configuration

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0002ebef]+")
_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"""["“][^"”]*["”]|(?<!\w)['‘].*?['’](?!\w)""")


def find_terms(query: str, language: str) -> tuple[str, ...]:
    """Find neighbouring characters where there are no spaces to cut at, and the irregular forms of words.

    The words of one term count as one word. ``language`` is that of the settings.

    >>> find_terms("What did Ada buy?", "english"), find_terms("我喜欢茶", "auto"), find_terms("What did Ada buy?", "german")
    (('buy bought',), ('我喜', '喜欢', '欢茶'), ())
    """
    return (*cut_pairs(query), *find_irregular_forms(query, language))


def cut_pairs(text: str) -> tuple[str, ...]:
    """Cut Chinese, Japanese and Korean text, which has no spaces, into neighbouring characters.

    >>> cut_pairs("我喜欢茶 and tea")
    ('我喜', '喜欢', '欢茶')
    """
    found: list[str] = []
    for run in _CJK.findall(text):
        found += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
    return tuple(found)


def find_irregular_forms(query: str, language: str) -> tuple[str, ...]:
    """Find for each word of a query that has irregular forms all of them, in one term.

    >>> find_irregular_forms("Which books did the child buy?", "auto")
    ('child children', 'buy bought')
    """
    groups = irregular_groups().get(choose_configuration(language, query))
    if groups is None:
        return ()
    found = (groups.get(word) for word in _WORD.findall(query.casefold()))
    return tuple(dict.fromkeys(group for group in found if group is not None))


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
        first, *others = group.split()
        for pattern, replacement in irregular.regular:
            regular, count = re.subn(pattern, replacement, first, count=1)
            if count:
                yield regular, group
        yield from ((form, group) for form in (first, *others))


def strip_light_words(query: str) -> str:
    """Strip the words that nearly every memory has: pronouns, articles and the like; a query of nothing else stays.

    >>> strip_light_words("my trip to Rome"), strip_light_words("我的工作"), strip_light_words("me")
    ('trip Rome', '工作', 'me')
    """
    query = _joined_possessive().sub("", query, count=1) or query
    words = [word for word in query.split() if word.casefold().strip(".,;:!?¿¡\"'") not in _light_words()]
    return " ".join(words) or query


def strip_names(query: str) -> str:
    """``query`` as it is embedded: without the persons that it asks about, who stand in every turn of theirs.

    Small embedding models drown in names; the search by words still sees them. Quoted spans stay. Queries in
    languages whose file does not tell what stands around a name pass unchanged.

    >>> strip_names("When did Caroline paint the sunrise?")
    'When did paint the sunrise?'
    """
    subject, possessive = _names()
    quoted = _QUOTED.findall(query)
    bare = possessive.sub(" ", subject.sub(r"\1", _QUOTED.sub("\x00", query)))
    for span in quoted:
        bare = bare.replace("\x00", span, 1)
    return " ".join(bare.split()) or query


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
def _names() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Expressions for a name behind an auxiliary, and for a name in the possessive."""
    parts = [language.person_names for language in languages() if language.person_names is not None]
    no_names = "|".join(word for part in parts for word in part.no_names)
    name = rf"(?!(?:{no_names})\b)[A-Z][a-z]+(?: (?!(?:{no_names})\b)[A-Z][a-z]+)?"
    auxiliaries = "|".join(f"[{verb[0].upper()}{verb[0]}]{verb[1:]}" for part in parts for verb in part.auxiliaries)
    no_possessors = "|".join(word for part in parts for word in part.no_possessors)
    return (
        re.compile(rf"\b({auxiliaries or r'(?!)'}) {name}(?: and {name})?(?:['’]s?)?(?=[ ?,.]|$)"),
        re.compile(rf"(?<=[a-z,] )(?!{no_possessors or r'(?!)'})[A-Z][a-z]+['’]s?(?= )"),
    )
