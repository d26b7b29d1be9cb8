"""National identity and tax numbers; pure.

Included are numbers with a checksum, or with a pattern that no other number has. A number with neither
counts only behind its name.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from langchain_persistmem.redaction.checksums import ean13, is_weighted_sum_valid, luhn, mod11_10, verhoeff
from langchain_persistmem.redaction.spans import Span

_SSN = re.compile(
    r"[0-9](?<![\w\-.][0-9])(?<!9)[0-9]{2}(?<!000)(?<!666)([\- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?!\w|[\-.][0-9])",
    re.ASCII,
)
_BARE_SSN = re.compile(
    r"[0-9](?<![\w\-.][0-9])(?<!9)[0-9]{2}(?<!000)(?<!666)(?!00)[0-9]{2}(?!0000)[0-9]{4}(?!\w|[\-.][0-9])", re.ASCII
)
_SSN_NAME = re.compile(
    r"(?:\bssn|\bsocial[ -]security(?:[ -](?:number|no\.?|num|#))?)\W{0,3}(?:is\W{0,2})?\Z", re.IGNORECASE
)
_LOOK_BACK = 48
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_CF_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
), strict=True))  # fmt: skip
_CURP = "0123456789ABCDEFGHIJKLMN_OPQRSTUVWXYZ"


def ssns(text: str) -> Iterator[Span]:
    """Find US social security numbers within the ranges in use; nine bare digits only behind the name."""
    for match in _SSN.finditer(text):
        yield Span(*match.span(), "SSN")
    for match in _BARE_SSN.finditer(text):
        if _SSN_NAME.search(text, max(0, match.start() - _LOOK_BACK), match.start()):
            yield Span(*match.span(), "SSN")


def national_ids(text: str) -> Iterator[Span]:
    """Find the numbers that begin with digits, and those that begin with letters."""
    for starts, any_pattern, numbers in _KINDS:
        for start in starts.finditer(text):
            # one alternation of all patterns rejects most starts at the price of a single match
            if any_pattern.match(text, start.start()) is None:
                continue
            # then one by one, as each country has its own checksum; the first that passes is enough
            for number in numbers:
                match = number.pattern.match(text, start.start())
                if match is not None and number.is_valid(text, match):
                    yield Span(*match.span(), "NATIONAL_ID")
                    break


def _dni(text: str) -> bool:
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(number) % 23] == text[-1]


def _nir(text: str) -> bool:
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def _tax_id(text: str) -> bool:
    """Check a German tax id: among the first ten digits exactly one occurs twice or three times."""
    times = sorted(text[:10].count(digit) for digit in set(text[:10]))
    return text[0] != "0" and times[-1] in (2, 3) and times[-2] == 1 and mod11_10(text)


def _fiscal_code(text: str) -> bool:
    total = sum(_CF_ODD[letter] for letter in text[0:15:2])
    total += sum(int(letter) if letter.isdigit() else ord(letter) - ord("A") for letter in text[1:15:2])
    return chr(ord("A") + total % 26) == text[15]


def _cpf(text: str) -> bool:
    if len(set(text)) == 1:
        return False
    for length in (9, 10):
        total = sum(int(digit) * (length + 1 - index) for index, digit in enumerate(text[:length]))
        if total * 10 % 11 % 10 != int(text[length]):
            return False
    return True


def _resident(text: str) -> bool:
    total = sum(int(digit) * 2**power for power, digit in zip(range(17, 0, -1), text, strict=False))
    return "10X98765432"[total % 11] == text[17]


def _personnummer(text: str) -> bool:
    return luhn(text[-10:])


def _hetu(text: str) -> bool:
    digits = text[:6] + text[-4:-1]
    return digits.isdigit() and _HETU_LETTERS[int(digits) % 31] == text[-1]


def _curp(text: str) -> bool:
    total = sum(_CURP.index(letter) * (18 - index) for index, letter in enumerate(text[:17]))
    return str(-total % 10) == text[17]


def _rijksregister(text: str) -> bool:
    number, check = int(text[:9]), int(text[9:])
    return check in (97 - number % 97, 97 - (2_000_000_000 + number) % 97)


def _bsn(text: str) -> bool:
    return is_weighted_sum_valid(text, (9, 8, 7, 6, 5, 4, 3, 2, -1), modulus=11)


def _pesel(text: str) -> bool:
    return is_weighted_sum_valid(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), modulus=10)


def _nhs(text: str) -> bool:
    return is_weighted_sum_valid(text, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1), modulus=11)


def _no_checksum(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Number:
    pattern: re.Pattern[str]
    checksum: Callable[[str], bool]
    name: re.Pattern[str] | None = None
    """The name that must stand before it, for a checksum that one of ten numbers passes."""

    def is_valid(self, text: str, match: re.Match[str]) -> bool:
        """Check the checksum of a match, and the name before it if the number needs one."""
        start = match.start()
        if not self.checksum(re.sub(r"[\W_]", "", match[0]).upper()):
            return False
        return self.name is None or self.name.search(text, max(0, start - _LOOK_BACK), start) is not None


def _number(pattern: str, checksum: Callable[[str], bool], name: str | None = None) -> _Number:
    # A longer number or a word may not contain a match: behind it stands no letter, and no separator with a digit.
    whole = re.compile(rf"(?:{pattern})(?!\w|[\-.][0-9])", re.ASCII)
    before = re.compile(rf"(?:{name})[^0-9]{{0,24}}\Z", re.IGNORECASE) if name is not None else None
    return _Number(whole, checksum, before)


_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_MONTH = r"(?:0[1-9]|1[0-2])"
_OMO = "[0-9LMNPQRSTUV]"
_DIGITS_FIRST = re.compile(r"[0-9](?<![\w\-.][0-9])(?=(?:[ \-.+]?[0-9A-Za-z]){8})", re.ASCII)
_LETTERS_FIRST = re.compile(r"(?<![\w\-.])(?=[A-Za-z]{1,6}[ \-]?[0-9L-V]{2})[A-Za-z]", re.ASCII)
_WITH_LETTERS_FIRST = (
    # United Kingdom: National Insurance; no other number has this pattern
    _number(
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ \-]?[0-9]{2}[ \-]?[0-9]{2}[ \-]?[0-9]{2}[ \-]?[A-D]",
        _no_checksum,
    ),
    # Spain: the number of foreigners, NIE
    _number(r"[XYZxyz][ \-]?[0-9]{7}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]", _dni),
    # Italy: codice fiscale
    _number(
        rf"[A-Z]{{6}} ?{_OMO}{{2}} ?[A-EHLMPRST]{_OMO}{{2}} ?[A-Z]{_OMO}{{3}} ?[A-Z]"
        r"|[a-z]{6}[0-9]{2}[a-ehlmprst][0-9]{2}[a-z][0-9]{3}[a-z]",
        _fiscal_code,
    ),
    # Mexico: the CURP, which begins with letters of the name
    _number(rf"[A-Z]{{4}}[0-9]{{2}}{_MONTH}{_DAY}[HM][A-Z]{{5}}[0-9A-Z][0-9]", _curp),
)
_WITH_DIGITS_FIRST = (
    # United Kingdom: NHS number, behind its name
    _number(r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{4}", _nhs, r"\bNHS\b"),
    # Spain: the number of citizens, DNI
    _number(r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}(?:[ \-]?[A-HJ-NP-TV-Z]|[a-hj-np-tv-z])", _dni),
    # France: number of the INSEE, with its key
    _number(r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", _nir),
    # Germany: tax identification number; eleven bare digits only behind its name
    _number(r"[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}", _tax_id),
    _number(r"[1-9][0-9]{10}", _tax_id, r"steuer|\bidnr|\btin\b|\btax\b|identifikationsnummer"),
    # Brazil, CPF, with its dots or behind its name
    _number(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _cpf),
    _number(r"[0-9]{11}", _cpf, r"\bCPF\b"),
    # China: resident identity
    _number(rf"[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}{_MONTH}{_DAY}[0-9]{{3}}[0-9Xx]", _resident),
    # India: Aadhaar, in its groups or behind its name
    _number(r"(?<![0-9] )(?<![0-9]-)[2-9][0-9]{3}[ \-][0-9]{4}[ \-][0-9]{4}(?![ \-][0-9])", verhoeff),
    _number(r"[2-9][0-9]{11}", verhoeff, r"aadhaa?r|आधार"),
    # Switzerland, its AHV number
    _number(r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", ean13),
    # Sweden, Finland, Belgium, South Korea
    _number(rf"(?:19|20)?[0-9]{{2}}{_MONTH}{_DAY}[\-+][0-9]{{4}}", _personnummer),
    _number(rf"{_DAY}{_MONTH}[0-9]{{2}}[\-+A][0-9]{{3}}[0-9A-FHJ-NPR-Y]", _hetu),
    _number(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", _rijksregister),
    _number(rf"[0-9]{{2}}{_MONTH}{_DAY}-[1-8][0-9]{{6}}", _no_checksum),
    # The Netherlands, Poland, Canada, Denmark, the US ITIN: behind their names
    _number(r"[0-9]{9}|[0-9]{4}[ .][0-9]{2}[ .][0-9]{3}", _bsn, r"\bBSN\b|burgerservicenummer|sofinummer"),
    _number(r"[0-9]{11}", _pesel, r"\bPESEL"),
    _number(r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", luhn, r"\bSIN\b|social insurance|assurance sociale|\bNAS\b"),
    _number(rf"{_DAY}{_MONTH}[0-9]{{2}}-?[0-9]{{4}}", _no_checksum, r"\bCPR\b|personnummer"),
    _number(r"9[0-9]{2}-?(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])-?[0-9]{4}", _no_checksum, r"\bITIN\b|taxpayer"),
)


def _any(numbers: tuple[_Number, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{number.pattern.pattern})" for number in numbers), re.ASCII)


_KINDS = (
    (_DIGITS_FIRST, _any(_WITH_DIGITS_FIRST), _WITH_DIGITS_FIRST),
    (_LETTERS_FIRST, _any(_WITH_LETTERS_FIRST), _WITH_LETTERS_FIRST),
)
"""Start of the numbers, the alternation of their patterns, and the numbers themselves."""
