"""Addresses of machines, which reveal a person's location or device: IP and MAC; pure."""

import ipaddress
import re
from collections.abc import Iterator

from langchain_persistmem.redaction.spans import Span

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = re.compile(rf"(?<![\w.\-]){_OCTET}(?:\.{_OCTET}){{3}}(?!\w|\.[0-9]|-[0-9])", re.ASCII)
_GROUP = r"[0-9A-Fa-f]{0,4}"
_V6 = re.compile(rf"(?<![\w:.]){_GROUP}:(?:{_GROUP}:){{1,7}}+{_GROUP}(?:(?:\.[0-9]{{1,3}}){{3}})?(?![\w:])", re.ASCII)
_NO_ADDRESS = re.compile(
    r"(?:\bversions?|\bver|\bv|\breleases?|\bbuild|\bfirmware|\bdriver|\bsections?|\bchapter|\bclause|\bfigure|\btable"
    r"|§|\babschnitt|\bkapitel|\bupdate|\bupgraded? to|\bversión|\bversão|\bверси\w+|\bversione|\bfassung|版本|バ-ジョン|버전)[\s:.#]{0,3}\Z",
    re.IGNORECASE,
)
_LOOK_BACK = 24
_PAIR = r"[0-9A-Fa-f]{2}"
_MAC = re.compile(
    rf"(?<![\w:\-]){_PAIR}([:\-]){_PAIR}(?:\1{_PAIR}){{4}}(?!\w|[:\-]{_PAIR})"
    r"|(?<![\w.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?!\w|\.[0-9A-Fa-f])",
    re.ASCII,
)


def addresses(text: str) -> Iterator[Span]:
    """Find IPv4 and IPv6 addresses other than loopback, "any" and broadcast; a version number is none."""
    if text.count(".") >= 3:  # noqa: PLR2004 - an address has three
        for match in _V4.finditer(text):
            address = ipaddress.IPv4Address(match[0])
            before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
            is_reserved = address.is_loopback or address.is_unspecified or match[0] == "255.255.255.255"
            if not is_reserved and not match[0].startswith("0.") and not _NO_ADDRESS.search(before):
                yield Span(*match.span(), "IP")
    if text.count(":") >= 2:  # noqa: PLR2004 - and one of version 6 has two
        for match in _V6.finditer(text):
            if _is_v6(match[0]):
                yield Span(*match.span(), "IP")


def hardware(text: str) -> Iterator[Span]:
    """Find MAC addresses."""
    for match in _MAC.finditer(text):
        if len(set(re.sub(r"\W", "", match[0]))) > 1 and any(map(str.isdigit, match[0])):
            yield Span(*match.span(), "MAC")


def _is_v6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    groups = [group for group in text.split(":") if group]
    if address.is_loopback or address.is_unspecified or not any(map(str.isdigit, text)):
        return False
    # "ab::c1" is more often a name in a program than an address
    return len(groups) > 2 or len(groups[0]) >= 3  # noqa: PLR2004 - such as fe80::1
