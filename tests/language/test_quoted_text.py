"""Quotations are found in any text, in a time that grows with its length."""

import pytest

from langchain_persistmem.language.words_of_others import quoted_text

SIGNS = [
    "'''",
    '"""',
    '"',
    "'",
    "'a ",
    "`",
    "```",
    "~~~",
    "~",
    " ",
    "\t",
    "\n ",
    "-",
    "--- a ",
    "[1",
    "[10:21] a",
    "> ",
    "<a>",
    "</a>",
    "[b]",
    '{"a": ',
    "| a ",
    "$ a\n",
    "\n\n    x\n",
    "\nDear Ada,\n",
    "\nBest,\n",
    "00:01 --> 00:02\n",
    "♪ ",
    "=== a\n",
]
MARKS = ["“", "„", "«", "»", "»a", "”a", "‹", "「", "『", "《", "‘a ", "‚ ", "“a", "from:", "wrote ", "1.1.26, 10:21 -"]


@pytest.mark.timeout(10)  # on any machine: a search from each mark to the end would take minutes
@pytest.mark.parametrize("repeated", [*SIGNS, *MARKS])
def test_a_long_text_of_marks_that_open_and_never_close_is_read_at_once(repeated: str) -> None:
    text = repeated * (100_000 // len(repeated))
    assert len(quoted_text.mask(text)) == len(text)
    assert len(quoted_text.strip_quotations(quoted_text.mask_blocks(text))) <= len(text)


def test_a_quotation_that_opens_anew_ends_at_its_first_closing_mark() -> None:
    text = "He said: “One. “Two. “Three.” I agree."
    assert quoted_text.mask(text) == "He said: " + quoted_text.FILLER * 20 + " I agree."
