"""Phrases with which somebody tells of themselves or others, and words by which a question tells what it is after."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from langchain_persistmem.language.phrases.word_lists import Groups, Words

Relation = Literal[
    "sister", "brother", "mother", "father", "parents", "wife", "husband", "partner", "daughter", "son", "child",
    "grandmother", "grandfather", "aunt", "uncle", "cousin", "niece", "nephew", "friend", "colleague", "boss",
    "neighbour", "landlord", "dog", "cat", "horse", "parrot", "rabbit",
]  # fmt: skip
"""Relatives, friends and animals, as they are called in keys of facts."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Statements:
    """Phrases with which a user says something of oneself, or how to be answered, that holds for longer.

    In the notation of the commands. A phrase begins a clause: a sentence, or what stands behind a comma or one of
    ``conjunctions``. In it ``{languages}``, ``{diets}`` and ``{verbs}`` are one of the lists of that name, and
    ``{thing}`` is a second object. Words are regular expressions.
    """

    openings: Words
    """Words that may stand before a phrase, also with a colon."""
    labels: Words = ()
    """Words that may stand before a phrase with a colon only: context, good news, me."""
    please: Words
    """Those of ``openings`` behind which a request may stand in the middle of a sentence."""
    conjunctions: Words
    """Begin a clause."""
    tails: Words
    """End an object: because, but."""
    fillers: Words = ()
    """Stand at the end of an object and are no part of it: at all, any more."""
    no_objects: Words = ()
    """First words of what is no object: this, that."""
    doubts: Words
    """Words before a phrase that take it back: if, whether, not true."""
    reports: Words
    """Words before a phrase that make it somebody else's: she says."""
    negations: Words
    """Words that make a statement its opposite: not."""
    negations_follow: bool = False
    """True if one may stand behind what it denies; else it denies what follows it in its clause."""
    affirmations: Words = ()
    """Words with a negation that deny nothing: can't wait, not only."""
    denials: Words = ()
    """Words that deny by their meaning: avoid, no longer."""
    material: Words
    """Beginnings of sentences that make a message a text to work on: write a story, dear Sir."""
    texts: Words = ()
    """Beginnings of sentences behind which a text stands that is somebody else's: translate, how do you say, here is a."""
    fictions: Words = ()
    """Beginnings of clauses from which on a message supposes or plays: imagine, if I were, in this story."""
    jokes: Words = ()
    """Words that make a joke of their sentence: just kidding."""
    momentary: Words
    """Words of a request that holds only for now: this time."""
    languages: Words
    """Names of languages, as they stand in a request to answer in one."""
    diets: Words
    """Vegetarian, vegan and the like."""
    independent_diets: Words = ()
    """Those of ``diets`` that hold beside another one: kosher, gluten-free."""
    verbs: Words
    """What an assistant can be told to do, in the form that a request has."""
    name: Words
    preferred_name: Words
    """How the user wants to be called."""
    diet: Words
    allergy: Words
    food: Words
    """What the user does not eat or drink."""
    preference: Words
    favorite: Words
    goal: Words
    decision: Words
    answer_language: Words
    """In which language to answer."""
    answer_length: Words
    form_of_address: Words = ()
    """Formal or not."""
    instruction: Words
    """Any other request that holds from now on."""
    instruction_question: Words = ()
    """The same as a question."""
    third_person: Groups = ()
    """Pairs of a regular expression and what replaces it: they turn a beginning as others write it of the user into
    the user's own: "the user is"."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Subjects:
    """Words for persons that a statement may be about.

    A ``*`` before or behind a word of ``user`` and ``user_possessive`` lets other letters stand there.
    """

    user: Words = ()
    """The user, as models write of one."""
    user_possessive: Words = ()
    """The same in the possessive: "user's"."""
    relations: Mapping[Relation, Words]
    """Words for relatives, friends and animals, by the English one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Questions:
    """Words by which a question tells what it is after; ``*`` as in subjects."""

    first_person: Words
    """The question is about the user."""
    past: Words
    """It is about what was, not what is."""
    time_opening: Words = ()
    """Begin a question for a time."""
    time: Words = ()
    """Stand anywhere in one."""
    number: Words = ()
    """Ask for a number: how many."""
    assistant_statement: Words = ()
    """Regular expressions: the question is after what the assistant said, not the user."""
    list_question: Words = ()
    """Regular expressions: the answer is in several memories: which books, how many times, all my, list."""
    order_question: Words = ()
    """Regular expressions: it asks in what order things happened, and so for several memories too."""
