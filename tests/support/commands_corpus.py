"""Sentences and the command that each is, in eleven languages: ``language | command | object | sentence``.

``-`` stands for none. The object is what is to be kept or forgotten; ``*`` is everything. The
sentences that are no command are the harder half: questions, stories, idioms, talk about memory.
"""

CORPUS = """
en | remember | I'm allergic to nuts | Remember that I'm allergic to nuts.
en | remember | I am vegan | please remember that I am vegan
en | remember | my sister is called Nora | Hey, please remember that my sister is called Nora!
en | remember | my anniversary is on 3 May | Don't forget that my anniversary is on 3 May
en | remember | the gate code is 4711 | Remember this: the gate code is 4711
en | remember | I prefer window seats | Remember: I prefer window seats
en | remember | my dog is called Rex | Remember my dog is called Rex
en | remember | we have moved to Oslo | Keep in mind that we have moved to Oslo.
en | remember | I work night shifts | Can you please remember that I work night shifts?
en | remember | I'm left-handed | Could you remember that I'm left-handed?
en | remember | my brother is called Tom | Note that my brother is called Tom, please.
en | remember | I hate coriander | I want you to remember that I hate coriander
en | remember | my car is a red Volvo | Ok, remember that my car is a red Volvo. Thanks!
en | forget | my ex | forget about my ex
en | forget | my old job | Please forget about my old job.
en | forget | I live in Oslo | Forget that I live in Oslo
en | forget | my divorce | Forget everything you know about my divorce
en | forget | my phone number | Forget my phone number, please
en | forget | the trip to Rome | Forget what I said about the trip to Rome
en | forget | my salary | Delete everything you know about my salary.
en | forget | my address | Can you forget about my address?
en | forget | my birthday | Erase my birthday from your memory
en | forget | * | Forget everything you know about me
en | forget | * | Delete all my memories
en | show | | What do you know about me?
en | show | | what do you remember about me
en | show | | Hi, what do you know about me so far?
en | show | | Show me everything you know about me
en | show | | What's in your memory about me?
en | private | | Don't remember this.
en | private | | please do not save this
en | private | | This is off the record.
en | private | | Forget what I just said
en | private | I'm leaving my job | Off the record: I'm leaving my job
en | private | should I tell my boss | Off the record, should I tell my boss?
en | - | | Do you remember that film?
en | - | | I always forget about my keys.
en | - | | I remember that day very well
en | - | | Remember that time we got lost in Rome?
en | - | | Remember that time we got lost in Rome
en | - | | Remember when we went to Paris?
en | - | | Forget it.
en | - | | Forget about it
en | - | | oh, forget that
en | - | | How do I remember names better?
en | - | | Why do people forget their dreams?
en | - | | I can't remember what I had for lunch
en | - | | What do you know about Paris?
en | - | | What do you know about my favourite band's history?
en | - | | She told me to forget about him
en | - | | Don't forget to breathe
en | - | | Remember to call the dentist at five
en | - | | Forget about the budget, let's talk about the holiday
en | - | | You never remember anything
en | - | | Can you remember things between chats?
en | - | | Will you forget this when I close the window?
en | - | | My grandmother forgets everything
en | - | | The film is called "Remember Me"
en | - | | Off the top of my head, twelve
en | - | | We spoke on and off about the record
en | - | | Delete the second paragraph
en | - | | Please save this file as a PDF
en | - | | Forget-me-nots are blue
en | - | | Can you remember what I told you?
en | - | | I'd rather not remember
en | - | | What should I know about taxes?
en | - | | Note the difference between the two
en | remember | I don't eat pork | Please keep in mind: I don't eat pork
en | remember | I'm allergic to penicillin | remember, I'm allergic to penicillin
en | forget | my sister | Please forget what I told you about my sister
en | forget | my address | Remove my address from memory
en | show | | What information do you have about me?
en | private | | This stays between us
en | private | | Off the record, please
en | private | | Forget I said that
en | private | I'm pregnant | don't remember this, but I'm pregnant
en | - | | Remember that function we wrote yesterday
en | - | | Off the record button is broken
en | - | | Remember the Alamo!
en | - | | Note that water boils at 100 degrees
en | - | | Keep in mind that the list may be empty
en | - | | Forget that, tell me about whales
en | - | | forget about it, what's next?
en | - | | Write a song called Forget About Me
en | - | | Translate: forget about my ex
en | - | | How can I forget about my ex?
en | - | | She said: remember that I love you
en | - | | remember to remind me tomorrow
en | - | | Forget the rules, be creative
en | - | | Is this off the record?
en | - | | I don't remember this
en | - | | The guide says not to save this file
en | - | | Explain how to delete all my memories in the game
en | - | | remember what I like to eat?
de | remember | ich Erdnüsse nicht vertrage | Merk dir, dass ich Erdnüsse nicht vertrage.
de | remember | ich vegan bin | Bitte merke dir bitte, dass ich vegan bin
de | remember | der Türcode ist 4711 | Merk dir: der Türcode ist 4711
de | remember | ich im Mai heirate | Vergiss nicht, dass ich im Mai heirate
de | remember | ich Linkshänder bin | Kannst du dir bitte merken, dass ich Linkshänder bin?
de | forget | meinen Ex | Vergiss alles über meinen Ex
de | forget | ich in Berlin wohne | Vergiss bitte, dass ich in Berlin wohne.
de | forget | meine Telefonnummer | Vergiss meine Telefonnummer
de | forget | meine Arbeit | Lösche alles, was du über meine Arbeit weißt
de | forget | * | Vergiss alles, was du über mich weißt!
de | show | | Was weißt du über mich?
de | show | | Was hast du dir über mich gemerkt?
de | private | | Merk dir das nicht.
de | private | | Das bleibt unter uns
de | private | ich kündige nächste Woche | Unter uns gesagt: ich kündige nächste Woche
de | remember | Ich wohne in Köln | Bitte merken: Ich wohne in Köln
de | - | | Vergiss nicht, Milch zu kaufen
de | - | | Erinnerst du dich an den Film?
de | - | | Ich vergesse immer meine Schlüssel
de | - | | Vergiss es.
de | - | | Was weißt du über Berlin?
de | - | | Wie merkt man sich Namen?
de | - | | Das habe ich ganz vergessen
de | - | | Ich merke, dass du müde bist
fr | remember | je suis végétarien | Souviens-toi que je suis végétarien.
fr | remember | j'habite à Lyon | Retiens que j'habite à Lyon
fr | remember | il s'appelle Paul | S'il te plaît, note qu'il s'appelle Paul
fr | remember | mon code est 4711 | Retiens bien ceci : mon code est 4711
fr | forget | mon divorce | Oublie tout sur mon divorce
fr | forget | mon adresse | Oublie mon adresse, s'il te plaît
fr | forget | j'habite à Lyon | Oublie que j'habite à Lyon
fr | forget | * | Oublie tout ce que tu sais sur moi
fr | show | | Que sais-tu de moi ?
fr | show | | Qu'est-ce que tu sais sur moi ?
fr | private | | Ne retiens pas ça.
fr | private | | Ça reste entre nous
fr | private | je vais démissionner | Entre nous, je vais démissionner
fr | - | | Tu te souviens de ce film ?
fr | - | | J'oublie toujours mes clés
fr | - | | Entre nous deux c'est fini
fr | - | | Oublie ça
fr | - | | Que sais-tu de Paris ?
fr | - | | Laisse tomber
fr | - | | Je ne me souviens plus de son nom
es | remember | soy alérgico a las nueces | Recuerda que soy alérgico a las nueces.
es | remember | vivo en Madrid | Por favor, ten en cuenta que vivo en Madrid
es | remember | mi hermana se llama Ana | Acuérdate de que mi hermana se llama Ana
es | forget | mi exmarido | Olvida todo sobre mi exmarido
es | forget | mi dirección | Olvida mi dirección, por favor
es | forget | * | Borra todo lo que sabes sobre mí
es | show | | ¿Qué sabes de mí?
es | show | | ¿Qué recuerdas sobre mí?
es | private | | No recuerdes esto.
es | private | voy a dejar el trabajo | Entre nosotros, voy a dejar el trabajo
es | forget | mi hermana | Olvida lo que te dije sobre mi hermana
es | - | | No olvides comprar leche
es | - | | ¿Recuerdas aquella película?
es | - | | Siempre me olvido de las llaves
es | - | | Olvídalo
es | - | | ¿Qué sabes de Madrid?
es | - | | No recuerdo su nombre
it | remember | sono allergico alle noci | Ricorda che sono allergico alle noci
it | remember | vivo a Roma | Per favore, ricordati che vivo a Roma.
it | forget | il mio indirizzo | Dimentica il mio indirizzo
it | forget | il mio divorzio | Dimentica tutto quello che sai su il mio divorzio
it | forget | * | Dimentica tutto quello che sai su di me
it | show | | Cosa sai di me?
it | show | | Che cosa ricordi di me?
it | private | | Non ricordare questo.
it | private | cambio lavoro | Detto tra noi, cambio lavoro
it | - | | Ti ricordi quel film?
it | - | | Dimentico sempre le chiavi
it | - | | Lascia perdere
it | - | | Cosa sai di Roma?
pt | remember | sou alérgico a nozes | Lembre-se de que sou alérgico a nozes.
pt | remember | moro em Lisboa | Não se esqueça de que moro em Lisboa
pt | forget | o meu endereço | Esquece o meu endereço
pt | forget | o meu divórcio | Esqueça tudo sobre o meu divórcio
pt | forget | * | Apague tudo o que você sabe sobre mim
pt | show | | O que você sabe sobre mim?
pt | show | | O que sabes de mim?
pt | private | | Não guarde isto.
pt | private | vou mudar de emprego | Cá entre nós, vou mudar de emprego
pt | - | | Você se lembra daquele filme?
pt | - | | Sempre esqueço as chaves
pt | - | | Esquece isso
pt | - | | O que você sabe sobre Lisboa?
nl | remember | ik allergisch ben voor noten | Onthoud dat ik allergisch ben voor noten.
nl | remember | mijn code 4711 is | Vergeet niet dat mijn code 4711 is
nl | forget | mijn ex | Vergeet alles over mijn ex
nl | forget | mijn adres | Vergeet mijn adres alsjeblieft
nl | forget | * | Vergeet alles wat je over mij weet
nl | show | | Wat weet je over mij?
nl | private | | Onthoud dit niet.
nl | private | ik neem ontslag | Onder ons gezegd, ik neem ontslag
nl | - | | Herinner je je die film?
nl | - | | Ik vergeet altijd mijn sleutels
nl | - | | Vergeet het maar
nl | - | | Wat weet je over Amsterdam?
ru | remember | у меня аллергия на орехи | Запомни, что у меня аллергия на орехи.
ru | remember | мой пёс Рекс боится грозы | Пожалуйста, запомни: мой пёс Рекс боится грозы
ru | remember | я живу в Казани | Не забудь, что я живу в Казани
ru | forget | моём разводе | Забудь о моём разводе
ru | forget | мой адрес | Забудь мой адрес, пожалуйста
ru | forget | * | Забудь всё, что ты знаешь обо мне
ru | show | | Что ты знаешь обо мне?
ru | show | | Что ты помнишь про меня?
ru | private | | Не запоминай это.
ru | private | я увольняюсь | Между нами, я увольняюсь
ru | - | | Помнишь тот фильм?
ru | - | | Я всегда забываю ключи
ru | - | | Забудь об этом
ru | - | | Что ты знаешь о Казани?
zh | remember | 我对花生过敏 | 请记住我对花生过敏。
zh | remember | 我的生日是五月三日 | 记住：我的生日是五月三日
zh | remember | 我吃素 | 别忘了我吃素
zh | forget | 我的地址 | 忘记我的地址
zh | forget | 我的前男友 | 请忘掉我的前男友
zh | forget | * | 忘掉关于我的一切
zh | show | | 你知道我什么？
zh | show | | 关于我你知道什么？
zh | private | | 不要记住这个。
zh | private | 我要辞职 | 私下说，我要辞职
zh | - | | 你记得那部电影吗？
zh | - | | 我总是忘记带钥匙
zh | - | | 算了
zh | - | | 你知道北京什么？
ja | remember | 私はナッツアレルギーだ | 私はナッツアレルギーだって覚えておいて
ja | remember | 玄関の番号は4711 | 覚えておいて：玄関の番号は4711
ja | forget | 元彼 | 元彼のことは忘れて
ja | forget | * | 私のことは全部忘れてください
ja | show | | 私について何を知っていますか？
ja | show | | 私のことを何知ってる？
ja | private | | これは覚えないでください。
ja | private | 会社を辞めます | オフレコですが、会社を辞めます
ja | - | | あの映画を覚えてる？
ja | - | | いつも鍵を忘れてしまう
ja | - | | 東京について何を知っていますか？
ko | remember | 내가 견과류 알레르기가 있다 | 내가 견과류 알레르기가 있다고 기억해 줘
ko | remember | 현관 번호는 4711 | 기억해 줘: 현관 번호는 4711
ko | forget | 전 남자친구 | 전 남자친구에 대해 잊어 줘
ko | forget | * | 전부 잊어 줘
ko | show | | 나에 대해 뭘 알고 있어?
ko | private | | 이건 기억하지 마.
ko | private | 회사를 그만둘 거야 | 오프 더 레코드, 회사를 그만둘 거야
ko | forget | 주소 | 내 주소를 잊어 줘
ko | private | | 이건 저장하지 마세요
ko | - | | 그 영화 기억나?
ko | - | | 나는 항상 열쇠를 잊어버려
ko | - | | 서울에 대해 뭘 알고 있어?
en | pause | | Stop remembering things about me
en | pause | | Turn off memory
en | pause | | Please don't store anything about me.
en | pause | | Turn your memory off, please
en | pause | | Can you turn off your memory?
en | pause | | Stop remembering
en | forget | * | Delete my account
en | forget | my ex | stop remembering my ex
en | - | | Turn off the lights
en | - | | How do I delete my account on Facebook?
en | - | | Delete my account on Facebook
en | - | | stop saving files
en | - | | My phone told me to turn off memory compression
de | pause | | Hör auf, dir Dinge über mich zu merken
de | pause | | Schalte bitte dein Gedächtnis aus
de | pause | | Speichere nichts über mich
de | forget | * | Lösche mein Konto
de | - | | Schalte das Licht aus
fr | pause | | Arrête de retenir des choses sur moi
fr | pause | | Désactive ta mémoire
fr | pause | | N'enregistre rien sur moi
fr | forget | * | Supprime mon compte
fr | - | | Désactive le son
es | pause | | Deja de recordar cosas sobre mí
es | pause | | Apaga la memoria
es | pause | | No guardes nada sobre mí
es | forget | * | Borra mi cuenta
es | - | | Apaga la luz
it | pause | | Smetti di ricordare cose su di me
it | pause | | Spegni la memoria
it | pause | | Non salvare niente su di me
it | forget | * | Cancella il mio account
it | - | | Spegni la luce
pt | pause | | Pare de guardar coisas sobre mim
pt | pause | | Desliga a memória
pt | pause | | Não guardes nada sobre mim
pt | forget | * | Apague minha conta
pt | - | | Desliga a luz
nl | pause | | Stop met het onthouden van dingen over mij
nl | pause | | Zet je geheugen uit
nl | pause | | Bewaar niets over mij
nl | forget | * | Verwijder mijn account
nl | - | | Zet het licht uit
ru | pause | | Перестань запоминать что-либо обо мне
ru | pause | | Выключи память
ru | pause | | Не сохраняй ничего обо мне
ru | forget | * | Удали мой аккаунт
ru | - | | Выключи свет
zh | pause | | 不要再记住关于我的事情
zh | pause | | 关闭记忆
zh | pause | | 不要保存关于我的任何信息
zh | forget | * | 删除我的账号
zh | - | | 关闭电灯
ja | pause | | 私のことを覚えるのをやめて
ja | pause | | 記憶をオフにして
ja | pause | | 私のことは何も保存しないで
ja | forget | * | アカウントを削除して
ja | - | | 電気を消して
ko | pause | | 나에 대해 기억하는 걸 그만둬
ko | pause | | 기억을 꺼줘
ko | pause | | 나에 대해 아무것도 저장하지 마
ko | forget | * | 내 계정을 삭제해줘
ko | - | | 불을 꺼줘
"""


def sentences() -> list[tuple[str, str, str, str]]:
    """Language, command, object, sentence."""
    rows = [line.split(" | ", 3) for line in CORPUS.strip().splitlines()]
    fields = [[cell.strip() for cell in " | ".join(row).split("|", 3)] for row in rows]
    return [(language, command, what, sentence) for language, command, what, sentence in fields]
