"""Words that the search by words needs to know of a language: irregular forms, names, stop words."""

from dataclasses import dataclass

from langchain_persistmem.language.phrases.word_lists import Groups, Words


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TextSearch:
    """The text search configuration of PostgreSQL for this language, and what tells that a text is in it."""

    configuration: str
    """Its name in PostgreSQL."""
    small_words: Words = ()
    """Two of them make a text one of this language."""
    letters: str = ""
    """A script that this configuration is made for, as a set of a regular expression; small words do not count then."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IrregularForms:
    """Forms that no stemmer connects: "bought" is said, "buy" is asked."""

    groups: Words
    """Forms of one word, separated by spaces, the word itself first.

    A form that is as often another word is left out: a rose, a wound, a bit, born, the forms of lie.
    """
    regular: Groups = ()
    """Pairs of a regular expression and what replaces its match: they make the regular forms of the first word.

    A few that nobody says harm nothing.
    """


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonNames:
    """Words around the name of a person who is asked about: "When did Caroline ...?"."""

    auxiliaries: Words
    """Stand before a name, with a capital or without."""
    no_names: Words = ()
    """Words with a capital that are nobody's name: months, weekdays."""
    no_possessors: Words = ()
    """Beginnings of words with a capital that own nothing: Bachelor's."""
    own_words: Words = ()
    """What people say for their own name, for theirs and another's, and for both in the possessive: I, we, my, our."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StopWords:
    """Words of little weight."""

    pronouns: Words = ()
    """Left out of one of the queries that a question is expanded to."""
    conjunctions: Words = ()
    """Join two questions: and."""
    statements: Words = ()
    """Make no difference between two statements, wherever they stand: not even "a", since few friends are not a few."""
    negations: Words = ()
    """Deny a statement; a ``*`` stands for other letters."""
    quotes: Words = ()
    """Do not count where a quotation is compared with what was said."""
    numbers: Words = ()
    """Tell a number."""
