"""Payment cards, bank accounts and wallets, each recognised by its checksum; pure."""

import re
from collections.abc import Iterator

from langchain_persistmem.redaction.checksums import base58check, bech32, luhn, mod97
from langchain_persistmem.redaction.spans import Span

_GAP = r"(?:[ \-.]| - |  )"
_START = re.compile(r"[0-9](?<!\w[0-9])(?<![0-9][.,][0-9])(?=(?:[ \-.]{0,3}[0-9]){13})", re.ASCII)
_FORMS = tuple(
    re.compile(rf"(?:{form})(?![0-9])")
    for form in (
        r"[0-9]{14,19}",
        rf"[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}(?:{_GAP}[0-9]{{2,3}})?",
        rf"[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{1,4}}",
        rf"[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4,5}}",
        rf"[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{5}}",
        rf"[0-9]{{6}}{_GAP}[0-9]{{10,13}}|[0-9]{{8}}{_GAP}[0-9]{{8}}",
    )
)
"""The groups of digits; the code on a card's back may follow its number."""
_ANY_FORM = re.compile("|".join(form.pattern for form in _FORMS))
_SPACED = re.compile(r"(?<![0-9])(?<![0-9][ \-.])[0-9](?:[ \-.][0-9]{1,3}){5,18}+(?![ \-.]?[0-9])")
"""Any other groups, with no digit before or behind them."""
_AMEX, _DINERS, _JCB, _VISA = r"3[47]", r"3(?:0[0-59]|[689])", r"35(?:2[89]|[3-8])", "4"
_MASTERCARD = r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"
_MIR, _DISCOVER = r"220[0-4]", r"6(?:011|4[4-9]|5)"
_UNIONPAY, _RUPAY, _MAESTRO = r"62|81", r"60|65|81|82", r"5[0678]|6[37]"
_FROM_16 = f"{_DINERS}|{_JCB}|{_MIR}|{_DISCOVER}|{_UNIONPAY}|{_RUPAY}|{_MAESTRO}"
_ISSUERS = {
    length: re.compile(first)
    for length, first in {
        14: _DINERS,
        15: f"{_AMEX}|{_DINERS}",
        16: f"{_VISA}|{_MASTERCARD}|{_FROM_16}",
        17: _FROM_16,
        18: f"{_VISA}|{_FROM_16}",
        19: f"{_VISA}|{_FROM_16}",
    }.items()
}
"""The first digits of a card, by its length. Shorter cards are hardly in use, and look like barcodes."""

_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})[ ]?([0-9]{2})(?=[ \-.]{0,2}[A-Za-z0-9])")
_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
_REST = {
    entry[:2]: re.compile(rf"(?:[ \-.]{{0,2}}[A-Za-z0-9]){{{int(entry[2:]) - 4}}}(?![A-Za-z0-9])")
    for entry in _LENGTHS.split()
}
"""The part behind the check digits, by country."""

_BASE58 = re.compile(
    r"(?<![A-Za-z0-9])(?:[13LDMmn2tX5KLc9A][1-9A-HJ-NP-Za-km-z]{24,51}|[xyz](?:pub|prv)[1-9A-HJ-NP-Za-km-z]{107,108})(?![A-Za-z0-9])"
)
_BECH32 = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:bc|tb|bcrt|ltc)1[02-9ac-hj-np-z]{11,87}|(?:BC|TB|LTC)1[02-9AC-HJ-NP-Z]{11,87})(?![A-Za-z0-9])"
)
_ETHEREUM = re.compile(r"(?<![A-Za-z0-9])0[xX][0-9A-Fa-f]{40}(?![A-Za-z0-9])")


def cards(text: str) -> Iterator[Span]:
    """Find payment cards: an issuer's first digits, the length that goes with them, and Luhn's checksum."""
    end = 0
    for start in _START.finditer(text):
        # one alternation of all forms is faster than six patterns at each start, of which most texts have many
        if start.start() < end or _ANY_FORM.match(text, start.start()) is None:
            continue
        # then form by form: a longer one may fail its checksum where a shorter one at the same start passes
        for form in _FORMS:
            match = form.match(text, start.start())
            if match is not None and _is_card(re.sub(r"[^0-9]", "", match[0])):
                end = match.end()
                yield Span(*match.span(), "CARD")
                break
    for match in _SPACED.finditer(text):
        if _is_card(re.sub(r"[^0-9]", "", match[0])):
            yield Span(*match.span(), "CARD")


def accounts(text: str) -> Iterator[Span]:
    """Find IBANs: the length of their country, and the remainder 1 of a division by 97."""
    for match in _IBAN.finditer(text):
        rest = _REST.get(match[1].upper())
        account = rest.match(text, match.end()) if rest is not None else None
        if account is not None and mod97(re.sub(r"[^A-Z0-9]", "", text[match.start() : account.end()].upper())):
            yield Span(match.start(), account.end(), "IBAN")


def wallets(text: str) -> Iterator[Span]:
    """Find addresses and keys of Bitcoin and its relatives by their checksum, and of Ethereum by its pattern.

    Ethereum's checksum lies in capitals that many writers leave out, so that its absence says nothing.
    """
    for match in _BASE58.finditer(text):
        if base58check(match[0]):
            yield Span(*match.span(), "CRYPTO")
    for match in _BECH32.finditer(text):
        if bech32(match[0]):
            yield Span(*match.span(), "CRYPTO")
    for match in _ETHEREUM.finditer(text):
        yield Span(*match.span(), "CRYPTO")


def _is_card(digits: str) -> bool:
    issuer = _ISSUERS.get(len(digits))
    return issuer is not None and issuer.match(digits) is not None and len(set(digits)) > 1 and luhn(digits)
