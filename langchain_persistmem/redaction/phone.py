"""Telephone numbers: international, national in an unambiguous form, and any other behind a word such as "phone"; pure."""

import re
from collections.abc import Iterator

from langchain_persistmem.redaction.spans import Span

_REGION = re.compile(r"[+(]{0,2}[0-9][0-9 ().\-/]*+")
_FEWEST, _MOST = 7, 15
_INTERNATIONAL = re.compile(
    r"(?:\+(?<![\w+]\+)|0(?<![\w.,]0)0)[ ]?\(?[1-9](?:[ .\-/()]{0,3}[0-9]){6,18}(?![0-9])", re.ASCII
)
_GROUPS = re.compile(r"[0-9]+")
_NATIONAL = re.compile(
    r"(?<![\w+.,/\-])(?<![0-9]:)(?:"
    r"(?:1[ .\-])?(?:\([2-9][0-9]{2}\)[ ]?|[2-9][0-9]{2}[ .\-])[2-9][0-9]{2}[ .\-][0-9]{4}"  # North America
    r"|0[1-9](?P<fr>[ .\-])[0-9]{2}(?:(?P=fr)[0-9]{2}){3}"  # France
    r"|\(?0[1-9][0-9]{0,4}\)?(?:[ /\-]{1,3}|(?<=\)))[0-9]{2,8}(?:[ \-][0-9]{2,6}){0,4}"  # a trunk zero: most of Europe, Asia
    r"|0[1-9][0-9]{8,9}"
    r"|8[ \-]?\(?9[0-9]{2}\)?[ \-][0-9]{3}[ \-]?[0-9]{2}[ \-]?[0-9]{2}"  # Russia
    r"|\([1-9][0-9]\)[ ]?9?[0-9]{4}[ \-][0-9]{4}"  # Brazil
    r"|[6-9][0-9]{2} [0-9]{2} [0-9]{2} [0-9]{2}|9[0-9] [0-9]{3} [0-9]{2} [0-9]{2}"  # Spain
    r"|3[2-9][0-9][ .\-][0-9]{3}[ .\-]?[0-9]{4}"  # Italy
    r"|[6-9][0-9]{4}[ \-][0-9]{5}"  # India
    r"|1[3-9][0-9][ \-][0-9]{4}[ \-][0-9]{4}"  # China
    r")(?!\w)(?![.,:/\-][0-9])(?! ?[%€$£])",
    re.ASCII,
)
_BEHIND_PHONE_WORD = re.compile(
    r"(?<![\w+.,])(?<![0-9][ .\-/():])\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,14}(?!\w)(?![.,:/\-][0-9])(?! ?[%€$£])",
    re.ASCII,
)
_WORD = re.compile(r"[^\W\d_]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PHONE_WORDS = _words(
    "phone telephone cell cellphone mobile call ring dial text fax sms whatsapp viber tel tlf gsm telefono telefoon telefone "
    "rufnummer durchwahl anrufen erreichbar téléphone portable joindre móvil movil teléfono celular ligue ligar telemóvel "
    "telemovel cellulare bel komórka zadzwoń numer тел τηλ κινητό cep ara ringe puh reach"
)
_PHONE_STEMS = (
    "telefon", "handy", "mobil", "appel", "llám", "llam", "chiam", "puhelin", "komórk", "телефон", "звон", "позвон", "моб",
    "номер", "набер", "τηλέφων", "mobiel",
)  # fmt: skip
_PHONE_WORDS_UNSPACED = (
    "电话", "手机", "致电", "拨打", "电联", "联系", "電話", "携帯", "手機", "전화", "휴대폰", "연락처", "هاتف", "جوال", "اتصل", "موبايل",
    "फ़ोन", "फोन", "मोबाइल", "טלפון", "נייד", "โทร",
)  # fmt: skip
_OTHER_WORDS = _words(
    "order orders invoice isbn issn ean upc gtin sku imei ticket case ref reference serial model part item tracking parcel "
    "account acct customer policy booking reservation confirmation version build commit barcode batch lot zip room flight "
    "timestamp epoch id facture commande référence pedido factura ordine fattura fatura bestelling factuur konto kontonummer "
    "iban vin meter"
)
_OTHER_STEMS = (
    "bestell", "rechnung", "artikel", "kunden", "auftrag", "vorgang", "sendung", "zamówieni", "заказ", "счет", "счёт",
)  # fmt: skip
_OTHER_WORDS_UNSPACED = ("订单", "單號", "单号", "注文", "주문", "#", "№")
_FILLERS = _words("number no nr num code nummer numéro número numero is ist est es was war lautet the my our mon ma")
_LOOK_BACK, _NEAR = 48, 32
_DATE = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}([./\- ])[0-9]{1,2}\1(?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}([./\- ])[0-9]{1,2}\2[0-9]{1,2})(?![0-9])"
)
_CODES = {
    "1": 10, "20": 10, "27": 9, "30": 10, "31": 9, "32": 9, "33": 9, "34": 9, "36": 9, "39": 11, "40": 9, "41": 9,
    "43": 12, "44": 10, "45": 8, "46": 10, "47": 8, "48": 9, "49": 12, "51": 9, "52": 11, "53": 8, "54": 11, "55": 11,
    "56": 9, "57": 10, "58": 10, "60": 10, "61": 9, "62": 12, "63": 10, "64": 10, "65": 8, "66": 9, "7": 10, "81": 10,
    "82": 10, "84": 10, "86": 11, "90": 10, "91": 10, "92": 10, "93": 9, "94": 9, "95": 10, "98": 10,
}  # fmt: skip
"""Greatest number of digits behind the country code; behind codes of three digits it is ten."""
_CODES_OF_THREE = re.compile(r"2[1-689]|3[578]|42|5[09]|6[789]|8[05-8]|9[679]")


def phones(text: str) -> Iterator[Span]:
    """Find telephone numbers; dates, order numbers and versions are none."""
    for match in _INTERNATIONAL.finditer(text):
        end = _international_end(match)
        if end is not None:
            yield Span(match.start(), end, "PHONE")
    # National patterns are tried only on runs of digits and separators: on the whole text they would be slow.
    for region in _REGION.finditer(text):
        if region.end() - region.start() >= _FEWEST:
            yield from _in_region(text, region.start(), min(region.end() + 3, len(text)))


def _in_region(text: str, start: int, end: int) -> Iterator[Span]:
    for match in _NATIONAL.finditer(text, start, end):
        digits = sum(map(len, _GROUPS.findall(match[0])))
        plausible = 9 <= digits <= 12 and not _DATE.search(match[0])  # noqa: PLR2004 - lengths of national numbers
        if plausible and not _is_other(_before(text, match.start())):
            yield Span(match.start(), _trim_end(text, match.end()), "PHONE")
    for match in _BEHIND_PHONE_WORD.finditer(text, start, end):
        before = _before(text, match.start())
        if _has_phone_word(before) and not _is_other(before) and not _DATE.search(match[0]):
            yield Span(match.start(), _trim_end(text, match.end()), "PHONE")


def _before(text: str, start: int) -> str:
    """Return the words before a number as far as they concern it: not beyond another number or a line break."""
    near = text[max(0, start - _LOOK_BACK) : start]
    return re.split(r"[0-9\n]", near)[-1].casefold()


def _has_phone_word(before: str) -> bool:
    near = before[-_NEAR:]
    words = _WORD.findall(near)
    return any(word in _PHONE_WORDS or word.startswith(_PHONE_STEMS) for word in words) or any(
        map(near.__contains__, _PHONE_WORDS_UNSPACED)
    )


def _is_other(before: str) -> bool:
    """Recognise an order, an invoice, a version and the like by the last word, fillers such as "number" aside."""
    words = _WORD.findall(before[-_NEAR:])
    while words and words[-1] in _FILLERS:
        words.pop()
    is_other_number = bool(words) and (words[-1] in _OTHER_WORDS or words[-1].startswith(_OTHER_STEMS))
    return is_other_number or before.rstrip(" :.").endswith(_OTHER_WORDS_UNSPACED)


def _international_end(match: re.Match[str]) -> int | None:
    """Find the end of an international number by its country code; None if it is no telephone number."""
    groups = list(_GROUPS.finditer(match[0]))
    digits = "".join(group[0] for group in groups).removeprefix("00" if match[0].startswith("00") else "")
    code = next((digits[:length] for length in (1, 2) if digits[:length] in _CODES), None)
    if code is None and not _CODES_OF_THREE.match(digits):
        return None
    # The pattern takes every digit that follows, so that a year or a price behind the number is in the match:
    # whole groups count only up to the longest number of the country. The "0" of "(0)" and the "00" are extra.
    trunk = 1 if "(0)" in match[0] else 0
    most = trunk + (len(code) + _CODES[code] if code else 13) + (2 if match[0].startswith("00") else 0)
    total, end = 0, 0
    for group in groups:
        if total + len(group[0]) > most:
            break
        total += len(group[0])
        end = group.end()
    enough = most if code == "1" else _FEWEST + 1  # North American numbers have one length only
    return match.start() + end if total >= enough else None


def _trim_end(text: str, end: int) -> int:
    while text[end - 1] in " .-/(":
        end -= 1
    return end
