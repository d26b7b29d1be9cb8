"""Characters that nobody sees: they split a word that a rule looks for, and hide text from a reader that a model reads; pure."""

import re
import unicodedata

DECEPTIVE = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that turn the direction of writing, or spell text that only a model reads."""
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_JOINERS = ("\u200c", "\u200d")
_SELECTORS = ("\ufe0e", "\ufe0f")
_JOINED_SCRIPTS = re.compile("[\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff]")
"""Scripts in which a joiner changes how a word is written: Arabic and Persian, those of India, Burmese, Khmer."""


def strip_hidden(text: str) -> str:
    """Take out the characters that nobody sees.

    Those that are seen by what they do stay where they do it: the joiner and the one selector of an emoji,
    and a joiner between letters of a script that needs it.

    >>> strip_hidden("Ig\u200bnore\u00ad all")
    'Ignore all'
    """
    return text if text.isascii() else _HIDDEN.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    run, text = match[0], match.string
    before, after = text[: match.start()][-1:], text[match.end() : match.end() + 1]
    is_between_letters = bool(_JOINED_SCRIPTS.match(before) and _JOINED_SCRIPTS.match(after))
    if run in _JOINERS and is_between_letters:
        return run
    # A person of an emoji is joined to the next by at most one selector and one joiner; what is longer carries a message.
    is_emoji = bool(before) and (unicodedata.category(before) in ("So", "Sk", "Sm") or before in "#*0123456789")
    if is_emoji and (run in _SELECTORS or (run in ("\u200d", "\ufe0f\u200d") and after and not after.isalnum())):
        return run
    return ""


def strip_invisible(text: str) -> str:
    """Take out all characters that nobody sees, also where they change how a letter looks; for comparing.

    >>> strip_invisible("a\u200cb\ufe0f")
    'ab'
    """
    return text if text.isascii() else _HIDDEN.sub("", text)


def separate_hidden(text: str) -> str:
    """Put a space where characters stand that nobody sees; for comparing words that they may stand between.

    >>> separate_hidden("raw\u200bmeat\u200bonly")
    'raw meat only'
    """
    return text if text.isascii() else _HIDDEN.sub(" ", text)
