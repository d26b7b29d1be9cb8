"""Sameness of statements: of their wording, of the person they are about, and what a fuller one adds; pure.

"Same" is only what is the same. Signs, letter case, digits, units and small words count: A+ is not A-, nor 5 km 5
miles. What is taken for a repetition is never stored, so that in doubt two statements stand side by side.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import cache
from typing import Any, cast

from langchain_persistmem.language.language_files import match_words, stop_words
from langchain_persistmem.language.subjects import Subject, find_subject, is_same_subject, names_among, names_user
from langchain_persistmem.types.records import Candidate, Memory

_END = re.compile(r"[.。]$")
_AROUND = ",;:.!?。，、！？…\"'“”„«»()[]"
"""Marks at the ends of a word that are no part of it, where only the content of two texts is compared."""
_INSIDE = frozenset("-‐–'’.,/&_@:")
"""Signs that words and names have inside them."""


def identity(candidate: Candidate) -> bytes:
    """The fingerprint of a statement, form 2: two memories that share it are the same one.

    It is the floor under two writers at once, and so as fine as can be: what differs, differs. A statement is the same
    whatever its spaces; what happened is the same only on the same day, at the sender's; a key, and a speaker, belong
    to the statement.
    """
    provenance = candidate.provenance
    parts = ["2", candidate.kind, candidate.key or "", fold_name(candidate.speaker)]
    if candidate.kind == "episodic" and provenance.message_ids:
        parts += ["messages", provenance.thread_id or "", *provenance.message_ids]
    if candidate.kind == "episodic":
        parts.append(candidate.valid_from.date().isoformat())
    parts.append(" ".join(candidate.text.split()))
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def identity_of_before(candidate: Candidate) -> bytes:
    """The fingerprint of form 1, which knew no speaker and no letter case: by it rows of before are found again."""
    provenance = candidate.provenance
    parts = [candidate.kind, candidate.key or ""]
    if candidate.kind == "episodic" and provenance.message_ids:
        parts += ["messages", provenance.thread_id or "", *provenance.message_ids]
    if candidate.kind == "episodic":
        parts.append(candidate.valid_from.date().isoformat())
    parts.append(" ".join(candidate.text.casefold().split()))
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def fold_name(name: str | None) -> str:
    """A person's name as it is compared: without letter case and with single spaces."""
    return " ".join((name or "").casefold().split())


def is_repetition(candidate: Candidate, existing: Candidate | Memory) -> bool:
    """Tell if ``candidate`` says nothing that ``existing`` does not say, by its words, value and day.

    A fact and an event may be the same. Of two events, one that is told again without its date is; what happened on two
    days, or is told without a date on two, is two events.
    """
    if ("procedural" in (candidate.kind, existing.kind)) != (candidate.kind == existing.kind == "procedural"):
        return False
    if not same_statement(candidate.text, existing.text or "") or has_other_value(candidate, existing):
        return False
    return _is_on_same_day(candidate, existing) or (_is_undated(candidate) and not _is_undated(existing))


def repeats_claim(candidate: Candidate, existing: Memory) -> bool:
    """Tell if ``candidate`` may be what a model says, the same as ``existing`` in other words.

    Then it has no figure, sign, unit or name that is not there, and is dated the same way or not at all. Under one key,
    where a new version costs nothing, other words need the same value.
    """
    if has_other_value(candidate, existing) or not _is_on_same_day(candidate, existing, undated=True):
        return False
    own, second = _content(candidate.text), _content(existing.text or "")
    if _differs_in_one_word(own, second):  # so does a correction, and nobody retells a sentence like that
        return False
    if candidate.key is not None and candidate.key == existing.key and _value(candidate.value) is None:
        return set(_wording(candidate.text)) <= set(_wording(existing.text or ""))
    # A name that begins the one sentence may stand inside the other.
    first = (existing.text or "").split()[:1]
    same_details = _details(candidate.text) <= _details(existing.text or "") | {word.strip(_AROUND) for word in first}
    return same_details and _negations(candidate.text) == _negations(existing.text or "")


def _differs_in_one_word(one: Sequence[str], other: Sequence[str]) -> bool:
    return len(one) == len(other) and sum(map(str.__ne__, one, other)) == 1


def extends(candidate: Candidate, existing: Memory) -> bool:
    """Tell if ``candidate``, which a model takes for the same, says all that ``existing`` says and more: words, or a date."""
    if has_other_value(candidate, existing) or candidate.kind != existing.kind:
        return False
    if _negations(candidate.text) != _negations(existing.text or ""):
        return False
    first, second = _content(candidate.text), _content(existing.text or "")
    remaining = list(first)
    for word in second:
        if word not in remaining:
            return False
        remaining.remove(word)
    dated = candidate.kind == "episodic" and _is_undated(existing) and not _is_undated(candidate)
    return (bool(remaining) and _is_on_same_day(candidate, existing, undated=True)) or dated


def has_other_value(candidate: Candidate, existing: Candidate | Memory) -> bool:
    """Tell if the two hold different values of one thing: that is a change, however alike the sentences are."""
    first, second = _value(candidate.value), _value(existing.value)
    return first is not None and second is not None and first != second


def _value(value: Mapping[str, Any] | None) -> str | None:
    stored = (value or {}).get("value")
    return " ".join(stored.split()) or None if isinstance(stored, str) else None


def _is_undated(statement: Candidate | Memory) -> bool:
    return statement.kind == "episodic" and statement.date_precision == "told"


def _is_on_same_day(candidate: Candidate, existing: Candidate | Memory, *, undated: bool = False) -> bool:
    """Tell if nothing in the days keeps two statements apart: only those of events do.

    Args:
        undated: an event without a date may be on any day.
    """
    if candidate.kind != "episodic" or existing.kind != "episodic":
        return True
    if undated and (_is_undated(candidate) or _is_undated(existing)):
        return True
    zone = candidate.valid_from.tzinfo or UTC
    return candidate.valid_from.date() == existing.valid_from.astimezone(zone).date()


def same_statement(one: str, other: str) -> bool:
    """Tell if two statements differ in spaces, a final stop, or an article that means nothing.

    >>> same_statement("The user likes tea.", "User likes the tea")
    True
    >>> same_statement("The user is A+", "The user is A-")
    False
    """
    first, second = _wording(one), _wording(other)
    return bool(first) and first == second


def _wording(text: str) -> list[str]:
    light = stop_words("statements")
    words = _END.sub("", text.strip()).split()
    if words and (words[0].casefold() in light or names_user(words[0])):
        words[0] = words[0].casefold()
    words = [word for word in words if word not in light]
    if words and names_user(words[0]):
        words[0] = words[0].casefold()
    return words


def _content(text: str) -> list[str]:
    """The words of a text, letter case aside, without what stands around them; signs stay."""
    light = stop_words("statements")
    bare = (word.strip(_AROUND) or word for word in text.split())
    return [word for word in map(str.casefold, bare) if word not in light]


def _details(text: str) -> frozenset[str]:
    """The details that make two statements different whatever else they share: figures with their units, signs, names."""
    words = [word.strip(_AROUND) or word for word in text.split()]
    details: set[str] = set()
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if any(map(str.isdigit, word)) or _has_sign(word):
            unit = following if following.isalpha() and word[-1:].isdigit() else ""
            details.add(f"{word} {unit.casefold()}".strip())
        elif any(map(str.isupper, word[1:])) or (index and word[:1].isupper() and not names_user(word)):
            details.add(word)
    return frozenset(details)


def _has_sign(word: str) -> bool:
    return any(not char.isalnum() and char not in _INSIDE for char in word)


def _negations(text: str) -> int:
    """The number of negations in a text; twice is not once."""
    return len(_denying().findall(text.replace("’", "'")))


@cache
def _denying() -> re.Pattern[str]:
    return match_words(sorted(stop_words("negations")))


def same_person(one: Candidate | Memory, other: Candidate | Memory) -> bool:
    """Tell if two statements may be about the same person: "my sister" is not me, nor is who speaks after me.

    What Ada says of Bob and what Bob says of himself are about the same.
    """
    first, second = _subject(one), _subject(other)
    if first.relation is None and second.relation is None and (first.name or second.name):
        return fold_name(first.name or one.speaker) == fold_name(second.name or other.speaker)
    if one.speaker and other.speaker and fold_name(one.speaker) != fold_name(other.speaker):
        return False
    return is_same_subject(first, second)


def _subject(statement: Candidate | Memory) -> Subject:
    topics: object = (statement.value or {}).get("topics")
    names: Sequence[str] = (
        [topic for topic in cast("list[object]", topics) if isinstance(topic, str)] if isinstance(topics, list) else []
    )
    return find_subject(
        statement.text or "", [*names_among(names), *([statement.speaker] if statement.speaker else [])]
    )
