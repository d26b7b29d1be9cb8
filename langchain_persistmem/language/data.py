"""The languages and their words: one file for each in ``data/``, read once and checked.

A language is added by adding its file; no code names one. The keys of a file are the fields of the records below,
and ``docs/reference/languages.md`` explains them.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.types.records import Kind

Words: TypeAlias = tuple[str, ...]
"""A list of words or phrases; none of them stands in it twice."""
Groups: TypeAlias = tuple[Words, ...]
"""Lists in a fixed order: the twelve months, for instance. A list may be empty."""

Relation = Literal[
    "sister", "brother", "mother", "father", "parents", "wife", "husband", "partner", "daughter", "son", "child",
    "grandmother", "grandfather", "aunt", "uncle", "cousin", "niece", "nephew", "friend", "colleague", "boss",
    "neighbour", "landlord", "dog", "cat", "horse", "parrot", "rabbit",
]  # fmt: skip
"""Relatives, friends and animals, as they are called in keys of facts."""
Unit = Literal["day", "week", "weekend", "month", "year"]
Day = Literal["today", "yesterday", "day_before_yesterday", "tomorrow", "day_after_tomorrow"]
CompactTime = Literal[
    "day_before_yesterday", "yesterday", "today", "last_weekend", "last_week", "last_month", "last_year",
    "year_before_last", "this_week", "this_month", "this_year",
]  # fmt: skip
Feast = Literal["christmas", "easter", "halloween", "thanksgiving", "silvester", "valentine"]

_LENGTHS = {"months": 12, "short_months": 12, "weekdays": 7, "seasons": 4, "numbers": 12}
"""Lists of a calendar whose order counts."""
FOLDER: Traversable = files("langchain_persistmem") / "language" / "data"


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
class Calendar:
    """Words for times, where words stand apart.

    Days, feasts and ``ago_before`` may be phrases of several words.
    """

    months: Groups
    """January first."""
    short_months: Groups
    """Count as a month only beside a number."""
    weekdays: Groups
    """Monday first."""
    seasons: Groups
    """Winter first."""
    numbers: Groups
    """One to twelve."""
    units: Mapping[Unit, Words]
    """Day, week, weekend, month, year."""
    days: Mapping[Day, Words]
    feasts: Mapping[Feast, Words]
    ambiguous: Words = ()
    """Words and names that are times only beside a word that says so."""
    last: Words
    last_after_unit: Words = ()
    """Those of ``last`` that may follow a unit: la semaine dernière."""
    last_up_to_today: Words = ()
    """Those of ``last`` that mean the time up to now: the past week."""
    this: Words
    next: Words
    ago_before: Words = ()
    """Stand before a span that lies back: vor zwei Wochen."""
    ago_after: Words = ()
    """Stand behind it: two weeks ago."""
    from_now_before: Words = ()
    """Stand before a span that lies ahead: in 8 months; phrases."""
    from_now_after: Words = ()
    """Stand behind it: two weeks from now; phrases."""
    counted_from: Words = ()
    """Stand between a span and the time that it is counted from: a week from tomorrow."""
    lasting: Words = ()
    """Stand before a span that goes on until now: for 3 years."""
    past: Words = ()
    """Tell that a text looks back, so that a span is only how long something took."""
    starting: Words = ()
    """Stand before a time from which something holds: as of November; phrases."""
    onwards: Words = ()
    """Stand behind it: from May on."""
    ordinals: Groups = ()
    """First to fifth."""
    before_last: Words = ()
    """Stand behind a unit or a weekday: the week before last; phrases."""
    last_but_one: Words = ()
    """Stand before it: vorletzte Woche."""
    after_next: Words = ()
    """Stand behind a unit or a weekday: the week after next; phrases."""
    next_but_one: Words = ()
    """Stand before it: übernächste Woche."""
    half: Words = ()
    """Behind a number and "and": a year and a half."""
    one_and_half: Words = ()
    """The same in one word: anderthalb."""
    half_years: Words = ()
    """Behind first or second: the first half of 2023, im ersten Halbjahr."""
    quarters: Words = ()
    """Behind first to fourth: the second quarter of 2023."""
    day_endings: Words = ()
    """Stand behind the number of a day, and tell that it is one: on the 10th."""
    vague: Words = ()
    """Make a number of units a rough one: a few weeks."""
    prepositions: Words
    """Stand before a time and make one of a word that could be something else."""
    year_prepositions: Words
    """Stand before a year."""
    articles: Words = ()
    fillers: Words
    """Stand between a day, a month and a year."""
    since: Words
    before: Words
    """``until`` included."""
    until: Words
    after: Words = ()
    between: Words
    conjunctions: Words
    """Stand between two times that make one."""
    future: Words
    """Tell that a text looks ahead."""
    that: Words
    """Refer back to a time: the week before that."""
    earlier: Words
    later: Words = ()
    nights: Words = ()
    """Last night is yesterday and today."""
    parts_of_day: Words = ()
    """The others: they make no time, but tell that one is spoken of."""
    weekday_suffixes: Words = ()
    """Stand behind a weekday and belong to it: segunda-feira."""
    no_days: Words = ()
    """A word and a day that make something else: la mañana."""
    evidence: Words = ()
    """Words that tell the language of a text, where one of the next two lists is needed."""
    only_with_evidence: Words = ()
    """Units and days that are none in texts of other languages: hier is yesterday, or German for here."""
    not_with_evidence: Words = ()
    """Units and days of other languages that are none in this one: mes is a month, or French for my."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CompactCalendar:
    """Signs for times, where words do not stand apart."""

    year_marks: Words
    """Stand behind the number of a year."""
    month_marks: Words
    day_marks: Words
    numbers: Groups = ()
    """One to ten."""
    counters: Words = ()
    """Stand between a number and a unit."""
    units: Mapping[Unit, Words]
    """Day, week, month, year."""
    ago: Words
    """Stand behind a span that lies back."""
    from_now: Words = ()
    """Stand behind a span that lies ahead."""
    times: Mapping[CompactTime, Words]
    """Regular expressions."""
    seasons: Groups = ()
    """Winter first."""
    weekdays: Groups = ()
    """Monday first."""
    weeks: Words = ()
    """Stand before a weekday."""
    last: Words = ()
    """Stand before a week."""
    of: Words = ()
    """Stand between a year and its season, or a week and its weekday."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SmallTalk:
    """Phrases that are not worth remembering."""

    phrases: Words
    """Greetings, thanks and the like, without punctuation."""
    assents: Words
    """Yes and no, which say something if a question came before."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Statements:
    """Phrases with which a user says something of oneself, or how to be answered, that holds for longer.

    In the notation of the commands. A phrase begins a clause: a sentence, or what stands behind a comma or one of
    ``conjunctions``. In it ``{languages}``, ``{diets}`` and ``{verbs}`` are one of the lists of that name, and
    ``{thing}`` is a second object. Words are regular expressions.
    """

    openings: Words
    """Words that may stand before a phrase, also with a colon."""
    please: Words
    """Those of them behind which a request may stand in the middle of a sentence."""
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
    material: Words
    """Beginnings of sentences that make a message a text to work on, or a game: translate, imagine, dear Sir."""
    momentary: Words
    """Words of a request that holds only for now: this time."""
    languages: Words
    """Names of languages, as they stand in a request to answer in one."""
    diets: Words
    """Vegetarian, vegan and the like."""
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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Requests:
    """Phrases by which a turn only asks or orders; a ``*`` before or behind one lets other letters stand there."""

    phrases: Words
    """A whole turn by themselves: continue."""
    courtesies: Words
    """May stand before a request: please, can you."""
    openings: Words
    """Begin an order, or a question without its mark: tell me, what is."""
    endings: Words = ()
    """End one."""
    help: Words
    """Make a question one about what to do or to choose: should, can."""
    statements: Words
    """Begin a clause in which somebody tells of themselves: I, my."""
    conjunctions: Words
    """Begin a clause within a sentence: because."""
    instructions: Words
    """Make an instruction that lasts of an order: always."""


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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Language:
    """One language; a part is None where nobody has written it yet."""

    code: str
    """Name of its file: a code of ISO 639-1."""
    name: str
    """In English."""
    order: int
    """Languages are tried in this order."""
    spaced: bool = True
    """True if words stand apart."""
    commands: Commands | None = None
    answers: Answers | None = None
    replies: Replies | None = None
    off_record: Words = ()
    """Regular expressions of requests to leave a message out, in languages that have no commands."""
    calendar: Calendar | None = None
    compact_calendar: CompactCalendar | None = None
    small_talk: SmallTalk | None = None
    statements: Statements | None = None
    subjects: Subjects | None = None
    questions: Questions | None = None
    requests: Requests | None = None
    text_search: TextSearch | None = None
    irregular_forms: IrregularForms | None = None
    person_names: PersonNames | None = None
    stop_words: StopWords | None = None
    attacks: Words = ()
    """Regular expressions of attacks on a prompt."""
    attack_reports: Words = ()
    """Regular expressions of what stands before the same words where they are told of a person: "my boss told me to"."""


@cache
def languages() -> tuple[Language, ...]:
    """All languages, in their order."""
    found = [read_language(file) for file in FOLDER.iterdir() if file.name.endswith(".toml")]
    return tuple(sorted(found, key=lambda language: (language.order, language.code)))


@cache
def language(code: str) -> Language | None:
    """One language by its code; None if it has no file."""
    return next((language for language in languages() if language.code == code), None)


@cache
def replies_by_language() -> Mapping[str, Replies]:
    """The replies of each language that has commands."""
    return {language.code: language.replies for language in languages() if language.replies is not None}


@cache
def stop_words(
    field: Literal["pronouns", "conjunctions", "statements", "negations", "quotes", "numbers"],
) -> frozenset[str]:
    """The stop words of one purpose in all languages."""
    parts = (language.stop_words for language in languages())
    return frozenset(word for part in parts if part is not None for word in getattr(part, field))


def read_language(file: Traversable) -> Language:
    """Read and check one file.

    Raises:
        ConfigurationError: the file is no TOML, or a key or a value in it is not what it has to be.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"language file {file.name}: {error}; correct the file") from error
    language = _record(Language, {"code": file.name.removesuffix(".toml"), **table}, file.name)
    for key, length in _LENGTHS.items() if language.calendar is not None else ():
        if len(getattr(language.calendar, key)) != length:
            raise ConfigurationError(f"language file {file.name}: {key} has to have {length} lists; correct it")
    return language


def match_words(words: Iterable[str]) -> re.Pattern[str]:
    """Compile an expression that finds any of the words; a ``*`` before or behind one stands for other letters."""
    alternatives = [
        ("" if word.startswith("*") else r"\b") + re.escape(word.strip("*")) + ("" if word.endswith("*") else r"\b")
        for word in dict.fromkeys(words)
    ]
    return re.compile("|".join(alternatives) or r"(?!)", re.IGNORECASE)


_Record = TypeVar("_Record")


def _record(cls: type[_Record], table: Mapping[str, object], at: str) -> _Record:
    """Make a record of a table whose keys are its fields."""
    hints = _hints(cls)
    known = {field.name: field for field in fields(cast("Any", cls))}
    for key in table:
        if key not in known:
            raise ConfigurationError(f"language file {at}: unknown key {key!r}; correct or remove it")
    missing = [name for name, field in known.items() if field.default is MISSING and name not in table]
    if missing:
        raise ConfigurationError(f"language file {at}: {', '.join(missing)} missing; add what is missing")
    return cls(**{key: _value(hints[key], value, f"{at}: {key}") for key, value in table.items()})


@cache
def _hints(cls: type[object]) -> Mapping[str, Any]:
    return get_type_hints(cls)


def _value(hint: Any, value: object, at: str) -> object:
    """Check a value against the type of its field; a list becomes a tuple, a table a record or a mapping."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):  # a part that a language may lack: the type itself beside None
        return _value(next(each for each in arguments if each is not NoneType), value, at)
    if is_dataclass(hint) and isinstance(value, dict):
        return _record(cast("type[object]", hint), cast("Mapping[str, object]", value), at)
    if origin is Mapping and isinstance(value, dict):
        return _mapping(arguments[0], arguments[1], cast("Mapping[str, object]", value), at)
    if origin is tuple and isinstance(value, list):
        items = [_value(arguments[0], each, at) for each in cast("list[object]", value)]
        twice = sorted({str(each) for each in items if each != () and items.count(each) > 1})
        if twice:
            raise ConfigurationError(f"language file {at}: {', '.join(twice)} stands there twice; remove one")
        return tuple(items)
    if hint in (str, int, bool) and type(value) is hint and value != "":
        return value
    raise ConfigurationError(f"language file {at}: {hint} expected; correct the value")


def _mapping(keys: Any, values: Any, table: Mapping[str, object], at: str) -> Mapping[str, object]:
    """Check a table whose keys are among some names; one of sentences has to have them all."""
    allowed = get_args(keys)
    for key in table:
        if key not in allowed:
            raise ConfigurationError(f"language file {at}: unknown key {key!r}; use one of {', '.join(allowed)}")
    if values is str and len(table) < len(allowed):
        raise ConfigurationError(f"language file {at}: {', '.join(sorted({*allowed} - {*table}))} missing; add them")
    return {key: _value(values, value, f"{at}.{key}") for key, value in table.items()}
