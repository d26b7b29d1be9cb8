"""Phrases between a user and the memory: commands, answers, the replies to them, small talk and requests."""

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_persistmem.language.phrases.word_lists import Words
from langchain_persistmem.types.records import Kind


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Commands:
    """Phrases with which a user gives the memory a command.

    A phrase is matched from the beginning of a message to its end, whatever its capitals. In it

        ...      is the object: anything, to the end of the message
        (a|b)    is one of these        [a|b]   is one of these, or nothing
        <a|b>    the next words are one of these     !a|b!   they are none of these

    and ``:`` stands for a colon that has to be there, ``,`` for a comma, colon or dash; other punctuation between
    words counts as a space.
    """

    before: Words
    """Courtesies that may stand before a command."""
    after: Words
    """Courtesies that may stand behind it."""
    please: Words = ()
    """Courtesies behind which a request to leave something out may begin within a sentence."""
    idioms: Words
    """Phrases that sound like a command and are none; these come first."""
    remember: Words
    """Insert the object."""
    remember_question: Words = ()
    """As a question: matched only with a question mark; all others but ``show`` only without one."""
    forget: Words
    """Erase what is remembered of the object."""
    forget_question: Words = ()
    forget_everything: Words
    """Erase all that is remembered."""
    pause: Words
    """Remember nothing from now on."""
    pause_question: Words = ()
    show: Words
    """Tell what is remembered."""
    private: Words
    """Leave out this message and the one before."""
    private_question: Words = ()
    private_with_text: Words
    """Leave out this message, which says something more."""
    private_opening: Words = ()
    """Begins a sentence of any message that is to be left out; what comes behind is not looked at."""
    private_opening_before: Words = ()
    """The same, where the message before is meant too."""
    stems: Words
    """Beginnings of words one of which stands in every command: where rules are unsure, a model may be asked."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answers:
    """Answers to "shall these be erased?"."""

    yes: Words
    """Erase all of them."""
    no: Words
    """Erase none."""
    all: Words
    """The same as yes, in other words: all of them."""
    with_numbers: Words = ()
    """Words that may stand beside numbers: "only 1 and 3"."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Replies:
    """Sentences of the memory to a user who gave it a command.

    ``{what}`` is in the user's own words, ``{count}`` a number.
    """

    will_remember: str
    in_review: str
    """Before it is used, somebody has to review it."""
    memories: str
    """Heading of the list of what is remembered."""
    no_memories: str
    more_memories: str
    """Line after the last one of a list that is cut."""
    kinds: Mapping[Kind, str]
    """Headings of the parts of a list, by kind of memory."""
    erase_list: str
    """Heading of the list of what would be erased, with how many."""
    erase_question: str
    """Question after that list: which of them?"""
    erase_everything_question: str
    no_match: str
    """Nothing is remembered of what was to be erased."""
    erased: str
    erased_everything: str
    outdated: str
    """The memories have changed since the question."""
    nothing_erased: str
    pause_question: str
    """Shall nothing be remembered from now on?"""
    paused: str
    not_paused: str
    """The answer was no."""
    will_not_remember: str
    will_not_remember_list: str
    """The same, as a heading of the list of what was already learnt."""
    unavailable: str
    memory_off: str
    """The run is off the record."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SmallTalk:
    """Phrases that are not worth remembering."""

    phrases: Words
    """Greetings, thanks and the like, without punctuation."""
    assents: Words
    """Yes and no, which say something if a question came before."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Requests:
    """Phrases by which a turn only asks or orders.

    A ``*`` before or behind one lets other letters stand there; ``(a|b)`` is a word that may be any of these.
    """

    phrases: Words
    """A whole turn by themselves: continue."""
    courtesies: Words
    """May stand before a request: please, can you."""
    openings: Words
    """Begin an order, or a question without its mark: tell me, what is."""
    orders: Words = ()
    """Begin an order: write a."""
    endings: Words = ()
    """End one."""
    help: Words
    """Make a question of somebody about themselves one about what to do or to choose: should, can."""
    choices: Words = ()
    """Make any question one about what to choose: best, worth."""
    wishes: Words = ()
    """Begin a sentence that says what is wanted: I need a."""
    lookups: Words = ()
    """Begin an order that asks for what was said before: remind me."""
    explanations: Words = ()
    """Begin an order for what is much the same for everybody: explain, define."""
    statements: Words
    """Begin a clause in which somebody tells of themselves: I, my."""
    conjunctions: Words
    """Begin a clause within a sentence: because."""
    instructions: Words
    """Make an instruction that lasts of an order: always."""
