"""The keys of facts: the one spelling of a key, the plain one and that with the speaker's name, and which of them a statement takes; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from langchain_persistmem.language.subjects import USER, Subject, relations
from langchain_persistmem.learning.decisions.sameness import identity, same_person
from langchain_persistmem.types.records import (
    Candidate,
    Memory,
    NewMemory,
)

_KEY_PREFIX = "fact:"
_LONGEST_KEY = 60
_NAMES_OF_MANY = """
fact facts info information note notes misc other others detail details memory topic topics event events goal goals
plan plans decision decisions preference preferences like likes dislike dislikes love loves hate hates hobby hobbies
interest interests allergy allergies pet pets child children kid kids sibling siblings friend friends skill skills
language languages book books movie movies film films music food foods drink drinks sport sports activity activities
purchase purchases possession possessions trip trips travel illness illnesses condition conditions medication
medications health family project projects habit habits opinion opinions experience experiences instruction
instructions wish wishes fear fears instrument instruments user
"""
_MANY = frozenset(_NAMES_OF_MANY.split())
"""Names that models give as a key although there are many values at a time: under such a key one hobby would end another."""


def spell(name: str) -> str:
    """A name as a part of a key: words in small letters, joined by underscores."""
    return re.sub(r"[\W_]+", "_", name.casefold().replace("\x00", "")).strip("_")[:_LONGEST_KEY]


def speaker_key(key: str, speaker: str | None) -> str:
    """The key of a second speaker's statement, where another person holds the plain one.

    >>> speaker_key("fact:employer", "Bob")
    'fact:bob_employer'
    """
    name = spell(speaker or "")
    prefix = _KEY_PREFIX if key.startswith(_KEY_PREFIX) else ""
    rest = key.removeprefix(prefix)
    return f"{prefix}{name}_{rest}" if name and not rest.startswith(f"{name}_") else key


def plain_key(key: str, speaker: str | None) -> str:
    """The key of a person's own fact without the name, which a model may have put there."""
    own = f"{_KEY_PREFIX}{spell(speaker or '')}_"
    return _KEY_PREFIX + key.removeprefix(own) if speaker and key.startswith(own) and key != own else key


def own_key(
    new: NewMemory, holders_by_key: Mapping[str, Memory], holders: Mapping[str, Candidate] = MappingProxyType({})
) -> NewMemory:
    """``new`` under a key that no other person holds: the plain one, else the one with the speaker's name, else none.

    Args:
        holders_by_key: the current memories under both spellings.
        holders: statements of the same batch by key.
    """
    keys = spellings(new.candidate)
    rivals = {
        key: [rival for rival in (holders_by_key.get(key), holders.get(key)) if rival is not None] for key in keys
    }
    fitting = [key for key in keys if all(same_person(new.candidate, rival) for rival in rivals[key])]
    if not fitting:
        return under_key(new, None) if keys else new
    # Where the same person stands under one of them already, that is the key; else the first that is free.
    key = next((key for key in fitting if rivals[key]), fitting[0])
    return new if key == new.candidate.key else under_key(new, key)


def under_key(new: NewMemory, key: str | None) -> NewMemory:
    """``new`` under another key, or under its own id; what it is known by follows."""
    candidate = replace(new.candidate, key=key)
    return replace(new, key=key or str(new.id), candidate=candidate, identity=identity(candidate))


def spellings(candidate: Candidate) -> Sequence[str]:
    """The keys under which a statement may stand: the plain one, and that with the speaker's name in it."""
    if candidate.key is None:
        return ()
    plain, named = plain_key(candidate.key, candidate.speaker), speaker_key(candidate.key, candidate.speaker)
    return tuple(dict.fromkeys((plain, named)))


def fact_key(proposal: str, subject: Subject) -> str | None:
    """The key under which a model's fact is kept; None if it is no name, or one that many values can have.

    It has one spelling, and it is the subject's own: a sister's ``employer`` is ``fact:sister_employer``. The
    prefix keeps models away from the keys of the application.
    """
    name = spell(proposal)
    if not name or name in _MANY:
        return None
    if subject != USER and not any(part in relations() for part in name.split("_")):
        name = spell("_".join(part for part in (subject.relation, subject.name, name) if part is not None))
    return f"fact:{name}"
