"""Support in the turns for a claim of the model's, and the claims that are dropped for want of it; pure.

A claim rests on the messages that the model names and the words that it quotes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from langchain_persistmem.language.calendar.date_tokens import calendar_words
from langchain_persistmem.language.hidden_characters import separate_hidden
from langchain_persistmem.language.sentences import SENTENCE
from langchain_persistmem.language.small_talk import QUESTION_MARK, is_answer
from langchain_persistmem.language.statement_rulebook import rulebooks_of_language
from langchain_persistmem.language.subjects import names_user
from langchain_persistmem.language.words_of_others.asserted_text import Passage, find_unasserted
from langchain_persistmem.language.words_of_others.quoted_text import blank, mask_blocks
from langchain_persistmem.learning.chat_model.polarity import drops_negation
from langchain_persistmem.learning.chat_model.quotations_of_others import begins_with, strip_foreign
from langchain_persistmem.learning.chat_model.word_comparison import (
    WORD,
    details_of,
    is_among,
    letters,
    says,
    shares_words,
    units,
)
from langchain_persistmem.types.records import Source, Turn

NOT_THE_USERS = "it stands in a tool's output or a document, not in the user's words"
NOT_ASKED_FOR = "no words of the user's ask for it"
DENIED = "the user's words deny it"

_SHORTEST = 6
"""Letters from which a quote tells by itself where it stands."""
_DOMINANCE = 2
"""So many times the user's own words has a claim that stands in foreign text, where the quote shares a word with it."""


@dataclass(frozen=True, slots=True)
class Support:
    """The turns that a claim rests on, or the reason why it is dropped."""

    sources: Sequence[Turn] = ()
    is_certain: bool = True
    """False where the words that are quoted have nothing to do with the claim."""
    missing: Literal["assistant_only", "unsupported"] | None = None
    """Set for a claim to be dropped: only the assistant said it, or no words of the user's do."""


def find_support(
    statement: str, quote: str, named: Sequence[Turn], turns: Sequence[Turn], earlier: Sequence[Turn]
) -> Support:
    """Find what a claim rests on, and decide whether it is dropped.

    Args:
        statement: the claim.
        quote: the words that the model quotes, or nothing.
        named: the turns that it names.
        turns: what it was shown.
        earlier: the turns before these.
    """
    sources = supporting(named, quote, turns)
    if not sources:
        by_user = any(turn.role == "user" for turn in named)
        return Support(missing="unsupported" if by_user else "assistant_only")
    if _is_supported(statement, quote, sources, _question(sources[-1], turns, earlier)):
        return Support(sources)
    if not letters(quote):  # nothing that the user said speaks for it
        return Support(missing="unsupported")
    return Support(sources, is_certain=False)


def supporting(named: Sequence[Turn], quote: str, turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns that a claim rests on; none if nothing the user said supports it.

    What is quoted has to be the user's words. If they stand in another of the user's messages than the one named, that
    one is the evidence: the words are better proof than the number.
    """
    if not any(turn.role == "user" for turn in named):
        return []
    if not letters(quote) or any(turn.role == "user" and says(turn.text, quote) for turn in named):
        return named
    elsewhere = [turn for turn in turns if turn.role == "user" and says(turn.text, quote)]
    return elsewhere if len(elsewhere) == 1 and len(letters(quote)) >= _SHORTEST else []


def _is_supported(text: str, quote: str, sources: Sequence[Turn], question: str = "") -> bool:
    """Tell if the user's words have anything to do with a claim: the quoted ones, else those of the turn.

    Args:
        question: what the assistant asked before, where the turn answers it: "yes" has no word of the claim.
    """
    words = quote if letters(quote) else " ".join(turn.text for turn in sources if turn.role == "user")
    return shares_words(f"{words} {question}", text)


def _question(turn: Turn, turns: Sequence[Turn], earlier: Sequence[Turn]) -> str:
    """The turn before, if this one answers it; in a chat of several people any turn of another one."""
    earlier_and_open = [*earlier, *turns]
    index = next((index for index, other in enumerate(earlier_and_open) if other.id == turn.id), 0)
    before = earlier_and_open[index - 1] if index else None
    if before is None:
        return ""
    if before.role == "user":
        return before.text if before.speaker != turn.speaker else ""
    return before.text if before.role == "assistant" and is_answer(turn.text, before.text) else ""


def name_turns(numbers: Sequence[object], turns: Sequence[Turn]) -> list[Turn]:
    """The turns with these numbers, counted from 1; those that were not shown count for nothing."""
    valid = sorted({n for n in numbers if type(n) is int and 1 <= n <= len(turns)})
    return [turns[number - 1] for number in valid]


class OwnWords:
    """What the user asserts by oneself in some messages; each is read once, however many claims rest on it."""

    def __init__(self) -> None:
        self._unasserted: dict[str, Sequence[Passage]] = {}

    def read(self, text: str, claim: str, *, instruction: bool) -> str:
        """The user's own words in ``text``; of somebody who is told of, the words too that tell it."""
        passages = self._unasserted.get(text)
        if passages is None:
            passages = self._unasserted[text] = find_unasserted(text)
        foreign = [part for part in passages if not self._says_so(claim, part)]
        own = strip_foreign(
            blank(mask_blocks(text), [(part.start, part.end) for part in foreign]), claim, instruction=instruction
        )
        return own if instruction else SENTENCE.sub(lambda match: "\n" if _asks(match[0], claim) else match[0], own)

    @staticmethod
    def _says_so(claim: str, passage: Passage) -> bool:
        """Tell if a claim is about who says it, speaks of the story itself, or denies what the user denies."""
        if passage.reason == "denied":
            return any(
                book.negation.search(claim) or book.denial.search(claim) for book in rulebooks_of_language(claim)
            )
        if passage.reason == "supposed":
            return shares_words(passage.introduction, claim)
        return begins_with(claim, passage.introduction)


def _asks(sentence: str, claim: str) -> bool:
    """Tell if a sentence is the question whether a claim is true: it has no word beside it, and most of its words."""
    words = units(sentence) if QUESTION_MARK.search(sentence) else ()
    claimed = units(claim)
    return 2 * len(words) > len(claimed) and all(is_among(word, claimed) for word in words)


def find_quote(statement: str, sources: Sequence[Turn], own: OwnWords) -> str:
    """The sentence of the user's that has most words of a statement; empty if none has any.

    A model that is not asked for the words saves a third of its answer. What the user only shows, such as a code block,
    is quoted where none of the user's own words have as much to do with it.
    """
    claimed = units(statement)
    best, most = "", 0
    for turn in sources:
        if turn.role != "user":
            continue
        for text in (own.read(turn.text, statement, instruction=False), turn.text):
            for sentence in SENTENCE.findall(text):
                words = units(sentence)
                shared = sum(is_among(unit, words) for unit in claimed)
                if shared > most:
                    best, most = sentence.strip(), shared
    return best


def leading_name(statement: str, sources: Sequence[Turn]) -> str | None:
    """The name that a statement begins with: a word with a capital which has it within a sentence of its turns, too."""
    first = WORD.search(statement)
    if first is None or not first[0][0].isupper() or names_user(first[0]):
        return None
    within = re.compile(rf"[^\W_][,;:]?\s+{re.escape(first[0])}\b")
    return first[0] if any(within.search(turn.text) for turn in sources) else None


def is_pasted(quote: str, claim: str, sources: Sequence[Turn], own: OwnWords, *, instruction: bool) -> bool:
    """Tell if the quoted words are somebody else's, which the user only shows: a code block, a mail, a quotation.

    A quote may go beyond the user's own words; then it counts whether those have all that it has of the claim.
    """
    if not letters(quote):
        return False
    texts = [own.read(turn.text, claim, instruction=instruction) for turn in sources if turn.role == "user"]
    if not texts or any(says(text, quote) for text in texts):
        return False
    quoted = letters(quote)
    within = [part for text in texts for part in SENTENCE.findall(text) if letters(part) and letters(part) in quoted]
    stated, words = units(" ".join(within)), units(quote)
    shared = [unit for unit in units(claim) if is_among(unit, words)]
    return not shared or not all(is_among(unit, stated) for unit in shared)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The owner of a claim, and what speaks against recalling it at once."""

    source: Source
    doubt: str | None = None


def judge(
    text: str,
    quote: str,
    sources: Sequence[Turn],
    turns: Sequence[Turn],
    *,
    instruction: bool,
    date: str = "",
    tools: Sequence[str] = (),
    own: OwnWords | None = None,
) -> Verdict:
    """Judge a claim of a model that obeys whoever it has read last.

    What stands in a tool's output, or in what the user pasted, and not in the user's own words is not the user's, whatever
    is quoted for it. An instruction needs words of the user's that have to do with it, and no claim leaves out their "not".

    Args:
        text: the claim.
        quote: the user's words that the model quotes for it.
        sources: the turns that it rests on.
        turns: what the model was shown.
        date: the day of an event, which the model works out itself.
        tools: what tools have put out meanwhile; the model was not shown it, but an assistant may repeat it.
        own: what was read of these turns for other claims.
    """
    own = own or OwnWords()
    users = [turn.text for turn in turns if turn.role == "user"]
    own_texts = [own.read(words, text, instruction=instruction) for words in users]
    tools = [*tools, *(turn.text for turn in turns if turn.role == "tool")]
    # What an assistant repeats from a tool does not make it the user's: only the two others are compared.
    foreign_by_source: Sequence[tuple[Source, Sequence[str]]] = (("tool", tools), ("document", users))
    for source, foreign in foreign_by_source:
        if foreign and _is_foreign(text, quote, own_texts, foreign, date):
            return Verdict(source, NOT_THE_USERS)
    if is_pasted(quote or find_quote(text, sources, own), text, sources, own, instruction=instruction):
        return Verdict("document", NOT_THE_USERS)
    if instruction and not shares_words(quote, text):
        return Verdict("user", NOT_ASKED_FOR)
    if drops_negation(text, quote, sources, instruction=instruction):
        return Verdict("user", DENIED)
    return Verdict("user")


def _is_foreign(text: str, quote: str, own: Sequence[str], foreign: Sequence[str], date: str) -> bool:
    """Tell if a claim stands in foreign text rather than in the user's: by a name or a figure, or by most of its words."""
    # Characters that nobody sees may stand where a reader sees one word, or between two: foreign text is read both ways.
    foreign_words = units(" ".join([*foreign, *map(separate_hidden, foreign)]))
    user = units(" ".join(own))
    dates = calendar_words()
    worked_out = {*date.replace("~", "").split("-"), date}
    claimed = {
        unit for unit in units(text)
        if unit not in worked_out and unit.lstrip("0") not in worked_out
        and unit not in dates.months and unit not in dates.weekdays
    }  # fmt: skip
    alien = {unit for unit in claimed if not is_among(unit, user) and is_among(unit, foreign_words)}
    if alien & details_of(text):
        return True
    familiar = sum(is_among(unit, user) for unit in claimed)
    # One word in common, such as what a page is about, makes a claim that is foreign otherwise none of the user's.
    return len(alien) > (_DOMINANCE * familiar if shares_words(quote, text) else familiar)
