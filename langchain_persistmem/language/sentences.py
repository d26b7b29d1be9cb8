"""The sentences of a text, in any script."""

import re

SENTENCE = re.compile(r"(?:[^.!?。！？؟…\n]|\.(?=\w))+[.!?。！？؟…]*\s*")
"""A sentence with what ends it and the space behind it. A point within a number or a name ("3.86", "example.com") ends none."""
