"""Choice of PostgreSQL's text search configuration for a text, where ``Settings.language`` is ``"auto"``; pure."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from langchain_persistmem.language.language_files import languages

AUTO = "auto"
_USUAL = "english"
"""Texts that tell nothing of their language are parsed like this: names, codes, a word or two."""
_READ = 1_000
_FEWEST = 2
"""So many of its small words make a language of a text: one alone may be a name or a loan."""
_WORD = re.compile(r"[^\W\d_]+")


def choose_configuration(language: str, text: str) -> str:
    """Choose ``language``, or for ``"auto"`` the configuration that fits ``text``: by its script, or by its small words.

    >>> choose_configuration("auto", "Wo habe ich früher gewohnt?"), choose_configuration("auto", "Oslo"), choose_configuration("dutch", "Oslo")
    ('german', 'english', 'dutch')
    """
    if language != AUTO:
        return language
    begin = text[:_READ].casefold()
    letters = sum(map(str.isalpha, begin))
    for name, script in _scripts():
        if 2 * len(script.findall(begin)) > letters:
            return name
    counts: dict[str, int] = {}
    configurations = _configurations()
    for word in _WORD.findall(begin):
        for name in configurations.get(word, ()):
            counts[name] = counts.get(name, 0) + 1
    best = max(counts, key=lambda name: (counts[name], name == _USUAL), default=_USUAL)
    return best if counts.get(best, 0) >= _FEWEST else _USUAL


@cache
def _scripts() -> Sequence[tuple[str, re.Pattern[str]]]:
    """Scripts that one configuration is made for. Other languages in it lose their endings' reduction, and nothing else."""
    parts = (language.text_search for language in languages())
    return [(part.configuration, re.compile(part.letters, re.IGNORECASE)) for part in parts if part and part.letters]


@cache
def _configurations() -> Mapping[str, Sequence[str]]:
    """The configurations of the languages that have a small word."""
    configurations: dict[str, list[str]] = {}
    for language in languages():
        if language.text_search is not None:
            for word in language.text_search.small_words:
                configurations.setdefault(word, []).append(language.text_search.configuration)
    return configurations
