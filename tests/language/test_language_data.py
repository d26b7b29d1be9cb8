"""Each language is one file: complete where it has to be, without doubles, and enough to add a language."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from langchain_persistmem import errors
from langchain_persistmem.language import language_files
from langchain_persistmem.language.command_detection import phrasebooks
from langchain_persistmem.language.language_files import Language, languages
from langchain_persistmem.language.phrases.calendar_words import Calendar, CompactCalendar
from langchain_persistmem.language.phrases.conversation import Answers, Commands, Replies, Requests, SmallTalk
from langchain_persistmem.language.phrases.search_words import IrregularForms, PersonNames, StopWords, TextSearch
from langchain_persistmem.language.phrases.statement_words import Questions, Statements, Subjects

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "languages.md").read_text()
PARTS = {
    "commands": Commands,
    "answers": Answers,
    "replies": Replies,
    "calendar": Calendar,
    "compact_calendar": CompactCalendar,
    "small_talk": SmallTalk,
    "statements": Statements,
    "subjects": Subjects,
    "questions": Questions,
    "requests": Requests,
    "text_search": TextSearch,
    "irregular_forms": IrregularForms,
    "person_names": PersonNames,
    "stop_words": StopWords,
}
MADE_UP = """
name = "Made up"
order = 99

[commands]
before = ["quro"]
after = ["quro"]
idioms = ["oblu dis"]
remember = ["memru ke ..."]
forget = ["oblu !totu! ..."]
forget_everything = ["oblu totu"]
pause = ["stopu memru"]
show = ["ki savu de zon"]
private = ["nu memru dis"]
private_with_text = ["nu memru dis: ..."]
private_opening = ["nu memru dis"]
stems = ["memr", "oblu", "savu"]

[answers]
yes = ["jep"]
no = ["nup"]
all = ["totu"]
with_numbers = ["plu"]

[replies]
will_remember = "Memru: {what}"
in_review = "Vartu: {what}"
memories = "Savi:"
no_memories = "Nu savi nul."
more_memories = "... plu."
erase_list = "Oblu:"
erase_question = "Jep?"
erase_everything_question = "Oblu totu ({count})?"
no_match = "Nul: {what}"
erased = "Oblu: {count}."
erased_everything = "Oblu totu."
outdated = "Altru."
nothing_erased = "Nul oblu."
pause_question = "Stopu?"
paused = "Stop."
not_paused = "Nu stop."
will_not_remember = "Nu memru."
will_not_remember_list = "Nu memru. Savi:"
unavailable = "Nu posu."
memory_off = "Memru stopu."

[replies.kinds]
profile = "Zon"
procedural = "Faru"
semantic = "Savi"
episodic = "Dictu"

[calendar]
months = [["primur"], ["duur"], ["trur"], ["kvarur"], ["quintur"], ["sesur"], ["sepur"], ["okur"], ["naur"], ["dekur"],
          ["dekunur"], ["dekdur"]]
short_months = [[], [], [], [], [], [], [], [], [], [], [], []]
weekdays = [["luntu"], ["martu"], ["merku"], ["jovu"], ["venu"], ["saturu"], ["solu"]]
seasons = [["frigu"], ["floru"], ["kaldu"], ["foliu"]]
numbers = [["unu"], [], [], [], [], [], [], [], [], [], [], []]
last = ["pretu"]
this = ["dis"]
next = ["sekvu"]
prepositions = ["enu"]
year_prepositions = ["enu"]
fillers = ["delu"]
since = ["ekdu"]
before = ["antu"]
until = []
between = ["intru"]
conjunctions = ["plu"]
future = ["volu"]
that = ["tiu"]
earlier = ["antu"]

[calendar.units]
week = ["septa"]

[calendar.days]
day_before_yesterday = ["vor-hestu"]

[calendar.feasts]

[small_talk]
phrases = ["salvu", "meru"]
assents = ["jep", "nup"]

[subjects]
user = ["uzer*"]

[subjects.relations]
sister = ["sorna"]

[text_search]
configuration = "klingon"
small_words = ["zon", "ki", "plu"]

[irregular_forms]
groups = ["grona gruna"]
"""


def lists_of(record: Any, path: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every list of strings in a record, with the keys that lead to it."""
    for field in fields(record):
        value = getattr(record, field.name)
        at = f"{path}{field.name}"
        if hasattr(value, "__dataclass_fields__"):
            yield from lists_of(value, f"{at}.")
        elif isinstance(value, dict):
            yield from ((f"{at}.{key}", item) for key, item in value.items() if isinstance(item, tuple))
        elif isinstance(value, tuple):
            groups = [value] if all(isinstance(each, str) for each in value) else value
            yield from ((at, group) for group in groups)


def folded(phrase: str) -> str:
    """A phrase as its reader compares it: without capitals, kinds of apostrophe and spaces too many."""
    return " ".join(phrase.casefold().replace("’", "'").split())


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.code)
def test_a_language_with_commands_has_all_that_a_command_needs(language: Language) -> None:
    parts = (language.commands, language.answers, language.replies)
    assert all(parts) or not any(parts)
    for part in parts:
        if part is not None:
            required = [field.name for field in fields(part) if "_question" not in field.name]
            assert [
                name for name in ("before", "after", "yes", "no", "all") if name in required and not getattr(part, name)
            ] == []


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.code)
def test_no_phrase_of_a_list_folds_to_another_one(language: Language) -> None:
    for at, words in lists_of(language):
        if at.endswith("user_possessive"):  # both kinds of apostrophe are meant
            continue
        assert len({folded(word) for word in words}) == len(words), at


def test_no_phrase_stands_in_two_commands() -> None:
    for phrases in phrasebooks():
        commands = phrases.commands
        seen: dict[str, str] = {}
        for name in (
            "idioms",
            "remember",
            "forget",
            "forget_everything",
            "pause",
            "show",
            "private",
            "private_with_text",
        ):
            for phrase in getattr(commands, name):
                assert seen.setdefault(folded(phrase), name) == name, (phrases.language, phrase)


def test_languages_have_an_order_of_their_own_and_configurations_too() -> None:
    assert len({language.order for language in languages()}) == len(languages())
    configurations = [language.text_search.configuration for language in languages() if language.text_search]
    assert len(set(configurations)) == len(configurations)


def test_the_page_says_which_language_has_what() -> None:
    rows = {
        cells[1].strip("` "): cells
        for cells in (row.strip("|").split("|") for row in PAGE.splitlines())
        if len(cells) == 16
    }
    header = [cell.strip().replace(" ", "_") for cell in rows.pop("code")[2:]]
    assert header == list(PARTS)
    rows.pop("---")
    assert set(rows) == {language.code for language in languages()}
    for language in languages():
        name, _, *cells = (cell.strip() for cell in rows[language.code])
        assert name == language.name
        assert [bool(cell) for cell in cells] == [getattr(language, part) is not None for part in PARTS]
        if language.text_search is not None:
            assert f"`{language.text_search.configuration}`" in cells


@pytest.mark.parametrize("part", PARTS)
def test_the_page_explains_every_key(part: str) -> None:
    section = re.split(r"^### ", PAGE.partition(f"\n### [{part}]\n")[2], flags=re.MULTILINE)[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == [field.name for field in fields(PARTS[part])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("order = 1", "name missing"),
        ('name = "X"\norder = "1"', "order: .* expected"),
        ('name = "X"\norder = 1\nnam = "Y"', "unknown key 'nam'"),
        ('name = "X"\norder = 1\n[small_talk]\nphrases = ["a", "a"]\nassents = []', "a stands there twice"),
        ('name = "X"\norder = 1\n[subjects.relations]\nmum = ["m"]', "unknown key 'mum'"),
        ('name = "X"\norder = ', "correct the file"),
    ],
)
def test_a_file_with_a_mistake_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "xx.toml"
    file.write_text(text)
    with pytest.raises(errors.ConfigurationError, match=message) as caught:
        language_files.read_language(file)
    assert "xx.toml" in str(caught.value)


def test_a_language_is_added_by_adding_its_file(tmp_path: Path) -> None:
    """Each sentence of the made-up language does in a fresh process what it should, and English still does."""
    for language in languages():
        (tmp_path / f"{language.code}.toml").write_bytes((language_files.FOLDER / f"{language.code}.toml").read_bytes())
    (tmp_path / "tlh.toml").write_text(MADE_UP)
    script = f"""
from datetime import UTC, datetime
from pathlib import Path
from langchain_persistmem.language import language_files
language_files.FOLDER = Path({str(tmp_path)!r})
from langchain_persistmem.commands.confirmation_answers import read_answer
from langchain_persistmem.language.command_detection import detect, detect_language
from langchain_persistmem.language.calendar.time_expressions import find_periods
from langchain_persistmem.language.off_record_requests import asks_not_to_remember
from langchain_persistmem.language.search_terms.query_terms import find_terms
from langchain_persistmem.language.small_talk import is_answer, is_small_talk
from langchain_persistmem.language.subjects import find_subject
from langchain_persistmem.language.text_search_configuration import choose_configuration

assert len(language_files.languages()) == {len(languages()) + 1}
found = detect("Quro memru ke zon grona!")
assert (found.command, found.language, found.what) == ("remember", "tlh", "zon grona"), found
assert detect("oblu zon grona").what == "zon grona"
assert detect("oblu totu").everything
assert detect("stopu memru!").command == "pause"
assert detect("ki savu de zon?").command == "show"
assert detect("nu memru dis").command == "private"
assert asks_not_to_remember("Zon bluna. Nu memru dis, quro")
assert language_files.replies_by_language()["tlh"].no_memories == "Nu savi nul."
assert (read_answer("jep", 3), read_answer("nup", 3), read_answer("1 plu 3", 3)) == ("yes", "no", (1, 3))
assert detect_language("jep") == "tlh"
now = datetime(2023, 10, 23, tzinfo=UTC)
days = lambda text: [(each.start.date().isoformat(), each.end.date().isoformat()) for each in find_periods(text, now=now)]
assert days("ki zon faru vor-hestu?") == [("2023-10-21", "2023-10-22")]
assert days("7 quintur 2023") == [("2023-05-07", "2023-05-08")]
assert days("pretu septa") == [("2023-10-16", "2023-10-23")]
assert is_small_talk("Salvu! Meru.") and is_answer("jep", "Zon bluna?")
assert find_subject("Sorna del uzer").relation == "sister"
assert choose_configuration("auto", "ki zon faru plu blu") == "klingon"
assert find_terms("grona", "klingon").groups == ("grona gruna",)
assert detect("Please remember that I'm vegan").language == "en"
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_is_read_at_import() -> None:
    script = "import langchain_persistmem; from langchain_persistmem.language import language_files; print(language_files.languages.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "0"
