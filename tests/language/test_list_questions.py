"""A question after a list, a count or an order is known by its words, in each language that knows questions."""

import pytest

from langchain_persistmem.language.language_files import Language, languages
from langchain_persistmem.language.question import asks_for_list, asks_for_order

LISTS = """
What books has Tim read?
How many times has Melanie gone to the beach in 2023?
What kind of tricks do James's pets know?
Which outdoor activities has John done with his colleagues?
Which places in Canada was Evan visiting in July 2023?
List my allergies.
List all the restaurants we talked about
Name all my pets
What are my hobbies?
Tell me everything I said about Rome
all the places I have lived
How often do I swim?
Which two significant life events occur in December?
What foods don't I eat?
Which people did I meet in Oslo?
What other cities did I visit?
Can you give me a list of the films I liked?
What are Paola's favorite genres?
Welche Bücher habe ich gelesen?
Welche Städte haben wir besucht?
In welchen Städten habe ich gewohnt?
Wie oft war ich in Rom?
Wie viele Katzen habe ich?
Nenne alle meine Allergien
Was sind meine Hobbys?
Was habe ich alles gekauft, alles, was ich weiß
Was für Filme mag ich?
Quels livres ai-je lus ?
Combien de fois suis-je allé à Rome ?
Liste-moi toutes mes allergies
Quelles sont mes allergies ?
¿Qué libros he leído?
¿Cuántas veces fui a Roma?
¿Cuáles son mis alergias?
Enumera todos mis viajes
Quali libri ho letto?
Quante volte sono stato a Roma?
Che libri ho letto?
Elenca tutte le mie allergie
Quais livros eu li?
Que livros é que li?
Quantas vezes fui a Roma?
Liste todas as minhas alergias
Welke boeken heb ik gelezen?
Hoe vaak was ik in Rome?
Hoeveel katten heb ik?
Noem al mijn allergieën
Какие книги я прочитал?
Сколько раз я был в Риме?
Перечисли все мои аллергии
В каких городах я жил?
我读过哪些书？
我去过罗马几次？
列出我所有的过敏
我养了几只猫？
ローマには何回行きましたか？
私が読んだ本をすべて教えて
どんな本を読みましたか？
로마에 몇 번 갔어요?
내가 읽은 책을 모두 알려줘
어떤 책들을 읽었어?
"""

ORDERS = """
In what order did I visit the three cities?
What is the order of the three events?
Which event happened first, my cousin's wedding or Michael's engagement party?
What's the timeline of my job changes?
In welcher Reihenfolge habe ich die Städte besucht?
Dans quel ordre ai-je visité ces villes ?
¿En qué orden visité las ciudades?
In che ordine ho visitato le città?
Em que ordem visitei as cidades?
In welke volgorde bezocht ik de steden?
В каком порядке я посетил города?
我按什么顺序参观了这些城市？
どの順番で都市を訪れましたか？
어떤 순서로 도시를 방문했어?
"""

NO_LISTS = """
Where do I live?
What does this mean?
What is my sister's name?
Who is my boss?
When did Caroline go to the support group?
What is Evan's favorite food?
Which country did James book tickets for in July 2022?
What was John's first car?
What does Melanie do for work?
Which book did I read last week?
Does Nora like cats?
What is my address?
What does my daughter's class do?
What did he do after his illness?
What do I call my boss?
Should I order pizza?
I have lived here all my life.
What is it like in order to relax?
Wo wohne ich?
Wie heißt meine Schwester?
Welche Farbe hat mein Auto?
Welchen Film habe ich gesehen?
Wann habe ich Geburtstag?
Wie geht es dir?
Où est-ce que j'habite ?
Quel est le nom de ma sœur ?
Quelle voiture ai-je ?
Combien de temps dure le film ?
¿Dónde vivo?
¿Qué haces hoy?
¿Qué es esto?
¿Cuál es mi dirección?
Dove abito?
Che tempo fa?
Qual è il mio indirizzo?
Come si chiama mia sorella?
Onde é que eu moro?
Que horas são?
Qual é o meu endereço?
Waar woon ik?
Welke kleur heeft mijn auto?
Hoe heet mijn zus?
Где я живу?
Какой у меня адрес?
Сколько времени?
我住在哪里？
我妹妹叫什么名字？
私はどこに住んでいますか？
妹の名前は何ですか？
제가 어디에 살아요?
내 여동생 이름이 뭐야?
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("question", lines(LISTS))
def test_a_plural_or_a_count_asks_for_a_list(question: str) -> None:
    assert asks_for_list(question)
    assert not asks_for_order(question)


@pytest.mark.parametrize("question", lines(ORDERS))
def test_an_order_of_events_asks_for_several_memories(question: str) -> None:
    assert asks_for_order(question)
    assert asks_for_list(question)


@pytest.mark.parametrize("question", lines(NO_LISTS))
def test_a_question_after_one_thing_asks_for_no_list(question: str) -> None:
    assert not asks_for_list(question)


@pytest.mark.parametrize("language", [each for each in languages() if each.questions], ids=lambda each: each.code)
def test_every_language_that_knows_questions_knows_lists_and_orders(language: Language) -> None:
    assert language.questions is not None
    assert language.questions.list_question
    assert language.questions.order_question
