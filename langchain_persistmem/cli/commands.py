"""`persistmem commands`: what a user can say to the memory in a conversation, in each language."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence

from rich.text import Text

from langchain_persistmem.cli import values
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.parser import Subcommands, add_command, add_json
from langchain_persistmem.cli.terminal import out
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.language.language_files import Language, languages

_LISTS = {
    "remember": ("remember", "remember_question"),
    "forget": ("forget", "forget_question", "forget_everything"),
    "show": ("show",),
    "private": ("private", "private_question", "private_with_text"),
    "pause": ("pause", "pause_question"),
}
"""The lists of phrases of each command, in the order in which they are printed."""
_MEANINGS = {
    "remember": "remember this",
    "forget": "erase this; asks before it does",
    "show": "what do you remember of me?",
    "private": "leave this message out",
    "pause": "remember nothing from now on",
}
_NOT = re.compile(r"\s*![^!]*!")
_AHEAD = re.compile(r"<([^|>]+)[^>]*>")
_OPTIONAL = re.compile(r"\s*\[[^\[\]]*\]")
_CHOICE = re.compile(r"\(([^|()]+)[^()]*\)")


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "commands",
        "show what a user can say to the memory in a conversation, in each language",
        "persistmem commands --language en",
        details="One wording of each phrase; ... stands for what is meant. Where an application answers them: "
        "run_command() and answer_commands().",
        database=False,
    )
    parser.add_argument("--language", metavar="CODE", type=values.name, help="only this one, such as en or ja")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the phrases."""
    candidates = [language for language in languages() if language.commands is not None]
    selection = [language for language in candidates if options.language in (None, language.code)]
    if not selection:
        codes = ", ".join(language.code for language in candidates)
        raise InvalidInputError(f"--language: no such language; choose from {codes}")
    if options.json:
        print_json({"languages": {language.code: dict(phrases_of(language)) for language in selection}})
        return 0
    for language in selection:
        out().rule(Text(f"{language.name} ({language.code})", style="bold cyan"), align="left", style="cyan")
        for command, phrases in phrases_of(language).items():
            out().print(Text.assemble((command, "bold"), (f"  {_MEANINGS[command]}", "dim")))
            for phrase in phrases:
                out().print(f"  {phrase}", soft_wrap=True)
    return 0


def phrases_of(language: Language) -> Mapping[str, Sequence[str]]:
    """One wording of each phrase of a language, by command; those of questions end with a question mark."""
    phrases: dict[str, list[str]] = {}
    for command, lists in _LISTS.items():
        wordings: list[str] = []
        for name in lists:
            mark = ("？" if not language.spaced else "?") if name.endswith("_question") else ""
            wordings += [f"{wording_of(phrase)}{mark}" for phrase in getattr(language.commands, name)]
        phrases[command] = list(dict.fromkeys(wordings))
    return phrases


def wording_of(phrase: str) -> str:
    """One wording of a phrase in the notation of the language data.

    >>> wording_of("(keep|bear) in mind [that] <i|my> !asked! ...")
    'keep in mind i ...'
    """
    # From the inside: choices may stand within what may be left out.
    wording, before = _NOT.sub("", phrase), ""
    while wording != before:
        before, wording = wording, _CHOICE.sub(r"\1", _OPTIONAL.sub("", wording))
    return " ".join(_AHEAD.sub(r"\1", wording).split())
