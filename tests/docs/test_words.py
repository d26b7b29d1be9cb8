"""The words of this package: plain nouns and verbs, one word for one idea, and a map that can be guessed from."""

import ast
import dataclasses
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from langchain_persistmem import Ranking, Redaction, Retention, Settings, errors

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "langchain_persistmem"

RETIRED_NAMES = {
    "hall": "client",
    "cellar": "postgres",
    "pantry": "postgres",
    "room": "folder or layer",
    "rooms": "folders or layers",
    "workshop": "language",
    "lives": "generations",
    "life": "generation",
    "incarnation": "generation",
    "incarnations": "generations",
    "arm": "query plan",
    "arms": "query plans",
    "shelf": "partial HNSW index",
    "shelves": "partial HNSW indexes",
    "shelve": "index",
    "shelved": "indexed",
    "shelving": "indexing",
    "signs": "binary quantization",
    "sketch": "binary quantization",
    "sketches": "binary quantization",
    "patience": "backoff or timeout",
    "recording": "audit log",
    "keep": "insert, or a limit",
    "keeping": "insert",
    "place": "index or position",
    "places": "indexes or positions",
    "colour": "sync and async",
    "colours": "sync and async",
    "door": "entry point",
    "doors": "entry points",
    "port": "adapter",
    "ports": "adapters",
    "tending": "admin",
    "overseeing": "admin",
    "written": "unindexed",
    "shown": "context, or exclude",
    "said": "the thing that was said",
    "told": "the thing that was told",
    "asked": "question",
    "each": "the name of the thing",
    "given": "argument, or the name of the thing",
    "known": "existing",
    "kept": "stored",
    "healing": "missing vectors",
    "heal": "missing vectors",
    "healed": "missing vectors",
}
"""Retired as a part of a name, with the word that stands for it now."""

PLAIN_NAMES = {
    "half_life_days": "the half-life of a decay",
    "asked_at": "a field of the file of questions",
    "told_at": "decision 27: when a person said it, beside recorded_at and valid_from",
    "shown": "the argument of context(), in a body of HTTP",
}
"""Names that contain a retired word for a good reason, by name."""

RETIRED_IN_TEXT = {
    r"\b(?:hall|cellar|pantry|workshop)\b": "the folder's name",
    r"\bthe rooms?\b": "folder or layer",
    r"\bshel(?:f|ves|ved?|ving)\b": "partial HNSW index",
    r"\barms?\b": "query plan, or search",
    r"\bincarnations?\b": "generation",
    r"\b(?:lives|life) (?:of|that) (?:a|the|its) namespace\b": "generation",
    r"\bcolours?\b": "sync and async",
    r"\bdoors?\b": "entry point",
    r"\bsketch(?:es)?\b": "binary quantization",
    r"\bpatience\b": "backoff or timeout",
    r"\b(?:tending|overseeing)\b": "admin",
    r"\bheal(?:s|ed|ing)?\b": "missing vectors",
}
"""Retired in docstrings, comments and pages, with the words that stand for them now."""

PLAIN_COLUMNS = {
    "given_up_at": "to give up, as of a dead letter",
    "told_at": "decision 27: when a person said it, beside recorded_at and valid_from",
}
RETIRED_COLUMNS = {"sketch", "shelf", "incarnation", "audited", "enriched_to", "word", "words"}
RETIRED_SETTINGS = {
    "floor", "shown_known", "least_confidence", "most_superseded", "even", "even_per_log", "certain", "softness", "lacking", "outside",
    "before", "after", "bonus", "answer_words", "reply", "similar", "habits",
}  # fmt: skip
READ_ONLY_SQL = {"postgres/schema.sql": "the whole schema, to be read; a test compares it with the migrations"}
PLAIN_PHRASES = {
    "the hall hands out": "the title of a decision",
    "office door": "an example",
    "paint are enough for the door": "an example",
    "blue door": "an example",
    "door true": "an example",
}
"""Phrases of plain English that look like a metaphor, with the reason."""
HISTORY = ("docs/decisions/",)
"""Pages that may use a retired word, since they tell what was decided under that name."""

QUESTION_WORD = re.compile(r"(?:What|Whether|Who|Whose|Which|How|Where|Why|When)\b")
IRREGULAR = frozenset({
    "said", "told", "asked", "shown", "given", "known", "kept", "found", "written", "made", "taken", "held", "gone", "done", "seen",
    "left", "met", "sent", "paid", "built", "bound", "drawn", "spoken", "chosen", "hidden", "broken", "begun", "worn", "grown", "thrown",
})  # fmt: skip
ED_BUT_NO_PARTICIPLE = frozenset({"embed", "feed", "need", "seed", "speed", "shed", "red"})
PRONOUNS = frozenset({
    "each", "every", "others", "theirs", "mine", "ours", "who", "whom", "whose", "what", "anything", "nothing", "something",
    "same", "such", "both", "some", "he", "she", "him", "her", "this", "that", "these", "those",
})  # fmt: skip
"""Not ``one`` and ``other``: so two things are called that are compared."""
PLAIN_LOCALS = {"keep_latest", "port"}
"""An option of LangGraph's own, and that of a network."""
MAY_REPEAT = {"client", "cli", "postgres/queries", "server/pages"}
"""Folders whose modules may have the name of a module of the flow that they belong to."""
MAY_BE_LARGE = {"cli", "postgres/queries"}
MOST_ENTRIES, MOST_MODULES, LONG_FUNCTION = 24, 15, 25


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "__pycache__")


def place(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in modules()]


@pytest.fixture(scope="module", autouse=True)
def one_worker() -> None:
    """A fixture of the module keeps its tests together, so that one worker parses the package."""


def definitions(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def names_of(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each module, class, function and field; locals and parameters are left to the reader."""
    yield 1, path.stem if path.stem != "__init__" else path.parent.name
    for node in definitions(tree):
        yield node.lineno, node.name
        if isinstance(node, ast.ClassDef):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    yield field.lineno, field.target.id


def parts_of(name: str) -> list[str]:
    """``_openShelf_2`` -> open, shelf."""
    return re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower())


def is_participle(name: str) -> bool:
    words = parts_of(name)
    return bool(words) and (words[0] in IRREGULAR or (words[0].endswith("ed") and words[0] not in ED_BUT_NO_PARTICIPLE))


def comments_of(source: str) -> dict[int, str]:
    """Comments by line, without the directives of tools."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    texts = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    return {line: text for line, text in texts.items() if not re.match(r"noqa(?!.* - )|pyright:|fmt:|type:", text)}


def test_no_module_class_function_or_field_has_a_retired_word_in_its_name() -> None:
    bad = [
        f"{place(path, line)}: {name} has {part!r}; now: {RETIRED_NAMES[part]}"
        for path, tree in trees()
        for line, name in names_of(path, tree)
        for part in parts_of(name)
        if part in RETIRED_NAMES and name not in PLAIN_NAMES
    ]
    assert not bad, "\n".join(bad)
    assert {name for path, tree in trees() for _, name in names_of(path, tree)} >= PLAIN_NAMES.keys()


def bindings(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    """Line and name of each parameter and local variable of a function; functions inside it are asked themselves."""
    pending: list[ast.AST] = [function.args, *function.body]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.lineno, node.name
        pending += ast.iter_child_nodes(node)


def test_no_local_name_is_a_pronoun_a_participle_or_a_retired_word() -> None:
    """What a record calls its field, a local may be called too."""
    fields = {name for _, tree in trees() for _, name in names_of(Path(), tree)}
    bad: list[str] = []
    every = 0
    for path, tree in trees():
        for node in definitions(tree):
            if isinstance(node, ast.ClassDef):
                continue
            for line, name in bindings(node):
                every += 1
                words = parts_of(name)
                is_bad = len(words) == 1 and (words[0] in IRREGULAR or words[0] in PRONOUNS)
                if (is_bad or set(words) & RETIRED_NAMES.keys()) and name not in fields | PLAIN_LOCALS:
                    bad.append(f"{place(path, line)}: {name}")
    assert every > 2_000
    assert not bad, "\n".join(bad)


def test_no_table_or_column_has_a_retired_word_in_its_name(database: str) -> None:
    with psycopg.connect(database) as connection:
        every = connection.execute(
            "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'persistmem'"
        ).fetchall()
    assert ("memories", "text") in every
    bad = {
        name
        for table, column in every
        for name in (table, column)
        if (set(parts_of(name)) | {name}) & (RETIRED_NAMES.keys() | RETIRED_COLUMNS)
    }
    assert bad == PLAIN_COLUMNS.keys(), bad


@pytest.mark.parametrize("kind", [Settings, Ranking, Retention, Redaction])
def test_no_setting_has_a_retired_word_in_its_name(kind: type) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    assert not [name for name in names if set(parts_of(name)) & RETIRED_NAMES.keys() and name not in PLAIN_NAMES]
    assert not [name for name in names if is_participle(name) or name in RETIRED_SETTINGS]


def test_every_exception_ends_in_error_and_has_no_retired_word_in_its_name() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert [kind.__name__ for kind in kinds if not kind.__name__.endswith("Error")] == []
    assert [kind.__name__ for kind in kinds if set(parts_of(kind.__name__)) & RETIRED_NAMES.keys()] == []


def test_no_glossary_entry_is_a_retired_word() -> None:
    page = (ROOT / "docs" / "reference" / "glossary.md").read_text().partition("## Retired words")[0]
    entries = re.findall(r"\*\*([^*]+)\*\*", page)
    assert len(entries) > 40
    retired = [entry for entry in entries if set(parts_of(entry)) & RETIRED_NAMES.keys()]
    assert retired == [], retired


def texts() -> Iterator[tuple[Path, int, str]]:
    """File, line and text of each docstring, comment and line of SQL or of a page."""
    for path, tree in trees():
        for node in (tree, *definitions(tree)):
            for statement in node.body:
                if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    yield path, statement.lineno, str(statement.value.value)
        for line, comment in comments_of(path.read_text()).items():
            yield path, line, comment
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    pages += (path for path in sorted(PACKAGE.rglob("*.sql")) if path.parent.name != "migrations")
    for path in pages:
        if path.relative_to(ROOT).as_posix().startswith(HISTORY):
            continue
        text = path.read_text()
        for number, line in enumerate(text.partition("## Retired words")[0].splitlines(), 1):
            yield path, number, line


def test_no_docstring_comment_or_page_uses_a_retired_metaphor() -> None:
    bad = [
        f"{place(path, line)}: {match[0]!r}; now: {now}"
        for path, line, text in texts()
        for pattern, now in RETIRED_IN_TEXT.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
        if not any(phrase in text.lower() for phrase in PLAIN_PHRASES)
    ]
    assert not bad, "\n".join(bad)


def test_docstrings_do_not_begin_with_a_question_word() -> None:
    every, bad = 0, list[str]()
    for path, tree in trees():
        for node in (tree, *definitions(tree)):
            text = ast.get_docstring(node)
            every += text is not None
            if text and QUESTION_WORD.match(text):
                bad.append(f"{place(path, getattr(node, 'lineno', 1))}: {text.splitlines()[0]}")
    assert every > 200
    assert len(bad) < 0.02 * every, "\n".join(bad)


def test_functions_are_not_named_by_participles() -> None:
    every = [
        (path, node)
        for path, tree in trees()
        for node in definitions(tree)
        if not isinstance(node, ast.ClassDef) and not (node.name.startswith("__") and node.name.endswith("__"))
    ]
    bad = [f"{place(path, node.lineno)}: {node.name}" for path, node in every if is_participle(node.name)]
    assert len(bad) < 0.03 * len(every), "\n".join(bad)


def test_every_long_function_has_a_comment_that_says_why() -> None:
    bad: list[str] = []
    for path, tree in trees():
        comments = comments_of(path.read_text())
        for node in definitions(tree):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if isinstance(node, ast.ClassDef) or length <= LONG_FUNCTION:
                continue
            if not any(node.lineno <= line <= (node.end_lineno or 0) for line in comments):
                bad.append(f"{place(path, node.lineno)}: {node.name} has {length} lines and no comment")
    assert not bad, "\n".join(bad)


def folders() -> Iterator[Path]:
    """The package and its folders of Python, without data."""
    for folder in (PACKAGE, *sorted(path for path in PACKAGE.rglob("*") if path.is_dir())):
        if folder.name != "__pycache__" and any(folder.glob("*.py")):
            yield folder


def test_the_package_has_few_entries() -> None:
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_no_folder_has_many_modules() -> None:
    sizes = {
        folder.relative_to(PACKAGE).as_posix(): sum(path.name != "__init__.py" for path in folder.glob("*.py"))
        for folder in folders()
    }
    assert len(sizes) > 15
    large = {name: size for name, size in sizes.items() if size > MOST_MODULES and name not in MAY_BE_LARGE}
    assert large == {}


def test_no_two_modules_share_a_name() -> None:
    counts = Counter(
        path.stem
        for folder in folders()
        if folder.relative_to(PACKAGE).as_posix() not in MAY_REPEAT
        for path in folder.glob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
    )
    twice = {name for name, count in counts.items() if count > 1}
    assert twice == set(), twice


def test_every_sql_file_lies_beside_the_module_of_its_name() -> None:
    files = [path for path in PACKAGE.rglob("*.sql") if path.parent.name != "migrations"]
    assert files
    alone = [path.relative_to(PACKAGE).as_posix() for path in files if not path.with_suffix(".py").exists()]
    assert not set(alone) - READ_ONLY_SQL.keys()
