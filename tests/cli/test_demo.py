"""The demo runs as a newcomer runs it, and what it says is what happened."""

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

pytestmark = pytest.mark.slow

STATEMENTS = 2
"""What rules find in Maya's turns besides the turns: her allergy, and how she wants to be answered."""


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


def test_its_verdicts_add_up_and_most_answers_are_found(shown: str) -> None:
    found, told = number(r"answer to (\d+) of", shown), number(r"answer to \d+ of (\d+)", shown)
    silent = number(r"recalled nothing for (\d+) of", shown)
    asking = shown[shown.index("4  Asking") : shown.index("5  Forgetting")]
    verdicts = re.findall(r"^([✓✗]) \w", asking, re.MULTILINE)
    assert len(verdicts) == len(re.findall(r"^\? ", asking, re.MULTILINE)) > told
    assert verdicts.count("✓") == found + silent
    assert told / 2 < found <= told
    assert silent >= 1


def test_the_context_is_a_fraction_of_the_history(shown: str) -> None:
    context, whole = number(r"is given: ([\d,]+) tokens", shown), number(r"whole history has ([\d,]+)", shown)
    assert 0 < context < whole / 4
    assert number(r"context: (\d+) tokens on average", shown) < whole / 2


def test_it_prints_the_receipt_and_what_was_forgotten_is_gone(shown: str, folder: Path) -> None:
    forgotten = number(r"memories +(\d+) *\n", shown[shown.index("receipt: erased for good") :])
    assert forgotten >= 1
    with PersistMem.open(settings=Settings(data_dir=folder), namespace=NAMESPACE) as memory:
        kept = memory.list(limit=1000, user_id=USER)
    assert len(kept) == number(r"none of the (\d+) memories that are left", shown)
    assert len(kept) == number(r"became (\d+) memories", shown) - forgotten
    assert not [each for each in kept if "47,200" in str(each.text) or "53,800" in str(each.text)]
