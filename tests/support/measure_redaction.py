"""How well redaction finds what it looks for: a table for people to read. The floors are in ``test_redaction.py``.

uv run python -m tests.support.measure_redaction
uv run python -m tests.support.measure_redaction --errors
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_persistmem.redaction import CATEGORIES, Redaction
from tests.support.redaction_cases import Labelled, held_out, made, written


@dataclass(slots=True)
class Measured:
    """Counts by category."""

    wanted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    """Wanted and gone from the text altogether, whatever the placeholder is called."""
    named: Counter[str] = field(default_factory=Counter)
    """Of these, with the right category and the right edges."""
    false: Counter[str] = field(default_factory=Counter)
    """Found where nothing was to be found."""
    errors: list[str] = field(default_factory=list)


def measure(cases: Sequence[Labelled]) -> Measured:
    """Redact every text with the built-in detectors, and compare."""
    redaction, result = Redaction(), Measured()
    for case in cases:
        spans = redaction.find(case.text)
        for start, end, category in case.spans:
            result.wanted[category] += 1
            covered = all(any(s <= at < e for s, e, _ in spans) for at in range(start, end))
            result.found[category] += covered
            result.named[category] += (start, end, category) in spans
            if not covered:
                result.errors.append(f"missed {category} {case.text[start:end]!r} in {case.text!r}")
        for start, end, category in spans:
            if not any(start < e and s < end for s, e, _ in case.spans):
                result.false[category] += 1
                result.errors.append(f"false {category} {case.text[start:end]!r} in {case.text!r}")
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--errors", action="store_true", help="print what was missed, and what was found for nothing")
    options = parser.parse_args()
    for title, cases in (("hand-written", written()), ("made", made()), ("held out", held_out())):
        result = measure(cases)
        quiet = sum(not case.spans for case in cases)
        print(f"{title}: {len(cases)} texts, {quiet} of them with nothing to find")
        print(f"{'category':12} {'wanted':>6} {'found':>6} {'recall':>7} {'exact':>6} {'false alarms':>12}")
        for category in (*CATEGORIES, None):
            wanted, found, named, false = (
                counts[category] if category else counts.total()
                for counts in (result.wanted, result.found, result.named, result.false)
            )
            share = f"{found / wanted:7.3f}" if wanted else "      -"
            print(f"{category or 'all':12} {wanted:6} {found:6} {share} {named:6} {false:12}")
        print()
        if options.errors:
            print(*result.errors, "", sep="\n")


if __name__ == "__main__":
    main()
