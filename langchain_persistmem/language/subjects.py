"""Subject of a statement, as far as its first words tell: the user's sister's job is not the user's; pure.

Nothing here has to be complete. A statement whose subject is not recognised is taken as one about
the user, which is what most statements are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from langchain_persistmem.language.language_files import languages, match_words
from langchain_persistmem.language.phrases.statement_words import Relation

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_FIRST_WORDS = 3
"""Within these a language that says "the sister of the user" has said "sister"."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, or an animal; the user has neither field."""

    relation: str | None = None
    """In English: ``sister``, ``dog``."""
    name: str | None = None


USER = Subject()


def find_subject(text: str, names: Sequence[str] = ()) -> Subject:
    """Find whom ``text`` is about.

    Args:
        names: people who may be meant: a statement that begins with one of them, and does not
            speak of the user, is about them.

    >>> find_subject("The user's sister Mia works at Bosch.")
    Subject(relation='sister', name='Mia')
    >>> find_subject("The user has a sister.")
    Subject(relation=None, name=None)
    """
    user = _user().search(text)
    possessive = _user_possessive().search(text[:80]) if user is not None else None
    if possessive is not None and _begins(text, possessive.start()):
        return _find_relation(possessive[1].split())
    # A script without spaces: the longest relation at the start counts.
    cjk = _user_possessive_joined().match(text)
    if cjk is not None:
        relation = next((cjk[1][:length] for length in (4, 3, 2, 1) if cjk[1][:length] in relations()), None)
        return Subject(relations()[relation]) if relation is not None else USER
    if user is None:
        for name in names:
            if name.strip() and text.casefold().startswith(name.casefold()):
                return Subject(name=name)
    before = text[: user.start()] if user is not None else text
    for word in _WORD.findall(before)[:_FIRST_WORDS]:
        if word.casefold() in relations():
            return Subject(relations()[word.casefold()])
    return USER


def _find_relation(words: Sequence[str]) -> Subject:
    """Find who is meant by the words after "the user's": the relation is the first or, after an adjective, the second."""
    for index, word in enumerate(words[:2]):
        relation = relations().get(word.casefold())
        if relation is not None:
            name = words[index + 1] if index + 1 < len(words) else ""
            return Subject(relation, name if name[:1].isupper() else None)
    return USER


def names_among(topics: Sequence[str]) -> list[str]:
    """The topics that may be names: a statement that begins with "Pottery" is not about somebody called so.

    >>> names_among(["Mia", "pottery", "美佳"])
    ['Mia', '美佳']
    """
    return [topic for topic in topics if not topic[:1].islower()]


def is_same_subject(one: Subject, other: Subject) -> bool:
    """Tell whether two may be the same: "the sister" may be "the sister Mia", and neither is the user."""
    if one.relation is not None and one.relation == other.relation:
        return one.name is None or other.name is None or one.name == other.name
    return one == other or (one.name is not None and one.name == other.name)


def names_user(word: str) -> bool:
    """Tell whether a word is the one for the user, in whatever letter case."""
    return _user().match(word) is not None


def strip_user(text: str) -> str:
    """``text`` without the words for the user, which stand among others in scripts without spaces, and have particles in Korean."""
    return re.sub(rf"(?:{_user().pattern})[가-힣]*", " ", text, flags=re.IGNORECASE)


def _begins(text: str, index: int) -> bool:
    """Tell whether nothing but an article and a name in apposition comes first: "Mia, the user's sister"."""
    return len(_WORD.findall(text[:index])) <= _FIRST_WORDS


@cache
def relations() -> Mapping[str, Relation]:
    """Words for relatives, friends and animals in all languages, with the English one."""
    return {
        word: relation
        for language in languages()
        if language.subjects is not None
        for relation, words in language.subjects.relations.items()
        for word in words
    }


@cache
def _user() -> re.Pattern[str]:
    return match_words(word for language in languages() if language.subjects for word in language.subjects.user)


@cache
def _user_possessive() -> re.Pattern[str]:
    """The user in the possessive, and the words behind it."""
    return re.compile(rf"\b(?:{_possessives(joined=False)})((?:\s+[^\W\d_][\w-]*){{1,3}})")


@cache
def _user_possessive_joined() -> re.Pattern[str]:
    """The same where words do not stand apart."""
    return re.compile(rf"^(?:{_possessives(joined=True)})\s*(\w{{1,4}})")


def _possessives(*, joined: bool) -> str:
    words = [word for language in languages() if language.subjects for word in language.subjects.user_possessive]
    return "|".join(re.escape(word.strip("*")) for word in words if word.endswith("*") == joined) or r"(?!)"
