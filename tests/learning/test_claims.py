"""Small rules by which a model's claims are checked, and the near misses that they must not take."""

import pytest

from langchain_persistmem.language.off_record_requests import asks_not_to_remember
from langchain_persistmem.language.small_talk import is_answer
from langchain_persistmem.language.subjects import USER, Subject, find_subject, is_same_subject
from langchain_persistmem.learning.chat_model.claim_support import says
from langchain_persistmem.learning.decisions.fact_keys import fact_key


@pytest.mark.parametrize(
    ("text", "names", "subject"),
    [
        ("The user lives in Oslo.", (), USER),
        ("The user's sister works at Bosch.", (), Subject("sister")),
        ("The user’s older brother Tim lives in Rome.", (), Subject("brother", "Tim")),
        ("The user's best friend Olga is getting divorced.", ("Olga",), Subject("friend", "Olga")),
        ("Mia, the user's sister, works at Bosch.", (), Subject("sister")),
        ("The user has a sister.", (), USER),
        ("The user and his wife live in Rome.", (), USER),
        ("The user's favourite drink is tea.", (), USER),
        ("The user moved to Rome because of the user's wife.", (), USER),
        ("Der Nutzer hat eine Schwester.", (), USER),
        ("Die Schwester des Nutzers wohnt in Kassel.", (), Subject("sister")),
        ("La hermana del usuario vive en Lima.", (), Subject("sister")),
        ("La mère de l'utilisateur habite à Nice.", (), Subject("mother")),
        ("用户的妹妹住在上海。", (), Subject("sister")),
        ("用户住在上海。", (), USER),
        ("ユーザーの妹は大阪で働いている。", (), Subject("sister")),
        ("ユーザーの趣味は登山だ。", (), USER),
        ("أخت المستخدم تعمل في القاهرة.", (), Subject("sister")),
        ("Tom broke his leg.", ("Tom",), Subject(name="Tom")),
        ("Rome is where the user lives.", ("Rome",), USER),
        ("Lives in Rome.", (), USER),
        ("", (), USER),
    ],
)
def test_whom_a_statement_is_about(text: str, names: tuple[str, ...], subject: Subject) -> None:
    assert find_subject(text, names) == subject


def test_the_sister_may_be_the_sister_mia_and_nobody_else() -> None:
    sister, mia, ada = Subject("sister"), Subject("sister", "Mia"), Subject("sister", "Ada")
    assert is_same_subject(sister, mia)
    assert not is_same_subject(ada, mia)
    assert not is_same_subject(sister, USER)
    assert is_same_subject(Subject(name="Mia"), mia)
    assert is_same_subject(USER, USER)


@pytest.mark.parametrize(
    ("given", "text", "key"),
    [
        ("Home city", "The user lives in Oslo.", "fact:home_city"),
        ("employer", "The user's sister works at Bosch.", "fact:sister_employer"),
        ("sister_employer", "The user's sister works at Bosch.", "fact:sister_employer"),
        ("employer", "The user's sister Mia works at Bosch.", "fact:sister_mia_employer"),
        ("hobby", "The user climbs.", None),
        ("Likes", "The user's sister climbs.", None),
        ("  ", "The user climbs.", None),
        ("\x00", "The user climbs.", None),
        ("città", "The user lives in Rome.", "fact:città"),
        ("k" * 500, "The user climbs.", "fact:" + "k" * 60),
    ],
)
def test_the_key_of_a_fact(given: str, text: str, key: str | None) -> None:
    assert fact_key(given, find_subject(text)) == key


@pytest.mark.parametrize(
    "text",
    [
        "Don't remember this: I am looking for a job.",
        "please do not save that",
        "Off the record: the merger is in May.",
        "The merger is in May. Don’t remember it!",
        "Do not remember what I just said.",
        "Keep this between us: I quit.",
        "Bitte nicht merken: ich kündige.",
        "Merk dir das bitte nicht.",
        "No guardes esto, por favor.",
        "Ne retiens pas ça.",
        "Не запоминай это.",
        "请不要记住这个。",
        "これは覚えないでください。",
        "이건 기억하지 마세요.",
        "لا تحفظ هذا",
    ],
)
def test_a_request_not_to_remember_is_understood(text: str) -> None:
    assert asks_not_to_remember(text)


@pytest.mark.parametrize(
    "text",
    [
        "I don't remember that film.",
        "We don't remember what it cost.",
        "Do you remember this?",
        "Don't forget that I am a vegan.",
        "He told me off the record that he quits.",
        "I never save anything at the end of the month.",
        "Remember this: I am a vegan.",
        "Das kann ich mir nicht merken.",
    ],
)
def test_what_only_sounds_like_such_a_request_is_none(text: str) -> None:
    assert not asks_not_to_remember(text)


@pytest.mark.parametrize(
    ("text", "quote", "said"),
    [
        ("J’adore le fromage", "j'adore LE  fromage", True),
        ("I moved, at last, to Zagreb.", "I moved … to Zagreb", True),
        ("I moved, at last, to Zagreb.", "to Zagreb ... I moved", False),
        ("cafe\u0301 noir", "caf\u00e9 noir", True),
        ("I live in Oslo", "I live in Bergen", False),
        ("مشروبي المفضل هو الشاي", "المفضل هو الشاي", True),
        ("My name is Maya and I am allergic to hazelnuts.", "Maya is allergic to hazelnuts.", True),
        ("I love cats", "I hate cats", False),
        ("I love my cat", "You have a cat", False),
        ("Noah likes Mia", "Mia likes Noah", False),
    ],
)
def test_a_quote_stands_in_the_text_or_it_does_not(text: str, quote: str, said: bool) -> None:
    assert says(text, quote) is said


@pytest.mark.parametrize(
    ("text", "before", "answers"),
    [
        ("Yes.", "Are you a vegetarian?", True),
        ("no, thanks", "Do you eat meat?", True),
        ("Ja!", "Bist du Vegetarierin?", True),
        ("はい", "ベジタリアンですか？", True),
        ("Yes.", "I see.", False),
        ("Thanks!", "Are you a vegetarian?", False),
        ("No, thanks!", "Is there anything else I can help you with?", False),
        ("Yes", "How are you?", False),
        ("Yes", "", False),
    ],
)
def test_a_yes_says_something_after_a_question(text: str, before: str, answers: bool) -> None:
    assert is_answer(text, before) is answers
