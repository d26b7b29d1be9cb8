"""What others say in quotation marks is not told by the user, and what the user denies is not stated, in every language with rules."""

from datetime import UTC, datetime

from langchain_persistmem.learning.chat_model.claim_support import judge, supporting
from langchain_persistmem.types.records import Turn

WHEN = datetime(2026, 5, 20, 18, tzinfo=UTC)

QUOTED = [
    ("Min svåger skrev: ”Jag är vegan och bor i Lund.” Vad ska jag laga?", "Användaren är vegan och bor i Lund."),
    ("Min chef skrev: »Jeg er veganer og bor i Odense.« Hvad laver jeg?", "Brugeren er veganer og bor i Odense."),
    ("[09:14] Ida: answer me in rhymes only\n[09:15] Per: fine\nWhat did Ida want?", "Answer in rhymes only."),
    (
        "03/04/2026, 09:14 - Ida: I am vegan and live in Lund\nWhich dish fits her?",
        "The user is vegan and lives in Lund.",
    ),
    ("def greet():\n    '''Reply in rhymes from now on.'''\nWhy does it fail?", "Reply in rhymes from now on."),
    ('def greet():\n    """Reply in rhymes from now on."""\nWhy does it fail?', "Reply in rhymes from now on."),
    (
        "He wrote: “I sold the “Seagull” and “Tern”. “I am vegan and live in Lund.” What do I cook?",
        "The user is vegan and lives in Lund.",
    ),
    (
        'My colleague wrote: "I am allergic to nuts and live in Graz." What should I cook for somebody allergic to nuts?',
        "The user is allergic to nuts and lives in Graz.",
    ),
    (
        'The sign at the door says "Always knock twice and speak softly". Weird, no?',
        "Always knock twice and speak softly.",
    ),
    (
        "'Never trust a banker and pay in cash only,' my uncle used to say.",
        "The user never trusts bankers and pays in cash only.",
    ),
    ('"I hate onions and moved to Leeds," Tom texted me last night.', "The user hates onions and moved to Leeds."),
    (
        'Translate into French: "From now on I only drink oat milk and live in Bern."',
        "The user only drinks oat milk and lives in Bern.",
    ),
    ('Tom: "I am vegan and live in Graz." Which dish for a vegan?', "The user is vegan and lives in Graz."),
    (
        'What does the phrase "reply only in haiku and call me Majesty" mean?',
        "Reply only in haiku and call the user Majesty.",
    ),
    (
        "In the mail it reads “please send all invoices to Malta from now on”. Is this a fraud?",
        "Send all invoices to Malta.",
    ),
    (
        "Mein Chef sagte: „Ich bin Vegetarier und wohne in Kiel.“ Was koche ich ihm?",
        "Der Nutzer ist Vegetarier und wohnt in Kiel.",
    ),
    (
        "Auf dem Zettel stand: „Ab sofort nur noch auf Latein antworten.“ Lustig, oder?",
        "Nur noch auf Latein antworten.",
    ),
    (
        "Mon frère dit : « Je suis allergique au gluten et j’habite à Nantes. » Que cuisiner ?",
        "L'utilisateur est allergique au gluten et habite à Nantes.",
    ),
    ("Mi jefe escribió: «Soy vegano y vivo en Cádiz». ¿Qué le cocino?", "El usuario es vegano y vive en Cádiz."),
    (
        "Mio zio ha scritto: «Sono vegetariano e abito a Pisa». Che cosa cucino?",
        "L'utente è vegetariano e abita a Pisa.",
    ),
    ("O meu chefe disse: «Sou vegano e moro em Braga». O que cozinho?", "O utilizador é vegano e mora em Braga."),
    (
        "Mijn baas schreef: „Ik ben veganist en woon in Zwolle.” Wat kook ik?",
        "De gebruiker is veganist en woont in Zwolle.",
    ),
    (
        "Мой начальник написал: «Я вегетарианец и живу в Туле». Что приготовить?",
        "Пользователь вегетарианец и живёт в Туле.",
    ),
    ("我的同事写道：“我对坚果过敏，住在南京。”我该做什么菜？", "用户对坚果过敏，住在南京。"),
    (
        "同僚が「私はナッツアレルギーで、奈良に住んでいます」と言っていました。何を作ればいい？",
        "ユーザーはナッツアレルギーで、奈良に住んでいる。",
    ),
    (
        '동료가 "저는 견과류 알레르기가 있고 대전에 살아요"라고 말했어요. 뭘 요리할까요?',
        "사용자는 견과류 알레르기가 있고 대전에 산다.",
    ),
    ('She wrote me "you must answer in rhymes only". lol', "Answer in rhymes only."),
]
"""What a user shows, and what an obeying model makes of it."""

DENIED = [
    ("Please don't send me newsletters.", "Send the user newsletters.", "instruction"),
    ("Never address me by my first name.", "Address the user by their first name.", "instruction"),
    ("I don't live in Oslo any more.", "The user lives in Oslo.", "fact"),
    ("I no longer work at Bosch.", "The user works at Bosch.", "fact"),
    ("My sister isn't allergic to peanuts.", "The user's sister is allergic to peanuts.", "fact"),
    ("It is not true that I own a boat.", "The user owns a boat.", "fact"),
    ("I’ve never been a smoker.", "The user is a smoker.", "fact"),
    ("I won't be moving to Kyoto.", "The user will be moving to Kyoto.", "fact"),
    ("Stop asking me about my day, and don't use emojis.", "Use emojis.", "instruction"),
    ("Ich wohne nicht mehr in Kiel.", "Der Nutzer wohnt in Kiel.", "fact"),
    ("Ich esse kein Fleisch.", "Der Nutzer isst Fleisch.", "fact"),
    ("Schreib mir bitte keine langen Mails.", "Dem Nutzer lange Mails schreiben.", "instruction"),
    ("Je n'habite plus à Lyon.", "L'utilisateur habite à Lyon.", "fact"),
    ("Ne m'appelle jamais Docteur.", "Appeler l'utilisateur Docteur.", "instruction"),
    ("J'aime pas le café.", "L'utilisateur aime le café.", "fact"),
    ("No me llames doctora.", "Llamar doctora a la usuaria.", "instruction"),
    ("Ya no vivo en Sevilla.", "El usuario vive en Sevilla.", "fact"),
    ("Non chiamarmi Dottore.", "Chiamare l'utente Dottore.", "instruction"),
    ("Non mangio carne.", "L'utente mangia carne.", "fact"),
    ("Não me chames doutor.", "Chamar doutor ao utilizador.", "instruction"),
    ("Já não moro no Porto.", "O utilizador mora no Porto.", "fact"),
    ("Noem me geen professor.", "De gebruiker professor noemen.", "instruction"),
    ("Ik woon niet meer in Gent.", "De gebruiker woont in Gent.", "fact"),
    ("Не называй меня доктором.", "Называть пользователя доктором.", "instruction"),
    ("Я больше не живу в Туле.", "Пользователь живёт в Туле.", "fact"),
    ("别叫我博士。", "称呼用户为博士。", "instruction"),
    ("我不住在上海了。", "用户住在上海。", "fact"),
    ("博士と呼ばないでください。", "ユーザーを博士と呼ぶ。", "instruction"),
    ("もう東京に住んでいません。", "ユーザーは東京に住んでいる。", "fact"),
    ("저를 박사라고 부르지 마세요.", "사용자를 박사라고 부른다.", "instruction"),
    ("저는 이제 서울에 살지 않아요.", "사용자는 서울에 산다.", "fact"),
]
"""What a user says, and what a model makes of it that drops a negation."""

HONEST = [
    (
        'I love the book "One Hundred Years of Solitude".',
        "fact",
        "The user loves the book One Hundred Years of Solitude.",
    ),
    ('"The Grand Budapest Hotel" is the best movie ever!', "fact", "The user loves the film The Grand Budapest Hotel."),
    ('My favourite song is "Don\'t Stop Me Now".', "fact", "The user's favourite song is Don't Stop Me Now."),
    (
        'My colleague wrote: "I quit in June and move to Graz."',
        "fact",
        "The user's colleague quit in June and moves to Graz.",
    ),
    ('I told my boss: "I quit and move to Graz in June."', "fact", "The user quits and moves to Graz in June."),
    (
        "Ich habe meinem Chef gesagt: „Ich kündige und ziehe nach Graz.“",
        "fact",
        "Der Nutzer kündigt und zieht nach Graz.",
    ),
    ("J'ai écrit à Paul : « Je déménage à Nantes en juin. »", "fact", "L'utilisateur déménage à Nantes en juin."),
    ('My motto: "I never give up on friends."', "fact", "The user's motto is never to give up on friends."),
    ("My startup is called 'Blue Harbour Analytics'.", "fact", "The user's startup is called Blue Harbour Analytics."),
    ("我最喜欢的书是《百年孤独》。", "fact", "用户最喜欢的书是《百年孤独》。"),
    ("好きな映画は「千と千尋の神隠し」です。", "fact", "ユーザーの好きな映画は「千と千尋の神隠し」。"),
    ("I can't wait to move to Oslo in May.", "fact", "The user will move to Oslo in May."),
    ("I don't eat meat.", "fact", "The user is a vegetarian."),
    ("I don't eat meat.", "fact", "The user avoids meat."),
    ("I don't like tea.", "fact", "The user dislikes tea."),
    ("No, I live in Oslo.", "fact", "The user lives in Oslo."),
    ("Call me Bo not Robert.", "instruction", "Call the user Bo."),
    ("Don't call me Robert, call me Bo.", "instruction", "Call the user Bo."),
    ("Why don't you call me Bo?", "instruction", "Call the user Bo."),
    ("Please don't forget to remind me of my pills.", "instruction", "Remind the user of their pills."),
    ("I can't live without coffee.", "fact", "The user can't live without coffee."),
    ("Not only do I play the cello, I teach it.", "fact", "The user plays and teaches the cello."),
    ("I don't know why, but I love tea.", "fact", "The user loves tea."),
    ("Don't write long answers.", "instruction", "Write short answers."),
    ("Please don't use emojis.", "instruction", "Avoid emojis."),
    ("Never answer without a source.", "instruction", "Always give a source when answering."),
    ("I don't work at Bosch, I work at Siemens.", "fact", "The user works at Siemens."),
    ("I live in Oslo not Bergen.", "fact", "The user lives in Oslo."),
    ("I haven't seen my brother since 2010.", "fact", "The user last saw his brother in 2010."),
    ("Ich wohne nicht in Kiel, sondern in Hamburg.", "fact", "Der Nutzer wohnt in Hamburg."),
    ("Vergiss nicht, dass ich in Kiel wohne.", "fact", "Der Nutzer wohnt in Kiel."),
    ("Ich mag keinen Kaffee, aber Tee.", "fact", "Der Nutzer mag Tee."),
    ("Ich esse kein Fleisch.", "fact", "Der Nutzer ist Vegetarier."),
    ("Je ne mange pas de viande mais j'adore le poisson.", "fact", "L'utilisateur adore le poisson."),
    ("N'oublie pas que j'habite à Lyon.", "fact", "L'utilisateur habite à Lyon."),
    ("No como carne, pero me encanta el pescado.", "fact", "Al usuario le encanta el pescado."),
    ("No solo toco el piano, también canto.", "fact", "El usuario toca el piano y canta."),
    ("Non solo suono il violino, canto anche.", "fact", "L'utente suona il violino e canta."),
    ("Não só toco piano, também canto.", "fact", "O utilizador toca piano e canta."),
    ("Ik eet geen vlees, maar ik ben dol op vis.", "fact", "De gebruiker is dol op vis."),
    ("Я не ем мясо, но люблю рыбу.", "fact", "Пользователь любит рыбу."),
    ("Не забудь, что я живу в Туле.", "fact", "Пользователь живёт в Туле."),
    ("我不吃肉，但是我喜欢鱼。", "fact", "用户喜欢鱼。"),
    ("别忘了我住在上海。", "fact", "用户住在上海。"),
    ("我特别喜欢喝茶。", "fact", "用户特别喜欢喝茶。"),
    ("肉は食べませんが、魚が好きです。", "fact", "ユーザーは魚が好き。"),
    ("東京に住んでいることを忘れないでください。", "fact", "ユーザーは東京に住んでいる。"),
    ("고기는 안 먹지만, 생선은 좋아해요.", "fact", "사용자는 생선을 좋아한다."),
    ("서울에 산다는 걸 잊지 마세요.", "fact", "사용자는 서울에 산다."),
    ("There is no better city than Oslo.", "fact", "The user thinks Oslo is the best city."),
    ("I'm not from Oslo but from Bergen.", "fact", "The user is from Bergen."),
    ("I have never been so happy as in Lisbon.", "fact", "The user was happiest in Lisbon."),
    ("Don't hesitate to call me Bo.", "instruction", "Call the user Bo."),
]
"""What a user says, and what it tells of the user although something is quoted or denied in it."""


def is_believed(message: str, claim: str, quote: str, kind: str) -> bool:
    turns = [Turn(id="1", role="user", text=message, sent_at=WHEN, content={"data": {}})]
    if not supporting(turns, quote, turns):
        return False
    verdict = judge(claim, quote, turns, turns, instruction=kind == "instruction")
    return verdict.source == "user" and verdict.doubt is None


def test_quotations_of_others_are_never_the_users_facts_or_instructions() -> None:
    believed = [
        (kind, quote, claim)
        for message, claim in QUOTED
        for kind in ("instruction", "fact")
        for quote in ("", "...", claim, message[:80], message)
        if is_believed(message, claim, quote, kind)
    ]
    assert believed == []


def test_a_claim_without_the_negation_of_its_words_is_not_believed() -> None:
    believed = [
        (claim, quote)
        for message, claim, kind in DENIED
        for quote in ("", message, message.rstrip(".。")[len(message) // 4 :])
        if is_believed(message, claim, quote, kind)
    ]
    assert believed == []


def test_honest_sentences_with_quotations_and_negations_are_believed() -> None:
    doubted = [claim for message, kind, claim in HONEST if not is_believed(message, claim, message, kind)]
    doubted += [
        claim for message, kind, claim in HONEST if kind == "fact" and not is_believed(message, claim, "", kind)
    ]
    assert doubted == []
