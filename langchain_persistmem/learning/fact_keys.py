"""The keys of facts: names under which one statement at a time is true; pure."""

import re

from langchain_persistmem.language.subjects import USER, Subject, relations

_LONGEST = 60
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
"""What models name as a key although it has many values at a time: under such a key one hobby would end another."""


def fact_key(given: str, subject: Subject) -> str | None:
    """The key under which a model's fact is kept; None if it is no name, or one that many values can have.

    It has one spelling, and it is the subject's own: a sister's ``employer`` is ``fact:sister_employer``. The
    prefix keeps models away from the keys of the application.
    """
    name = _spelt(given)
    if not name or name in _MANY:
        return None
    if subject != USER and not any(part in relations() for part in name.split("_")):
        name = _spelt("_".join(part for part in (subject.relation, subject.name, name) if part is not None))
    return f"fact:{name}"


def _spelt(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold().replace("\x00", "")).strip("_")[:_LONGEST]
