"""Complete sets of memories: a question after a list wants all that belongs together, of which a search may find a part."""

import re
from collections.abc import Iterable

_WITHIN_CLASS = re.compile(r"(?:fact|instruction):[^_:/.]+_(?=.)")
"""The keys that extraction gives: what comes behind the class says what it is about."""
_LEVELS = re.compile(r".+[:/._](?=[^:/._])")
"""An application's own key, but for its last level."""
_CLASSES = ("fact:", "instruction:")


def topic_of(key: str) -> str | None:
    """The beginning of a key that it shares with others of its topic; None if it stands alone.

    >>> topic_of("fact:food_seafood"), topic_of("book:dune"), topic_of("fact:diet")
    ('fact:food_', 'book:', None)
    """
    match = (_WITHIN_CLASS if key.startswith(_CLASSES) else _LEVELS).match(key)
    return match[0] if match else None


def topics_of(keys: Iterable[str]) -> list[str]:
    """The topics of some keys, without doubles, in order."""
    return list(dict.fromkeys(topic for key in keys if (topic := topic_of(key)) is not None))
