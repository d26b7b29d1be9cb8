"""The languages and their words: one file for each in ``data/``, read once and checked.

A language is added by adding its file; no code names one. The keys of a file are the fields of the records in ``phrases/``,
and ``docs/reference/languages.md`` explains them.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.language.phrases.calendar_words import Calendar, CompactCalendar
from langchain_persistmem.language.phrases.conversation import Answers, Commands, Replies, Requests, SmallTalk
from langchain_persistmem.language.phrases.search_words import IrregularForms, PersonNames, StopWords, TextSearch
from langchain_persistmem.language.phrases.statement_words import Questions, Statements, Subjects
from langchain_persistmem.language.phrases.word_lists import Words

_LENGTHS = {"months": 12, "short_months": 12, "weekdays": 7, "seasons": 4, "numbers": 12}
"""Lists of a calendar whose order counts."""
FOLDER: Traversable = files("langchain_persistmem") / "language" / "data"


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
    by_file = [read_language(file) for file in FOLDER.iterdir() if file.name.endswith(".toml")]
    return tuple(sorted(by_file, key=lambda language: (language.order, language.code)))


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
    return re.compile(any_of(words, begin=r"\b", end=r"\b"), re.IGNORECASE)


def any_of(words: Iterable[str], *, begin: str, end: str, escape: Callable[[str], str] = re.escape) -> str:
    """The expression of any of the words, the first of the list that fits; ``*`` as in :func:`match_words`.

    Args:
        begin: has to fit before a word, ``end`` behind it. Each stands once for words that follow each other, and not with each
            word: looked for in a sentence, that is a fraction of the time.
    """
    runs = [
        ("" if is_ending else begin)
        + f"(?:{_alternatives(escape(word.strip('*')) for word in run)})"
        + ("" if is_beginning else end)
        for (is_ending, is_beginning), run in groupby(
            dict.fromkeys(words), key=lambda word: (word.startswith("*"), word.endswith("*"))
        )
    ]
    return "|".join(runs) or r"(?!)"


def _alternatives(expressions: Iterable[str]) -> str:
    """The expression of any of them, by their first letters: hundreds of words are tried as fast as the letters of an alphabet."""
    by_letter: dict[str, list[str]] = {}
    for expression in expressions:
        by_letter.setdefault(expression[:1] if expression[:1].isalnum() else expression, []).append(expression)
    return "|".join(
        several[0] if len(several) == 1 else f"{letter}(?:{'|'.join(expression[1:] for expression in several)})"
        for letter, several in by_letter.items()
    )


_Record = TypeVar("_Record")


def _record(cls: type[_Record], table: Mapping[str, object], at: str) -> _Record:
    """Make a record of a table whose keys are its fields."""
    hints = _hints(cls)
    fields_by_name = {field.name: field for field in fields(cast("Any", cls))}
    for key in table:
        if key not in fields_by_name:
            raise ConfigurationError(f"language file {at}: unknown key {key!r}; correct or remove it")
    missing = [name for name, field in fields_by_name.items() if field.default is MISSING and name not in table]
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
        return _value(next(item for item in arguments if item is not NoneType), value, at)
    if is_dataclass(hint) and isinstance(value, dict):
        return _record(cast("type[object]", hint), cast("Mapping[str, object]", value), at)
    if origin is Mapping and isinstance(value, dict):
        return _mapping(arguments[0], arguments[1], cast("Mapping[str, object]", value), at)
    if origin is tuple and isinstance(value, list):
        items = [_value(arguments[0], item, at) for item in cast("list[object]", value)]
        twice = sorted({str(item) for item in items if item != () and items.count(item) > 1})
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
