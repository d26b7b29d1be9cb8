"""The recipes of CONTRIBUTING.md are followed in a copy: what they say has to fail fails, and what they lead to passes."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pytest_forks import PytestForks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
COPIED = (
    "langchain_persistmem",
    "tests",
    "docs",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "Makefile",
)
COLUMNS = "tests/postgres/test_memory_columns.py"
SCHEMA = "tests/postgres/test_schema.py"
STATEMENTS = "tests/postgres/test_statements.py::test_every_statement_names_the_namespace_at_every_table"
SETTINGS = "tests/docs/test_docs.py::test_every_setting_is_listed_with_its_default"
LANGUAGES = "tests/language/test_language_data.py"


class Checkout:
    """A copy of what a contributor has, in which the steps are done."""

    def __init__(self, folder: Path, server: str, forks: PytestForks) -> None:
        self.folder = folder
        self._server = server
        self._forks = forks
        for name in COPIED:
            source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__", "data-*", "*.pyc")
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name, **({"ignore": ignored} if source.is_dir() else {}))

    def insert(self, path: str, after: str, text: str) -> None:
        """Put a text behind the only place that has ``after``."""
        file = self.folder / path
        before = file.read_text()
        assert before.count(after) == 1, f"{path} has {after!r} {before.count(after)} times"
        file.write_text(before.replace(after, after + text))

    def replace(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        before = file.read_text()
        assert old in before, f"{path} has no {old!r}"
        file.write_text(before.replace(old, new))

    def passes(self, *checks: str) -> bool:
        """Whether these tests pass in the copy; that none was found, or a wrong command, is an error of this test."""
        return self._run(*checks) == 0

    def fails(self, *checks: str) -> bool:
        """Whether one of them fails: no test runs after the first that does."""
        return self._run("-x", *checks) != 0

    def _run(self, *arguments: str) -> int:
        # in a folder of its own: pytest's takes time to tidy up what all runs before have left
        options = ("-n", "0", "-q", "-p", "no:cacheprovider", "--basetemp", str(self.folder / "tmp"))
        environment = {"PERSISTMEM_TEST_DSN": self._server, "PYTHONPATH": str(self.folder)}
        code, self.output = self._forks.run(self.folder, *options, *arguments, environment=environment)
        assert code in (0, 1, 2), self.output[-3000:]
        assert "passed" in self.output or code, self.output[-3000:]
        return code


@pytest.fixture(scope="module")
def forks() -> Iterator[PytestForks]:
    with PytestForks() as started:
        yield started


@pytest.fixture
def checkout(tmp_path: Path, server: str, forks: PytestForks) -> Checkout:
    return Checkout(tmp_path, server, forks)


def recipe(title: str) -> str:
    """The paragraphs of one recipe."""
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## How to add ...")[2]
    found = re.search(rf"^\*\*{re.escape(title)}\.\*\*(.*?)(?=^\*\*|^## )", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@pytest.mark.parametrize(
    "title", ["a language", "a statement", "a column of a memory", "a migration", "a setting", "a behaviour", "a test"]
)
def test_every_file_that_a_recipe_names_is_there(title: str) -> None:
    named = re.findall(r"`([\w./-]+/[\w./-]*|\w+\.py)`", recipe(title))
    assert named or title == "a test"
    places = (ROOT, ROOT / "langchain_persistmem", ROOT / "langchain_persistmem" / "types")
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_a_language_is_a_file_and_a_line_of_the_page(checkout: Checkout) -> None:
    for step in ("language/data/", "docs/reference/languages.md", LANGUAGES):
        assert step in recipe("a language")
    data = checkout.folder / "langchain_persistmem" / "language" / "data"
    finnish = (data / "fi.toml").read_text()
    estonian = re.sub(r"\n\[text_search\]\n.*?(?=\n\[|\Z)", "", finnish, flags=re.DOTALL)
    estonian = estonian.replace('name = "Finnish"', 'name = "Estonian"')
    (data / "et.toml").write_text(estonian)
    assert checkout.fails(f"{LANGUAGES}::test_languages_have_an_order_of_their_own_and_configurations_too")
    assert "test_languages_have_an_order_of_their_own" in checkout.output
    (data / "et.toml").write_text(re.sub(r"^order = \d+", "order = 99", estonian, flags=re.MULTILINE))
    assert checkout.fails(f"{LANGUAGES}::test_the_page_says_which_language_has_what")
    row = next(
        line for line in (checkout.folder / "docs/reference/languages.md").read_text().splitlines() if "`fi`" in line
    )
    estonian_row = row.replace("Finnish", "Estonian").replace("`fi`", "`et`").replace("`finnish`", "")
    checkout.insert("docs/reference/languages.md", row, f"\n{estonian_row}")
    assert checkout.passes(LANGUAGES)
    (data / "et.toml").write_text((data / "et.toml").read_text() + '\n[nonsense]\nwords = ["x"]\n')
    assert checkout.fails(LANGUAGES)
    assert "language file et.toml: unknown key 'nonsense'" in checkout.output


def test_a_setting_needs_its_row_on_the_page(checkout: Checkout) -> None:
    for step in ("`settings.py`", "docs/reference/settings.md", "__post_init__"):
        assert step in recipe("a setting")
    field = "    data_dir: Path | None = None\n"
    checkout.replace(
        "langchain_persistmem/settings.py",
        field,
        f'    tea_seconds: float = 3.0\n    """Seconds that tea takes, as the packet says."""\n{field}',
    )
    assert checkout.fails(SETTINGS)
    assert "tea_seconds" in checkout.output
    page = (checkout.folder / "docs/reference/settings.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| `schema` |"))
    checkout.insert("docs/reference/settings.md", row, "\n| `tea_seconds` | `3.0` | Seconds that tea takes. |")
    assert checkout.passes(SETTINGS)


def test_a_statement_names_the_namespace(checkout: Checkout) -> None:
    for step in ("postgres/queries/", "-- name: ", "namespace", "%(now)s::timestamptz"):
        assert step in recipe("a statement")
    statement = """
-- name: count_teas
-- How many memories are about tea: an example.
SELECT count(*) AS teas FROM persistmem.memories m WHERE {where}m.category = %(category)s::text
"""
    queries = "langchain_persistmem/postgres/queries/consent"
    end = (checkout.folder / f"{queries}.sql").read_text()
    (checkout.folder / f"{queries}.sql").write_text(end.rstrip() + "\n" + statement.format(where=""))
    assert checkout.fails(STATEMENTS)
    assert "count_teas" in checkout.output
    named = statement.format(where="m.namespace = %(namespace)s::text AND ")
    (checkout.folder / f"{queries}.sql").write_text(end.rstrip() + "\n" + named)
    assert checkout.passes(STATEMENTS)


def test_a_column_needs_every_place_that_the_recipe_names(checkout: Checkout) -> None:
    steps = recipe("a column of a memory")
    package = "langchain_persistmem"
    last = max((checkout.folder / package / "postgres/migrations").glob("*.sql")).name
    number = int(last[:4]) + 1
    # 1. The table: a migration, and the whole schema.
    (checkout.folder / package / f"postgres/migrations/{number:04}_tea.sql").write_text(
        "-- The tea that goes with a memory.\n\nALTER TABLE persistmem.memories ADD COLUMN tea text;\n"
    )
    assert checkout.fails(f"{SCHEMA}::test_schema_sql_is_what_the_migrations_build", COLUMNS)
    precision = "    date_precision text CHECK (date_precision IN ('told', 'time', 'day', 'month', 'season', 'year', 'about')),\n"
    checkout.insert(f"{package}/postgres/schema.sql", precision, "    tea           text,\n")
    # 2. What every statement reads and writes, and what becomes of it when an item is put again.
    queries = f"{package}/postgres/queries/memories.sql"
    checkout.insert(queries, "    m.utc_offset, m.date_precision", ", m.tea")
    checkout.insert(queries, "category, told_at, utc_offset, date_precision", ", tea")
    checkout.insert(queries, "              date_precision = NULL", ", tea = NULL")
    assert checkout.fails(COLUMNS)
    # 3. The field.
    field = '    """The precision of ``valid_from``; None where nobody said."""\n'
    checkout.insert(
        f"{package}/types/records.py", field, '    tea: str | None = None\n    """The tea that goes with it."""\n'
    )
    assert checkout.fails(COLUMNS)
    # 4. takes NULL, so that a new memory needs no value. 5. The file of an export.
    checkout.insert(
        f"{package}/privacy/export_file_checks.py", '            "told_at": _moment,\n', '            "tea": _text,\n'
    )
    assert checkout.passes(COLUMNS, f"{SCHEMA}::test_schema_sql_is_what_the_migrations_build"), checkout.output[-3000:]
    for place in (
        "postgres/schema.sql",
        "postgres/queries/memories.sql",
        "types/records.py",
        "privacy/export_file_checks.py",
    ):
        assert place in steps
