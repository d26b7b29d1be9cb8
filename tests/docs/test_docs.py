"""What the documentation says is so: its code runs, its commands parse, its links and its lists are complete.

Every ```python block of README.md, CONTRIBUTING.md and docs/ runs. The blocks of one page share their names, in order,
and a fresh database; they run in an empty folder. A block that begins with ``# not run: reason`` is only compiled.
A ```text block right after a ```python block is what the latter prints; ids, dates and decimals may differ.
"""

import argparse
import ast
import asyncio
import builtins
import contextlib
import dataclasses
import inspect
import io
import re
import shlex
import shutil
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import psycopg
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.graph import END, START, StateGraph

import langchain_persistmem
from langchain_persistmem import (
    LocalEmbeddings,
    MemoryState,
    Ranking,
    Redaction,
    Retention,
    Settings,
    errors,
)
from langchain_persistmem.types import records
from tests.support.material import users_turns_in
from tests.support.public_methods import get_function, public_methods

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

SUBSTITUTIONS = {
    # what a page says                       what runs instead
    '"postgresql://..."': "DATABASE",  # a fresh database after setup()
    '"openai:text-embedding-3-small"': "EMBEDDINGS",  # the local embedding model
    'init_chat_model("openai:gpt-5-mini")': "MODEL",  # Scripted, below
    '"openai:gpt-5-mini"': "MODEL",
}
"""Nothing else is replaced: a page's code runs to the letter apart from these."""

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$(?:\n\n?^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
MAX_NOT_RUN = 2


class Scripted(BaseChatModel):
    """In the place of a paid model: it answers "Noted." and extracts each message as one memory, word for word.

    An application's own shape has the message in each field that it requires.
    """

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("Noted."))])

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, Any]:
        return self

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        memories = schema["properties"].get("memories", {"items": {"properties": {}}})
        content = memories["items"]["properties"].get("content", {})
        return RunnableLambda(lambda messages: _extracted(messages, content.get("required", ())))


def _extracted(messages: Any, fields: Sequence[str]) -> dict[str, Any]:
    shown = users_turns_in(messages[-1][1])
    memory = {"type": "fact", "importance": 0.5, "confidence": 0.9}
    return {
        "memories": [
            {**memory, "text": turn.text, "messages": [turn.number], "content": dict.fromkeys(fields, turn.text)}
            for turn in shown
        ]
    }


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> Iterator[tuple[int, str, str | None]]:
    """Line, text and expected output of each block."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        if match[1] == language:
            yield text.count("\n", 0, match.start()) + 2, match[2], match[3]


def a_builder() -> StateGraph:
    """The README's ``builder``: a graph that lacks the two nodes that the block adds."""
    builder = StateGraph(MemoryState)
    builder.add_node("model", lambda _: {"messages": [AIMessage("Noted.")]})
    for start, end in ((START, "load_memory"), ("load_memory", "model"), ("model", "extract_memory")):
        builder.add_edge(start, end)
    builder.add_edge("extract_memory", END)
    return builder


def loosened(output: str) -> str:
    """``output`` without what differs from run to run: ids, dates, decimals, and trailing spaces."""
    output = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "<id>", output)
    output = re.sub(r"\d{4}-\d\d-\d\d", "<date>", output)
    output = re.sub(r"\d+\.\d+", "<number>", output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


@pytest.fixture
def empty_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory of a page's code. Not below pytest's own folder: see conftest.server."""
    folder = Path(tempfile.mkdtemp(prefix="persistmem-docs-"))
    monkeypatch.chdir(folder)
    yield folder
    monkeypatch.chdir(ROOT)
    shutil.rmtree(folder)


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page, "python"))], ids=page_id)
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(
    page: Path, database: str, embeddings: LocalEmbeddings, empty_folder: Path
) -> None:
    names: dict[str, Any] = {"DATABASE": database, "EMBEDDINGS": embeddings, "MODEL": Scripted()}
    before = set(threading.enumerate())
    with asyncio.Runner() as runner:
        for line, text, expected in blocks(page, "python"):
            for said, meant in SUBSTITUTIONS.items():
                text = text.replace(said, meant)  # noqa: PLW2901
            source = "\n" * (line - 1) + text  # an error names the page's own line
            code = builtins.compile(source, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if text.startswith("# not run: "):
                continue
            if page.name == "README.md":
                names["builder"] = a_builder()
            printed = io.StringIO()
            with redirect_stdout(printed):
                waiting = eval(code, names)
                if code.co_flags & inspect.CO_COROUTINE:
                    runner.run(waiting)
            if expected is not None:
                assert loosened(printed.getvalue()) == loosened(expected), f"{page_id(page)}, line {line}"
    left = [
        thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("persistmem-")
    ]
    for thread in left:
        thread.join(5)
    assert not any(thread.is_alive() for thread in left), "a page closes what it opens: a worker would go on"


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page, "sql"))], ids=page_id)
def test_the_sql_of_a_page_runs(page: Path, database: str) -> None:
    texts = [text for _, text, _ in blocks(page, "sql")]
    # Roles belong to the whole server: another test may have one of this name, and none is left behind.
    roles = {name: f"{name}_{uuid4().hex[:8]}" for name in re.findall(r"CREATE ROLE (\w+)", "\n".join(texts))}
    with psycopg.connect(database) as connection:
        for text in texts:
            connection.execute(re.sub(r"\w+", lambda word: roles.get(word[0], word[0]), text).encode())
        connection.rollback()


def test_blocks_that_do_not_run_are_rare() -> None:
    skipped = [text for page in PAGES for _, text, _ in blocks(page, "python") if text.startswith("# not run: ")]
    assert len(skipped) <= MAX_NOT_RUN


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for line, text, _ in blocks(page, "console"):
            for command in text.replace("\\\n", " ").splitlines():
                for part in command.split(" && "):
                    yield f"{page_id(page)}:{line}", part


@pytest.mark.parametrize(("place", "command"), list(commands()))
def test_a_command_is_understood(place: str, command: str) -> None:
    words = shlex.split(command, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        del words[0]
    if words[:2] == ["uv", "run"]:
        del words[:2]
        while words[0] == "--group":
            assert words[1] in PROJECT["dependency-groups"], command
            del words[:2]
    program, *arguments = words
    if program == "persistmem":
        from langchain_persistmem import __main__

        parser: argparse.ArgumentParser = __main__._parser()
        if "--version" in arguments:
            with pytest.raises(SystemExit, match="0"):
                parser.parse_args(arguments)
        else:
            parser.parse_args(arguments)
    elif program == "pytest":
        assert all((ROOT / each.split("::")[0]).exists() for each in arguments if not each.startswith("-")), command
    elif program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(arguments) <= set(targets), command
    elif words[:2] == ["pip", "install"]:
        for package in words[2:]:
            name, _, extras = package.rstrip("]").partition("[")
            known = {"uv": set(), "langgraph-cli": {"inmem"}} | {
                PROJECT["project"]["name"]: set(PROJECT["project"]["optional-dependencies"])
            }
            assert set(filter(None, extras.split(","))) <= known[name], command
    elif program == "langgraph":
        cli = pytest.importorskip(
            "langgraph_cli.cli", reason="langgraph-cli is not installed; run: uv sync --group langgraph-server"
        )
        with contextlib.chdir(ROOT / "docs" / "examples" / "langgraph-server"):
            cli.cli.commands[arguments[0]].make_context(arguments[0], arguments[1:])
    else:
        assert program in ("ruff", "basedpyright", "lint-imports", "jupyter", "git", "cd"), command


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_files_that_a_page_names_exist(page: Path) -> None:
    roots = (ROOT, ROOT / "langchain_persistmem")
    for name in re.findall(r"`((?:\w+/)+[\w.-]*|\w+\.(?:py|sql|toml|md))`", page.read_text()):
        assert any((root / name).exists() for root in roots), name


def test_the_index_links_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert page.parent == ROOT / "docs" or f"({page.relative_to(ROOT / 'docs').as_posix()})" in index, page


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / f"{name}.md").read_text()


def shown(value: object) -> str:
    return f"{type(value).__name__}()" if isinstance(value, (Settings, Ranking, Retention)) else repr(value)


@pytest.mark.parametrize("kind", [Settings, Ranking, Retention, Redaction])
def test_every_setting_is_listed_with_its_default(kind: type) -> None:
    page = reference("settings")
    for field in dataclasses.fields(kind):
        assert f"| `{field.name}` | `{shown(field.default)}` |" in page, field.name
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert rows == {
        field.name for each in (Settings, Ranking, Retention, Redaction) for field in dataclasses.fields(each)
    }


def test_every_error_is_listed_and_the_tree_is_that_of_the_code() -> None:
    page = reference("errors")
    tree = inspect.getdoc(errors).split("\n\n")[1]
    assert inspect.cleandoc(tree) in page
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.PersistMemError):
            assert f"| `{name}` |" in page, name


DIRECTIVE = re.compile(r"^::: langchain_persistmem\.(\w+)$", re.MULTILINE)
"""What mkdocstrings replaces with the signature and the docstring of a name; .ci/site.py checks the built page."""


def test_the_reference_has_every_public_name_once() -> None:
    assert sorted(DIRECTIVE.findall(reference("api"))) == sorted(langchain_persistmem.__all__)


FUNCTIONS = {
    **{name: value for name, value in vars(langchain_persistmem).items() if inspect.isfunction(value)},
    **{name: get_function(name) for name in public_methods()},
    "PersistMemMiddleware": langchain_persistmem.PersistMemMiddleware,
}


@pytest.mark.parametrize("name", sorted(name for name in FUNCTIONS if not name.startswith("_")))
def test_a_docstring_names_the_parameters(name: str) -> None:
    # what all methods share stands at the class; "as :meth:`recall`" takes over what recall's says
    parts = [inspect.getdoc(FUNCTIONS[name]) or "", inspect.getdoc(langchain_persistmem.PersistMem) or ""]
    parts += [
        inspect.getdoc(FUNCTIONS[role]) or ""
        for role in re.findall(r":(?:meth|func):`(\w+)`", parts[0])
        if role in FUNCTIONS
    ]
    for parameter in inspect.signature(FUNCTIONS[name]).parameters:
        assert parameter in ("self", "cls") or re.search(rf"\b{parameter}\b", "\n".join(parts)), parameter


@pytest.mark.parametrize("name", sorted(name for name in FUNCTIONS if not name.startswith("_")))
def test_a_docstring_names_errors_that_exist(name: str) -> None:
    _, _, raised = (inspect.getdoc(FUNCTIONS[name]) or "").partition("\nRaises:\n")
    for error in re.findall(r"^ {4}(\w+): ", raised, re.MULTILINE):
        assert hasattr(errors, error) or hasattr(builtins, error), error


def test_every_option_of_the_command_is_listed() -> None:
    from langchain_persistmem import __main__

    page = reference("command")
    (subcommands,) = (each for each in __main__._parser()._actions if isinstance(each, argparse._SubParsersAction))
    for name, parser in subcommands.choices.items():
        assert f"## {name}" in page, name
        for action in parser._actions:
            if action.help is not argparse.SUPPRESS and action.option_strings:
                assert f"`{action.option_strings[-1]}" in page, action.option_strings


WORDS = """
memory, kind, namespace, key, value, thread, checkpoint, checkpointer, remember, observe, extract, reinforce, supersede,
recall, recollection, score, evidence, threshold, ranking, importance, confidence, context, provenance, valid time,
recorded time, forget, receipt, candidate, turn, small talk, generation, backend, history, retriever, consolidate,
compress, trust, quarantine, retention, expire, archive, redact, hot path, background, decay
"""


def test_the_glossary_has_every_word() -> None:
    page = reference("glossary")
    words = [word.strip() for word in WORDS.replace("\n", " ").split(",")]
    for word in (*words, *get_args(records.Kind), *get_args(records.Status), *get_args(records.Source)):
        assert f"**{word}**" in page, word


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=page_id)
def test_a_decision_says_context_choice_and_price(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert headings == ["Context", "Choice", "Price"]
    assert len(page.read_text().split()) <= 600


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## [{PROJECT['project']['version']}]" in (ROOT / "CHANGELOG.md").read_text()
