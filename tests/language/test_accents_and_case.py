"""Texts are spelt alike for search, whatever keyboard they come from; vowel signs are never lost."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_persistmem.language.search_terms.accents_and_case import fold, simplify
from langchain_persistmem.language.search_terms.tokenization import analyze, cut_characters, cut_tokens


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(simplify(text)) == fold(text)


@given(st.text())
def test_composed_and_decomposed_text_is_folded_alike(text: str) -> None:
    forms = {fold(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1


# Vowel signs and viramas of Devanagari, Bengali, Tamil, Telugu, Thai, Lao, Khmer, Burmese, Sinhala and Tibetan.
_BLOCKS = ((0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xC00, 0xC7F), (0xD80, 0xDFF), (0xE00, 0xEFF), (0xF40, 0xFBC),
           (0x1000, 0x103F), (0x1780, 0x17D3))  # fmt: skip
_SIGNS = [
    chr(code)
    for start, end in _BLOCKS
    for code in range(start, end + 1)
    if unicodedata.category(chr(code)) in ("Mn", "Mc") and code not in (0x17B4, 0x17B5)  # nobody sees these two
]


@given(st.sampled_from(_SIGNS), st.text(st.sampled_from("कதతกကកకසབ"), min_size=1, max_size=4))
def test_signs_of_india_and_southeast_asia_stay(sign: str, letters: str) -> None:
    decomposed = unicodedata.normalize("NFKD", sign)
    assert unicodedata.normalize("NFKD", fold(letters + sign)).endswith(decomposed[-1])


@given(
    st.integers(0, 10**6),
    st.sampled_from([0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xE50, 0xED0, 0xF20, 0x1040, 0x17E0, 0xFF10, 0x1D7CE]),
)
def test_figures_of_all_scripts_are_the_same_figures(number: int, zero: int) -> None:
    assert fold("".join(chr(zero + int(figure)) for figure in str(number))) == str(number)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ærøskøbing", "aeroskobing"), ("Đặng Thị Hường", "dang thi huong"), ("Władysław", "wladyslaw"), ("Žižek", "zizek"),
        ("STRAẞE", "strasse"), ("Þorbjörg", "thorbjorg"), ("ISTANBUL İzmir ılıca", "istanbul izmir ilica"),
        ("Ξανθίππη", "ξανθιππη"), ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"), ("Ёж", "еж"), ("Қазақстан", "Казакстан"), ("Ґоґоль", "гоголь"),
        ("עִבְרִית", "עברית"), ("مَكْتَبَة", "مكتبة"), ("کتاب", "كتاب"), ("ﻛﺘﺎﺏ", "كتاب"), ("آدم", "ادم"),
        ("ＷＩＤＥ ｶﾀｶﾅ", "wide カタカナ"), ("ﬁne oﬃce", "fine office"), ("soft\u00adhyphen", "softhyphen"),
        ("zero\u200bwidth", "zerowidth"), ("O’Neill", "o'neill"), ("2021–2023", "2021-2023"), ("naïve Ångström", "naive angstrom"),
        ("Señor Núñez", "senor nunez"), ("Çiğdem", "cigdem"), ("Ǧamāl", "gamal"), ("Ɗanjuma", "danjuma"),
    ],
)  # fmt: skip
def test_what_is_written_in_two_ways_is_one_term(one: str, other: str) -> None:
    assert analyze(one) == analyze(other)


@given(st.text(max_size=80))
def test_a_stored_text_is_found_by_every_token_of_it(text: str) -> None:
    searchable = analyze(text)
    stored = {*searchable.words.split(), *searchable.terms}
    for token in cut_tokens(text):
        asked = token.parts if token.is_run else (token.whole, *token.parts)
        assert {form for form in asked if len(form) <= 200} <= stored
    assert not any(character.isspace() for term in searchable.terms for character in term)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("mx-12.berlin.acme.dev", "mx-12.berlin.acme.dev mx-12 berlin acme dev mx 12"),
        ("5512/2025", "5512/2025 5512 2025"), ("INV-2024-0042", "inv-2024-0042 inv 2024 0042"),
        ("parseUserAgent", "parseuseragent parse user agent"), ("HTTPServer", "httpserver http server"),
        ("last_login_at", "last_login_at last login at"), ("SKU_77-B", "sku_77-b sku 77"), ("v2.14.3", "v2.14.3 v2 14 3 2"),
        ("iPhone15", "iphone15 phone 15"), ("10am", "10am 10 am"), ("std::vector", "std::vector std vector"),
        ("ada.byron@example.org", "ada.byron@example.org ada byron example org"), ("src/app/main.py", "src/app/main.py src app main py"),
        ("1,250,000", "1,250,000 1250000 250 000 1"), ("192.168.10.44", "192.168.10.44 192 168 10 44"),
        ("2026-04-09", "2026-04-09 2026 04 09"), ("part-time", "part-time part time"), ("R&D", "r&d"), ("7:45", "7:45 45 7"),
        ("+47 22 85 50 50", "4722855050 2855050 47 22 85 50"), ("(0161) 496-0123", "01614960123 4960123 0161 496 0123"),
        ("01.23.45.67.89", "0123456789 3456789 01 23 45 67 89"), ("A4", "a4 4"), ("B-52", "b-52 52"),
        ("orders_v3_final", "orders_v3_final orders v3 final 3"), ("k8s-node-7", "k8s-node-7 k8s node 7 8"),
        ("feature/TICKET-981-fix", "feature/ticket-981-fix feature ticket-981-fix ticket 981 fix"),
        ("logs\\web.txt", "logs\\web.txt logs web txt"), ("x86_64", "x86_64 x86 64 86"), ("GPT-4o", "gpt-4o gpt 4o 4"),
        ("10.0.0.0/8", "10.0.0.0/8 10 0 8"), ("id=4711", "id=4711 id 4711"), ("3.75", "3.75 75 3"), ("café-bar", "cafe-bar cafe bar"),
        ("ISBN 978-3-16-148410-0", "isbn 9783161484100 1484100 978 16 148410"), ("v1", "v1 1"), ("T-1000", "t-1000 1000"),
        ("user42@corp", "user42@corp user42 corp user 42"), ("ＭＸ‑12", "mx-12 mx 12"), ("फ़ाइल_१२", "फ़ाइल_12 फ़ाइल 12"),
        ("AbC123dEf456gH", "abc123def456gh"),
    ],
)  # fmt: skip
def test_a_token_is_found_as_a_whole_and_by_its_parts(text: str, forms: str) -> None:
    searchable = analyze(text)
    found = {*searchable.words.split(), *searchable.terms}
    assert found == {fold(form) for form in forms.split(" ")}


def test_the_digits_of_a_telephone_number_count_however_it_is_written() -> None:
    wanted = analyze("+44 161 496 0123").terms[1]
    for written in (
        "0161 496 0123",
        "(0161) 496-0123",
        "0161/4960123",
        "01614960123",
        "+44-161-496-0123",
        "0044 161 4960123",
    ):
        assert wanted in analyze(written).terms, written


@pytest.mark.parametrize(
    ("run", "characters"),
    [
        ("猫と犬", "猫 と 犬"), ("고양이", "고 양 이"), ("ข้าวผัด", "ข้ า ว ผั ด"), ("ເຂົ້າ", "ເ ຂົ້ າ"), ("ឆ្កែធំ", "ឆ្កែ ធំ"),
        ("ကြောင်", "ကြော င်"), ("བོད་ཡིག", "བོད ཡིག"), ("ꦲꦏ꧀ꦱꦫ", "ꦲ ꦏ꧀ ꦱ ꦫ"),
    ],
)  # fmt: skip
def test_a_character_has_its_signs_with_it(run: str, characters: str) -> None:
    assert cut_characters(run) == tuple(characters.split())


def test_what_is_too_long_for_a_term_is_found_by_its_parts() -> None:
    terms = analyze("key-" + "a1" * 5000).terms
    assert all(len(term) <= 200 for term in terms)
