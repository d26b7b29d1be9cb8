"""The workflows run what the package says that it supports."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from langchain_persistmem.operations.server_rules import about_versions
from tests.docs.test_docs import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]


def test_the_tests_run_on_every_python_that_the_package_names() -> None:
    named = [entry.rpartition(" ")[2] for entry in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", entry)]
    assert JOBS["python"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


@pytest.mark.parametrize("major", range(13, 22))
def test_the_tests_run_on_every_postgresql_that_the_doctor_calls_tested(major: int) -> None:
    found = about_versions({"server_version": 10_000 * major + 99, "vector_version": None, "vector_available": True})
    is_tested = str(major) in JOBS["postgres"]["strategy"]["matrix"]["postgres"]
    assert (found[0].level == "ok") == is_tested


def test_the_readme_names_the_oldest_postgresql_of_the_matrix() -> None:
    oldest = JOBS["postgres"]["strategy"]["matrix"]["postgres"][0]
    assert f"version {oldest} or later" in (ROOT / "README.md").read_text()
