"""What one subcommand does another one shows, and each says in one screen what it is for."""

import argparse
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem
from langchain_persistmem.__main__ import _parser, main
from langchain_persistmem.cli.commands import phrases_of
from langchain_persistmem.cli.tables import PARTS
from langchain_persistmem.language.command_detection import detect
from langchain_persistmem.language.language_files import languages
from langchain_persistmem.runtime.models import local_embeddings

WITHOUT_JSON = {
    "completion": "its output is a script",
    "serve": "a server",
    "token": "its output is a token",
    "mcp": "speaks the protocol's own JSON",
}

RECEIPT = {"erased", "counts", "remaining_traces", "by_namespace", "ids", "verified", "candidates"}


@pytest.fixture(autouse=True)
def _loaded_once(embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_embeddings, "LocalEmbeddings", lambda: embeddings)


@pytest.fixture
def command(database: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a subcommand of Ada's that succeeds; returns its JSON."""

    def run(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main([words[0], "--dsn", database, *words[1:], "--user", "ada", "--json"]) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def parsers() -> dict[str, argparse.ArgumentParser]:
    (found,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def test_a_statement_is_remembered_corrected_pinned_and_restored(command: Any) -> None:
    stored = command("remember", "I live in Oslo.", "--key", "home", "--importance", "0.9", "--value", '{"a": 1}')
    assert (stored["memory"]["key"], stored["memory"]["value"]) == ("home", {"a": 1})
    assert command("edit", "home", "--text", "I live in Bergen.")["memory"]["text"] == "I live in Bergen."
    assert command("pin", "home")["memory"]["pinned"] is True
    assert command("pin", "home", "--remove")["memory"]["pinned"] is False
    history = command("history", "home")
    assert [version["text"] for version in history["versions"]] == ["I live in Bergen.", "I live in Oslo."]
    assert "unpinned" in {change["change"] for change in history["changes"]}
    restored = command("restore", history["versions"][-1]["id"])
    assert restored["memory"]["text"] == "I live in Oslo."
    assert [memory["text"] for memory in command("list")["memories"]] == ["I live in Oslo."]


def test_a_turn_is_observed_and_stands_in_the_context(command: Any) -> None:
    turn = ("observe", "I play the tuba in a band.", "--thread", "t", "--id", "1", "--at", "2026-03-02T19:00+01:00")
    assert command(*turn)["stored"] == 1
    assert command(*turn)["stored"] == 0
    context = command("context", "Which instrument do I play?", "--max-tokens", "200")
    assert "tuba" in context["text"]
    assert context["text"].count("tuba") == (context["standing"] + context["relevant"]).count("tuba")
    assert 0 < context["tokens"] <= 200
    assert len(context["keys"]) >= 1


def test_a_profile_is_merged(command: Any) -> None:
    assert command("profile", "--set", '{"name": "Ada", "goals": ["rest"]}')["profile"]["name"] == "Ada"
    assert command("profile", "--set", '{"name": null}')["profile"]["goals"] == ["rest"]
    assert command("profile")["profile"]["name"] is None


def test_off_the_record_nothing_is_stored_until_it_ends(command: Any) -> None:
    assert command("off-record", "t") == {"thread_id": "t", "off_record": False}
    assert command("off-record", "t", "--begin")["off_record"] is True
    assert command("observe", "I live in Oslo.", "--thread", "t")["skip_reason"] == "off_record"
    assert command("off-record", "t", "--end")["off_record"] is False
    assert command("observe", "I live in Oslo.", "--thread", "t")["stored"] == 1


def test_recall_is_for_people_and_explain_has_the_parts(
    memory: PersistMem, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.remember("I live in Oslo.", user_id="ada")
    plain = ["recall", "Where do I live?", "--user", "ada", "--dsn", database]
    assert main(plain) == 0
    shown = capsys.readouterr().out
    assert "I live in Oslo." in shown
    assert not [part for part in PARTS if f"{part} 0." in shown or f"{part} 1." in shown]
    assert main([*plain, "--explain"]) == 0
    assert "meaning" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["reject", "--all", "--user", "ada"],
        ["prune", "--keep", "1"],
        ["maintain", "--purge-days", "1"],
        ["maintain", "--drop-turns"],
        ["reembed", "--drop-others"],
        ["forget", "--everything", "--user", "ada"],
        ["forget", "key", "--user", "ada"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["", "json"])
def test_what_erases_asks_first_and_refuses_where_nobody_can_answer(
    words: list[str], more: list[str], database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *more, "--dsn", database]) == 2
    assert "there is nobody to ask; pass --yes" in capsys.readouterr().err


def test_no_other_language_has_a_phrase_that_means_another_command() -> None:
    """Every wording that is printed, with an object in it, is understood as the command that it is printed under."""
    things = {"ja": "猫のオーティスのこと", "zh": "我的猫奥蒂斯", "ko": "우리 고양이 오티스"}
    wrong: list[str] = []
    every = 0
    for language in languages():
        if language.commands is None:
            continue
        for command, phrases in phrases_of(language).items():
            for phrase in phrases:
                every += 1
                found = detect(phrase.replace("...", things.get(language.code, "Otis Meier")))
                if found is not None and found.command != command:
                    wrong.append(f"{language.code}: {phrase} is {found.command}, not {command}")
    assert every > 300
    assert wrong == []


def test_most_of_what_is_printed_is_understood() -> None:
    every = [
        (detect(phrase.replace("...", "Otis Meier")), phrase)
        for language in languages()
        if language.code == "en"
        for phrases in phrases_of(language).values()
        for phrase in phrases
    ]
    assert [phrase for found, phrase in every if found is None] == []


def test_the_phrases_of_one_language_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["commands", "--language", "de"]) == 0
    assert "vergiss alles über ..." in capsys.readouterr().out
    assert main(["commands", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["languages"]["en"]) == {
        "remember", "forget", "show", "private", "pause",
    }  # fmt: skip
    assert main(["commands", "--language", "xx"]) == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_the_shell_can_read(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    for word in ("off-record", "--everything", "--data-dir"):
        assert word.lstrip("-") in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(script)], check=True, capture_output=True)


@pytest.mark.parametrize("name", parsers())
def test_every_help_is_a_screen_with_an_example(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = parsers()[name].format_help().splitlines()
    assert 12 <= len(lines) <= 50
    assert any(line.startswith(f"  persistmem {name}") or f"(persistmem {name}" in line for line in lines)
    assert [line for line in lines if len(line) > 100] == []


@pytest.mark.parametrize("name", parsers())
def test_every_subcommand_prints_json(name: str) -> None:
    options = {option for action in parsers()[name]._actions for option in action.option_strings}
    assert ("--json" in options) != (name in WITHOUT_JSON)


def test_an_abbreviation_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["forget", "--every", "--user", "ada"])
    assert "--every" in capsys.readouterr().err


def documented() -> dict[str, set[str]]:
    """The fields of each subcommand's object, as the page has them."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "command.md").read_text()
    table = page.partition("| subcommand | fields of its object |")[2].partition("\n\n")[0]
    rows = [row.strip("|").split(" | ", 1) for row in table.splitlines() if row.startswith("| `")]
    return {
        name: set(re.findall(r"`([\w-]+)`", fields))
        for names, fields in rows
        for name in re.findall(r"`([\w-]+)`", names)
    }


def test_the_page_has_the_fields_of_every_object() -> None:
    assert documented().keys() == parsers().keys() - WITHOUT_JSON.keys()


def test_an_object_has_the_fields_that_the_page_names(command: Any, database: str, tmp_path: Path, capsys: Any) -> None:
    command("remember", "I live in Oslo.", "--key", "home")
    command("remember", "I live in Rome.", "--key", "other", "--kind", "auto")
    version = command("history", "home")["versions"][0]["id"]
    of_ada: list[list[str]] = [
        ["recall", "Where do I live?"], ["context", "Where do I live?"], ["list"], ["show", "home"], ["profile"],
        ["edit", "home", "--text", "I live in Bergen."], ["pin", "home"], ["history", "home"], ["restore", version],
        ["review"], ["reject", "--all", "--yes"], ["approve", "--all"], ["consent"], ["off-record", "t"],
        ["export", "--out", str(tmp_path / "ada.jsonl")], ["status"], ["forget", "home", "--yes"],
    ]  # fmt: skip
    of_all: list[list[str]] = [
        ["commands"],
        ["rls", "status"],
        ["prune", "--keep", "1", "--yes"],
        ["reembed"],
        ["doctor"],
    ]
    page = documented()
    for words in of_ada:
        found = set(command(*words))
        expected = page[words[0]] if words[0] != "forget" else RECEIPT
        assert found - expected == set(), words
        assert found or words == ["profile"]
    for words in of_all:
        capsys.readouterr()
        main([*words, "--json", *([] if words[0] == "commands" else ["--dsn", database])])
        assert set(json.loads(capsys.readouterr().out)) == page[words[0]], words


LONG = {"ingest", "import", "export", "reembed", "maintain", "erasures", "forget", "eval", "doctor"}


def test_long_work_that_is_interrupted_says_how_to_go_on() -> None:
    advice = {name: str(parsers()[name].get_default("resume")) for name in LONG}
    assert [
        name for name, text in advice.items() if not re.search(r"run (it|the same command) again|erasures resume", text)
    ] == []
    assert {parser.get_default("resume") for name, parser in parsers().items() if name not in LONG} == {
        "everything stored so far is kept"
    }
