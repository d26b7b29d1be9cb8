"""Placeholders and pseudonyms; pure."""

import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping

from langchain_persistmem.redaction.folding import fold

PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_]{0,40}(?::[a-f][0-9a-f]{11})?\]")
"""The pattern of a placeholder; a text inside one is never redacted again."""
_DIGITS = 12
"""Of the pseudonym, some 46 bits: among a million values, the chance that any two share one is about 1 in 200."""


def placeholder(category: str, value: str, key: bytes | None) -> str:
    """Return ``[EMAIL]``, or with a key ``[EMAIL:c81d0f5b92ae]``: the same for every notation of a value."""
    if key is None:
        return f"[{category}]"
    message = f"{category}\0{canonical(category, value)}".encode(errors="surrogatepass")
    digest = hmac.digest(key, message, "sha256").hex()
    # It begins with a letter: a pseudonym of digits alone could be taken for a number.
    return f"[{category}:{'abcdef'[int(digest[-8:], 16) % 6]}{digest[: _DIGITS - 1]}]"


def canonical(category: str, value: str) -> str:
    """Return the canonical notation of a value.

    >>> canonical("CARD", "4111 1111-1111 1111"), canonical("EMAIL", "Ada(at)Example.com")
    ('4111111111111111', 'ada@example.com')
    """
    return _CANONICAL.get(category, _words)(fold(value).text)


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _exact(text: str) -> str:
    return text


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text).upper()


def _email(text: str) -> str:
    text = re.sub(r"\s?[\[({<]\s?(?:at|ät|arroba)\s?[\])}>]\s?| at ", "@", text.lower())
    return re.sub(r"\s?[\[({<]\s?(?:dot|punkt|punto|point)\s?[\])}>]\s?| (?:dot|punkt|punto|point) ", ".", text)


def _phone(text: str) -> str:
    international = text.lstrip(" (").startswith(("+", "00"))
    digits = re.sub(r"[^0-9]", "", text.replace("(0)", ""))
    digits = digits.removeprefix("00") if international else digits
    north_american = len(digits) == 11 and digits[0] == "1"  # noqa: PLR2004 - written with 1 and without
    return digits[1:] if north_american else ("+" if international else "") + digits


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return _words(text)


def _wallet(text: str) -> str:
    has_mixed_case = text[0] in "123xyzLDMmntXKcA95" and not text.startswith("0x")
    return text if has_mixed_case else text.lower()


_CANONICAL: Mapping[str, Callable[[str], str]] = {
    "EMAIL": _email,
    "PHONE": _phone,
    "CARD": _bare,
    "IBAN": _bare,
    "SSN": _bare,
    "NATIONAL_ID": _bare,
    "MAC": _bare,
    "IP": _address,
    "CRYPTO": _wallet,
    "API_KEY": _exact,
    "JWT": _exact,
    "PASSWORD": _exact,
    "PRIVATE_KEY": lambda text: re.sub(r"\s", "", text),
}
