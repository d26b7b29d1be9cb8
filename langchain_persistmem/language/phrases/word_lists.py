"""Lists of words, as a language file has them; each record of a part is made of these."""

from typing import TypeAlias

Words: TypeAlias = tuple[str, ...]
"""A list of words or phrases; none of them stands in it twice."""

Groups: TypeAlias = tuple[Words, ...]
"""Lists in a fixed order: the twelve months, for instance. A list may be empty."""
