"""What only asks or orders is told from what says something, in every language; in doubt it says something."""

import pytest

from langchain_persistmem.language.language_files import Language, languages
from langchain_persistmem.language.requests import asks_for_explanation, asks_for_help, is_request

REQUESTS = [
    "What is 17*23?",
    "continue",
    "Continue.",
    "Tell me a joke",
    "Tell me a joke, please.",
    "17*23",
    "17 + 4 = ?",
    "Where do I live?",
    "what is the capital of france",
    "Can you write a haiku about rain?",
    "Thanks! Go on.",
    "Suggest a dinner for tonight",
    "What's my dog's name?",
    "Write a poem about Oslo.",
    "Give me five ideas for a weekend trip.",
    "Summarize this article.",
    "How do I sort a list in Python?",
    "ok, next",
    "Erzähl mir einen Witz",
    "Was ist 17*23?",
    "Schreib mir ein Gedicht",
    "mach weiter",
    "Kannst du mir ein Rezept vorschlagen?",
    "Raconte-moi une blague",
    "Quelle est la capitale de la France ?",
    "Cuéntame un chiste",
    "¿Qué es la fotosíntesis?",
    "Raccontami una barzelletta",
    "Conta-me uma piada",
    "Vertel me een mop",
    "Расскажи анекдот",
    "讲个笑话",
    "继续",
    "法国的首都是什么？",
    "冗談を言ってください",
    "続けて",
    "농담 해줘",
    "계속해 줘",
    "Berätta en historia",
    "Fortæl mig en vittighed",
    "Fortell meg en vits",
    "Kerro minulle vitsi",
    "Mesélj egy viccet",
    "Spune-mi o glumă",
    "Bana bir şaka anlat",
    "Πες μου ένα ανέκδοτο",
    "أخبرني نكتة",
    "Opowiedz mi kawał",
    "what did I ask you?",
]
STATEMENTS = [
    "I moved to Oslo. What should I see there?",
    "Always answer in German.",
    "Please answer in German",
    "Call me Ada.",
    "Remember that I like tea.",
    "My dog is called Pixel.",
    "I like tea, do you?",
    "I'm vegetarian, what should I eat?",
    "Tell me a joke because I am sad",
    "Suggest a gift for my sister Anna, who turned forty last week and loves gardening, hiking and old maps",
    "Name is Ada.",
    "Plan is to move to Oslo.",
    "Run was great today.",
    "42",
    "5/12/1990",
    "1990-05-12",
    "Yes.",
    "Hello",
    "The meeting is on Friday.",
    "Vegetarian.",
    "When I was young, I lived in Oslo.",
    "What I like is tea.",
    "Did you know I moved to Oslo?",
    "Ich wohne in Berlin.",
    "Suche eine Wohnung in Berlin",
    "Antworte immer auf Deutsch.",
    "Je suis végétarien.",
    "Me llamo Ana. ¿Qué puedo cenar?",
    "Sono vegetariano.",
    "Devo andare dal dentista domani",
    "Moro em Lisboa.",
    "Ik woon in Utrecht.",
    "Я живу в Москве.",
    "Всегда отвечай по-русски.",
    "我住在上海。",
    "我是素食者，推荐一道菜",
    "请用德语回答",
    "私はベジタリアンです。",
    "日本語で答えてください",
    "나는 서울에 살아요.",
    "독일어로 대답해 줘",
    "Jag bor i Malmö.",
    "Jeg bor i Oslo.",
    "Asun Helsingissä.",
    "Budapesten élek.",
    "Locuiesc la Cluj.",
    "Ankara'da yaşıyorum.",
    "Yaşadığım yer Ankara",
    "En sevdiğim mevsim yaz.",
    "Μένω στην Αθήνα.",
    "أعيش في القاهرة.",
    "Mieszkam w Krakowie.",
    "Mi a családunkkal Budapesten élünk",
    "翻译是我的工作",
    "写作是爱好",
    "Mostly Italian food, have you been to Italy?",
    "Did I mention that my sister is called Anna?",
    "From now on be brief.",
    "",
]


@pytest.mark.parametrize("text", REQUESTS)
def test_what_only_asks_or_orders_is_a_request(text: str) -> None:
    assert is_request(text)
    assert is_request(text.upper())


@pytest.mark.parametrize("text", STATEMENTS)
def test_what_tells_something_or_holds_beyond_the_turn_is_none(text: str) -> None:
    assert not is_request(text)


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.code)
def test_in_every_language_one_clause_that_tells_something_is_enough(language: Language) -> None:
    words = language.requests
    assert words is not None
    assert is_request(words.phrases[0])
    beginning = words.statements[0].strip("*")
    assert not is_request(f"{beginning} x?")
    assert not is_request(f"{words.phrases[0]}. {beginning} x.")


def test_a_pasted_text_is_no_request() -> None:
    assert not is_request("Summarize this: " + "The ship left the harbour in the morning and sank. " * 10)


@pytest.mark.parametrize(
    "text",
    [
        "I need a gift for my father, any ideas?",
        "Can you suggest a vacuum cleaner?",
        "Could you put together a menu for Friday?",
        "What wine goes with this roast?",
        "Is this gym membership worth it?",
        "What's the best way to get to Munich?",
        "Improve the summary in my CV.",
        "Suggest a snack before bed.",
        "What can I eat before a run?",
        "I'm looking for a podcast.",
        "My sister turns forty on Monday. Got any ideas?",
        "Ich brauche ein Geschenk für Mia.",
        "Kannst du einen guten Film empfehlen?",
        "Je cherche un cadeau pour ma mère.",
    ],
)
def test_what_wants_something_done_or_chosen_asks_for_help_in_whatever_words(text: str) -> None:
    assert asks_for_help(text)


@pytest.mark.parametrize(
    "text",
    [
        "Remind me when the dentist is.",
        "Can you tell me when I moved?",
        "Where is the church of St. Mary?",
        "When can I have said that?",
        "I have a good idea for the party.",
        "What advice did Nora give me?",
        "Always answer in German.",
        "Tell me a joke",
        "continue",
    ],
)
def test_what_looks_up_tells_or_asks_for_nothing_asks_for_no_help(text: str) -> None:
    assert not asks_for_help(text)


@pytest.mark.parametrize(
    ("help_wanted", "fact_wanted"),
    [
        ("What should I wear tomorrow?", "What is my shoe size?"),
        ("Can you recommend a book for me?", "How many bikes do I own?"),
        ("Welches Buch könnte ich lesen?", "Wie heißt mein Hund?"),
        ("Que dois-je mettre demain ?", "Quel est mon mot de passe ?"),
        ("¿Qué debería cocinar para mi padre?", "¿Cuál es mi contraseña?"),
        ("Che cosa dovrei regalare a mia sorella?", "Qual è la mia password?"),
        ("Wat moet ik morgen aantrekken?", "Wat is mijn wachtwoord?"),
        ("Vad ska jag laga ikväll?", "Vad är mitt lösenord?"),
    ],
)
def test_a_question_for_a_fact_of_the_user_asks_for_no_help(help_wanted: str, fact_wanted: str) -> None:
    assert asks_for_help(help_wanted)
    assert not asks_for_help(fact_wanted)


@pytest.mark.parametrize(
    "text",
    [
        "Explain recursion.",
        "Can you explain photosynthesis to me?",
        "Convert 10 miles to kilometres.",
        "List five noble gases.",
        "Erkläre mir die Relativitätstheorie.",
        "Explique-moi la récursivité.",
        "Explica la fotosíntesis.",
        "Spiegami l'inflazione.",
        "Explica a gravidade.",
        "Leg uit wat entropie is.",
        "Объясни рекурсию.",
    ],
)
def test_what_is_much_the_same_for_everybody_is_an_explanation_and_no_help(text: str) -> None:
    assert asks_for_explanation(text)
    assert not asks_for_help(text)


@pytest.mark.parametrize("text", ["Explain my contract.", "Suggest a dinner.", "Recommend a book."])
def test_what_depends_on_the_user_is_help_and_no_explanation(text: str) -> None:
    assert asks_for_help(text)
    assert not asks_for_explanation(text)
