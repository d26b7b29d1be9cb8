"""The demo runs as a newcomer runs it, and what it says is what happened."""

import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_persistmem import PersistMem, Settings
from langchain_persistmem.cli.demo import NAMESPACE, USER

pytestmark = [pytest.mark.ci, pytest.mark.slow]

STATEMENTS = 4
"""What rules find in Maya's turns besides the turns: her allergy, what she cannot stand, how she wants to be answered, and in which language."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The folder of the demo's own server. Not below pytest's own: the next pytest run closes that to the server's user."""
    made = Path(tempfile.mkdtemp(prefix="persistmem-demo-"))
    yield made / "data"
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def shown(folder: Path) -> str:
    """What the demo prints, with its memories kept."""
    environment = {name: value for name, value in os.environ.items() if name != "PERSISTMEM_DSN"}
    command = [sys.executable, "-m", "langchain_persistmem", "demo", "--keep", "--data-dir", str(folder)]
    done = subprocess.run(
        command, env={**environment, "COLUMNS": "100"}, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, pattern
    return int(found[1].replace(",", ""))


def test_the_second_process_finds_what_the_first_remembered(shown: str) -> None:
    turns, memories = number(r"(\d+) turns became", shown), number(r"became (\d+) memories", shown)
    assert turns >= 60
    assert number(r"found (\d+) memories there", shown) == memories
    small_talk = number(r"memories in [\d.]+ s; (\d+) were small talk", shown)
    assert small_talk >= 1
    assert memories == turns - small_talk + STATEMENTS
    assert sum(int(each) for each in re.findall(r"(\d+) turns  →", shown)) == turns
    assert number(r"Process (\d+) has closed", shown) != number(r"process (\d+) found", shown)


def test_only_an_answer_among_the_best_is_ticked(shown: str) -> None:
    first, told = number(r"best for (\d+) of \d+ questions", shown), number(r"best for \d+ of (\d+) questions", shown)
    in_context = number(r"in the context for (\d+)", shown)
    silent = number(r"recalled nothing for (\d+) of", shown)
    asking = shown[shown.index("4  Asking") : shown.index("5  Forgetting")]
    questions = re.split(r"^\? ", asking, flags=re.MULTILINE)[1:]
    verdicts = [re.search(r"^([✓✗○]) \w", question, re.MULTILINE) for question in questions]
    marks = [verdict[1] for verdict in verdicts if verdict]
    assert len(marks) == len(questions) > told
    assert marks.count("✓") == first + silent
    assert marks.count("○") == in_context - first
    assert told / 2 < first <= in_context <= told
    assert silent >= 1
    places = [int(place) for place in re.findall(r"○ not among the 3 best \(place (\d+) of", asking)]
    assert places
    assert min(places) > 3
    for question, verdict, mark in zip(questions, verdicts, marks, strict=True):
        assert verdict
        table = question[: verdict.start()]
        assert (re.search(r"^✓  ━", table, re.MULTILINE) is not None) == (mark == "✓" and "never said" not in question)


def test_both_parts_of_the_context_are_a_fraction_of_the_history(shown: str) -> None:
    context, whole = number(r"is given: ([\d,]+) tokens", shown), number(r"whole history has ([\d,]+)", shown)
    assert 0 < context < whole / 4
    assert number(r"context: (\d+) tokens on average", shown) < whole / 2
    panel = shown[shown.index("what a model is given") : shown.index("? Which shoes")]
    standing, fitting = panel.split("│ fits the question")
    assert "Keep your answers short" in standing
    assert "Almonds and walnuts are fine" in panel
    assert "\n│ - " in fitting


def test_without_a_model_the_stand_in_for_one_is_called_that(shown: str) -> None:
    part = shown[shown.index("6  A chat model") : shown.index("7  In short")]
    assert "So far no chat model was asked" in part
    assert "prepared answers from a file" in part
    assert part.count("  · ") == number(r"(\d+) statements, without the turns", part) > 5
    versions = re.findall(r"fact:(\w+) +(now|until [\d-]+) +(.+)", part)
    assert ("home_city", "now", "The user lives in Hamburg.") in [
        (key, when, text.strip()) for key, when, text in versions
    ]
    assert ("home_city", "until 2026-09-15", "The user lives in Leipzig.") in [
        (key, when, text.strip()) for key, when, text in versions
    ]


def test_what_was_said_beside_the_secret_stays(shown: str) -> None:
    assert re.search(r"✓ what she said right beside it is still there: “On 1 September", shown)


def test_it_ends_with_what_to_do_next(shown: str) -> None:
    last = shown[shown.index("next:") :]
    assert "recall" in last
    assert "ingest --help" in last
    assert "commands" in last


def structure(lines: str) -> list[str]:
    """Headings, questions and the marks of the verdicts, whatever the figures."""
    return re.findall(r"^(?:\d  [A-Z][\w ,]+\w|\? .*\w|[✓✗○](?= \w))", lines, re.MULTILINE)


def test_the_picture_of_the_readme_is_that_of_a_run_like_this_one(shown: str) -> None:
    root = Path(__file__).parents[2]
    spec = importlib.util.spec_from_file_location("demo_picture", root / ".ci" / "demo_picture.py")
    assert spec
    assert spec.loader
    picture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(picture)
    svg = picture.PICTURE.read_text()
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
    rows: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text class="demo-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        rows.setdefault(float(y), []).append((float(x), html.unescape(text).replace("\xa0", " ").strip("\n")))
    drawn = "\n".join("".join(text for _, text in sorted(rows[y])) for y in sorted(rows))
    here = "\n".join(line.plain for line in picture.excerpt(shown))
    assert structure(drawn) == structure(here)
    assert len(structure(here)) >= 10


def test_it_prints_the_receipt_and_what_was_forgotten_is_gone(shown: str, folder: Path) -> None:
    forgotten = number(r"memories +(\d+) *\n", shown[shown.index("receipt: erased for good") :])
    assert forgotten >= 1
    with PersistMem.open(settings=Settings(data_dir=folder), namespace=NAMESPACE) as memory:
        kept = memory.list(limit=1000, user_id=USER)
    assert len(kept) == number(r"none of the (\d+) memories that are left", shown)
    assert len(kept) == number(r"became (\d+) memories", shown) - forgotten
    neighbours = {"s3-13", "s4-03"}
    assert neighbours <= {id for item in kept for id in item.provenance.message_ids}
    assert not [each for each in kept if "47,200" in str(each.text) or "53,800" in str(each.text)]
