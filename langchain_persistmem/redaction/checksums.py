"""Checksums of numbers and addresses; pure. Each takes digits, or capitals and digits, without separators."""

import hashlib
import zlib
from collections.abc import Sequence

_DOUBLED = str.maketrans("0123456789", "0246813579")
"""The sum of the digits of twice a digit."""
_AS_NUMBERS = {ord(letter): str(number) for number, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE58 = {letter: index for index, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BECH32 = {letter: index for index, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_SUMS = (1, 0x2BC830A3)
"""The remainders of a valid address: of the first version, and of those since taproot."""
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_PERMUTATIONS = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
"""Verhoeff's permutations."""


def luhn(digits: str) -> bool:
    """Check payment cards, Swedish and Canadian numbers."""
    return (sum(map(int, digits[::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


def mod97(text: str) -> bool:
    """Check an IBAN: the first four characters move to the end, and the remainder by 97 is 1."""
    return int((text[4:] + text[:4]).translate(_AS_NUMBERS)) % 97 == 1


def is_weighted_sum_valid(digits: str, weights: Sequence[int], *, modulus: int) -> bool:
    """Check that the weighted sum of the digits is divisible by ``modulus``."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % modulus == 0


def ean13(digits: str) -> bool:
    """Check barcodes, and the Swiss AHV number."""
    return is_weighted_sum_valid(digits, (1, 3) * 6 + (1,), modulus=10)


def mod11_10(digits: str) -> bool:
    """Check the German tax id (ISO 7064)."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def verhoeff(digits: str) -> bool:
    """Check the Indian Aadhaar number, which uses the group of the symmetries of a pentagon."""
    state = 0
    for index, digit in enumerate(reversed(digits)):
        state = _dihedral(state, int(_PERMUTATIONS[index % 8][int(digit)]))
    return state == 0


def crc32_base62(text: str, checksum: str) -> bool:
    """Check tokens of GitHub and npm: their last six characters are a CRC of the rest."""
    number = zlib.crc32(text.encode())
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(len(checksum), "0") == checksum


def base58check(text: str) -> bool:
    """Check Bitcoin's first addresses and keys, and those of its relatives."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58[letter]
    zeros = len(text) - len(text.lstrip("1"))
    raw = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def bech32(text: str) -> bool:
    """Check addresses such as ``bc1...``; all of one case."""
    prefix, _, data = text.lower().rpartition("1")
    values = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    values += [_BECH32.get(letter, -1) for letter in data]
    check = 1
    for value in values:
        if value < 0:
            return False
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _STEPS[check >> 25]
    return check in _BECH32_SUMS


def _dihedral(one: int, other: int) -> int:
    half = 5
    if one < half:
        return (one + other) % half if other < half else half + (one + other) % half
    return half + (one - other) % half if other < half else (one - other) % half


def _step(top: int) -> int:
    step = 0
    for bit, generator in enumerate(_GENERATORS):
        step ^= generator if top >> bit & 1 else 0
    return step


_STEPS = tuple(_step(top) for top in range(32))
