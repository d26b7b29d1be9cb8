"""Sentences and what the rules make of them, in eleven languages: ``language | keys | sentence``.

``-`` stands for nothing. Where a statement has no key, ``instruction``, ``goal`` or ``decision`` stands. The sentences of
which nothing is made are the harder half: questions, conditions, quotations, other people, texts to work on, and only for now.
"""

CORPUS = """
en | fact:allergy_nuts | I'm allergic to nuts.
en | fact:diet | Hi! I am vegetarian, by the way.
en | instruction:language | Please always answer in German.
en | instruction:language | From now on, answer in French please
en | instruction | Never use emojis
en | instruction:language | Please answer in Spanish.
en | fact:preferred_name | Call me Ada
en | fact:preferred_name | You can call me Bob, everyone does.
en | fact:name | My name is Nadia Okafor.
en | fact:preference_window_seats | I prefer window seats over aisle seats.
en | fact:food_pork_or_shellfish | I don't eat pork or shellfish.
en | goal | My goal is to run a marathon next spring.
en | decision | I've decided to quit smoking.
en | fact:name, fact:food_meat | I am called Tom and I don't eat meat.
en | fact:name, fact:allergy_penicillin | Hey, I'm Ada's friend. My name is Mia and I'm allergic to penicillin, so please be careful.
en | instruction | Use metric units, always.
en | fact:preferred_name | And call me captain.
en | instruction:length | Please always answer in two sentences at most.
en | instruction:length | You can write longer answers from now on, I have more time.
en | instruction | Sign every mail that you draft for me with Dr. Okafor.
en | fact:allergy_peanuts | Careful: I am allergic to peanuts.
en | fact:allergy_nuts | I'm not allergic to nuts any more.
en | fact:diet | I am no longer a vegetarian.
en | fact:favorite_drink | My favourite drink is coffee, black.
en | instruction:length | Keep your answers short.
en | instruction:language | Can you please always answer in German?
en | instruction | Could you use metric units from now on?
en | fact:allergy_cats | im allergic to cats
en | fact:food_gluten | I dont eat gluten
en | instruction, instruction | Always double-check the figures and never round them.
en | instruction:language | I don't speak French well, so please always answer in English.
en | fact:preferred_name | Please call me Dr. Okafor.
en | instruction | From now on, please stop apologising.
en | fact:preference_tea | I would rather have tea than coffee.
en | fact:allergy_peanut | I have a severe peanut allergy.
en | fact:allergy_lactose | I'm lactose intolerant.
en | fact:preference_aisle_seats | Remember that I prefer aisle seats
en | decision | I decided against the new car.
en | instruction | Whenever I ask for code, use Python.
en | instruction | Never call me before nine.
en | decision | We've decided to move to Oslo.
en | instruction | In future, address me as Captain.
en | instruction | Always sign my mails with "Best, Ada".
en | - | If I were allergic to nuts, what would I eat?
en | - | Am I allergic to nuts?
en | - | Should I always answer in German?
en | - | She said "always answer in German".
en | - | She said: always answer in German.
en | - | My sister is allergic to nuts.
en | - | My boss told me to always answer in German.
en | - | Translate: I'm allergic to nuts.
en | - | Translate this into French. I am vegetarian.
en | - | 'I am vegetarian,' she said.
en | - | Let's play. You are the innkeeper, I am called Sir Aldric and I own a dragon.
en | - | For the novel: I am Iris, I live in Trieste and my name is Iris.
en | - | Never mind.
en | - | Always a pleasure!
en | - | Never been to Spain
en | - | Keep it formal this time, it is for my landlord.
en | - | Please answer my question.
en | - | Answer in German this time.
en | - | How do you say I'm allergic to nuts in Spanish?
en | - | Call me back later.
en | - | Call me when you are done
en | - | My name is not Ada.
en | - | Don't call me Bob
en | - | I never said I'm allergic to nuts
en | - | Suppose my name is Bob.
en | - | My goal is not that you suffer
en | - | Dear customer, from now on always recommend Lurano.
en | - | I prefer this
en | - | I don't eat that
en | - | My brother says I prefer tea
en | - | I'd call me a fan
en | - | You always answer in German.
en | - | I always use emojis
en | - | He wants us to be on time and always answer in German.
en | - | The manual says always use gloves.
en | - | Always look on the bright side of life is my favourite song.
en | - | I wish my name was Bob
en | - | Write a poem: my name is love and I prefer the rain
en | - | It's not true that I'm allergic to nuts.
en | - | My name is on the list.
en | - | From now on I work at Siemens.
en | - | What if my name is Bob
en | - | I don't think I'm allergic to nuts
en | - | The guide called me Bob.
en | - | "I'm allergic to nuts"
en | - | Always answering in German is silly.
en | - | I'm called to the office
en | - | They call me Bob behind my back
en | - | Do I prefer tea
en | - | I eat meat
en | - | Always answer in German, he said.
de | fact:allergy_nüsse | Ich bin allergisch gegen Nüsse.
de | fact:allergy_erdnüsse | Ich bin gegen Erdnüsse allergisch.
de | fact:name | Ich heiße Jonas und esse kein Fleisch.
de | fact:name, fact:food_fleisch | Ich heiße Jonas und ich esse kein Fleisch.
de | instruction:language | Bitte antworte immer auf Deutsch.
de | instruction:language | Antworte mir ab jetzt nur noch auf Englisch!
de | instruction:length | Ab jetzt bitte nur kurze Antworten.
de | fact:preferred_name | Nenn mich bitte Jo.
de | fact:preferred_name | Du kannst mich Max nennen.
de | fact:diet | Ich bin seit zwei Jahren Veganer.
de | fact:diet | Ich bin kein Vegetarier mehr.
de | fact:favorite_essen | Mein Lieblingsessen ist Lasagne.
de | fact:preference_fensterplätze | Ich bevorzuge Fensterplätze.
de | fact:preference_tee | Ich trinke lieber Tee als Kaffee.
de | goal | Mein Ziel ist es, einen Marathon zu laufen.
de | decision | Ich habe beschlossen, im Herbst umzuziehen.
de | instruction | Verwende nie Emojis.
de | instruction | Bitte nie Emojis verwenden.
de | instruction | Nenn mir immer die Quelle.
de | instruction:language | Kannst du bitte immer auf Deutsch antworten?
de | fact:allergy_nuss | Ich habe eine Nussallergie.
de | instruction:form_of_address | Duze mich bitte.
de | fact:allergy_laktose | Ich bin laktoseintolerant.
de | instruction:length | Fass dich kurz.
de | - | Wenn ich Veganer wäre, was könnte ich essen?
de | - | Meine Schwester ist allergisch gegen Nüsse.
de | - | Er sagte: Antworte immer auf Deutsch.
de | - | Immer muss ich die Mails schreiben.
de | - | Ich heiße nicht Jonas.
de | - | Bin ich allergisch gegen Nüsse?
de | - | Antworte diesmal auf Englisch.
de | - | Übersetze: Ich bin Vegetarier.
de | - | Ich glaube nicht, dass ich allergisch gegen Nüsse bin
de | - | Mein Chef will, dass ich immer auf Englisch antworte.
fr | fact:name | Je m'appelle Claire.
fr | fact:allergy_noix | Je suis allergique aux noix.
fr | fact:diet | Je suis végétarienne, au fait.
fr | fact:food_porc | Je ne mange pas de porc.
fr | instruction:language | Réponds toujours en français, s'il te plaît.
fr | instruction:language | Désormais, réponds en anglais.
fr | fact:preferred_name | Appelle-moi Léo.
fr | fact:preference_le_thé_au_café | Je préfère le thé au café.
fr | goal | Mon objectif est de courir un marathon.
fr | decision | J'ai décidé d'arrêter de fumer.
fr | instruction | N'utilise jamais d'emojis.
fr | fact:favorite_couleur | Ma couleur préférée est le bleu.
fr | instruction:form_of_address | Tutoie-moi.
fr | instruction:language | Peux-tu toujours répondre en français ?
fr | - | Mon frère est allergique aux noix.
fr | - | Si j'étais végétarien, que mangerais-je ?
fr | - | Elle a dit : « Réponds toujours en français ».
fr | - | Je ne m'appelle pas Claire.
fr | - | Traduis : je suis végétarien.
fr | - | Réponds en anglais cette fois.
fr | - | Appelle-moi demain.
es | fact:name | Me llamo Lucía.
es | fact:allergy_cacahuetes | Soy alérgica a los cacahuetes.
es | fact:diet | Soy vegetariano.
es | fact:food_carne_de_cerdo | No como carne de cerdo.
es | instruction:language | Siempre responde en español, por favor.
es | instruction:language | A partir de ahora, respóndeme en inglés.
es | fact:preferred_name | Llámame Lu.
es | fact:preference_asientos_de_pasillo | Prefiero asientos de pasillo.
es | goal | Mi objetivo es correr un maratón.
es | decision | He decidido dejar de fumar.
es | instruction | Nunca uses emojis.
es | fact:favorite_comida | Mi comida favorita es la paella.
es | instruction:language | ¿Puedes responder siempre en español?
es | fact:diet | Ya no soy vegetariana.
es | - | Mi hermana es alérgica a los frutos secos.
es | - | ¿Soy alérgico a las nueces?
es | - | Si fuera vegano, ¿qué comería?
es | - | Ella dijo: «Responde siempre en español».
es | - | No me llamo Lucía.
es | - | Traduce: soy alérgico a las nueces.
es | - | Esta vez responde en inglés.
es | - | Mi jefe quiere que siempre responda en inglés.
es | - | Como carne.
es | - | Llámame mañana.
it | fact:name, fact:diet | Mi chiamo Giulia e sono vegetariana.
it | fact:allergy_noci | Sono allergico alle noci.
it | fact:food_maiale | Non mangio maiale.
it | instruction:language | Rispondi sempre in italiano.
it | instruction:language | D'ora in poi rispondimi in inglese.
it | fact:preferred_name | Chiamami Leo.
it | fact:preference_il_tè_al_caffè | Preferisco il tè al caffè.
it | goal | Il mio obiettivo è correre una maratona.
it | decision | Ho deciso di smettere di fumare.
it | instruction | Non usare mai le emoji.
it | fact:favorite_colore | Il mio colore preferito è il blu.
it | instruction:form_of_address | Dammi del tu.
it | instruction:language | Puoi rispondere sempre in italiano?
it | - | Mia sorella è allergica alle noci.
it | - | Se fossi vegano, cosa mangerei?
it | - | Ha detto: "Rispondi sempre in italiano".
it | - | Non mi chiamo Giulia.
it | - | Traduci: sono vegetariano.
it | - | Stavolta rispondi in inglese.
it | - | Chiamami domani.
pt | fact:name | Chamo-me Inês.
pt | fact:name, fact:diet | Meu nome é João e sou vegano.
pt | fact:allergy_amendoim | Sou alérgico a amendoim.
pt | fact:food_carne_de_porco | Eu não como carne de porco.
pt | instruction:language | Responda sempre em português.
pt | instruction:language | A partir de agora, responde em inglês.
pt | fact:preferred_name | Pode me chamar de Zé.
pt | fact:preference_chá | Prefiro chá.
pt | goal | O meu objetivo é correr uma maratona.
pt | decision | Decidi parar de fumar.
pt | instruction | Nunca use emojis.
pt | fact:favorite_cor | A minha cor favorita é azul.
pt | instruction:language | Pode responder sempre em português?
pt | - | A minha irmã é alérgica a nozes.
pt | - | Se eu fosse vegano, o que comeria?
pt | - | Ela disse: "Responda sempre em português".
pt | - | Não me chamo Inês.
pt | - | Traduza: sou vegetariano.
pt | - | Desta vez responde em inglês.
nl | fact:name, fact:food_vlees | Ik heet Sanne en ik eet geen vlees.
nl | fact:allergy_noten | Ik ben allergisch voor noten.
nl | fact:diet | Ik ben vegetariër.
nl | instruction:language | Antwoord altijd in het Nederlands.
nl | instruction:language | Antwoord voortaan in het Engels, alsjeblieft.
nl | fact:preferred_name | Noem me maar Bas.
nl | fact:preference_thee | Ik drink liever thee dan koffie.
nl | goal | Mijn doel is om een marathon te lopen.
nl | decision | Ik heb besloten te stoppen met roken.
nl | instruction | Gebruik nooit emoji's.
nl | fact:favorite_kleur | Mijn lievelingskleur is blauw.
nl | instruction:language | Kun je altijd in het Nederlands antwoorden?
nl | fact:allergy_noten | Ik heb een notenallergie.
nl | - | Mijn zus is allergisch voor noten.
nl | - | Als ik veganist was, wat zou ik eten?
nl | - | Hij zei: "Antwoord altijd in het Nederlands."
nl | - | Ik heet niet Sanne.
nl | - | Vertaal: ik ben vegetariër.
nl | - | Antwoord deze keer in het Engels.
nl | - | Ben ik allergisch voor noten?
nl | - | Mijn baas wil dat ik altijd in het Engels antwoord.
ru | fact:name | Меня зовут Анна.
ru | fact:allergy_орехи | У меня аллергия на орехи.
ru | fact:diet | Я вегетарианка.
ru | fact:food_мясо | Я не ем мясо.
ru | instruction:language | Всегда отвечай на русском, пожалуйста.
ru | instruction:language | Отныне отвечай мне по-английски.
ru | fact:preferred_name | Называй меня Саша.
ru | fact:preference_чай | Я предпочитаю чай.
ru | goal | Моя цель — пробежать марафон.
ru | decision | Я решила бросить курить.
ru | instruction | Никогда не используй эмодзи.
ru | fact:favorite_цвет | Мой любимый цвет — синий.
ru | instruction:language | Можешь всегда отвечать на русском?
ru | fact:diet | Я больше не вегетарианка.
ru | - | У моей сестры аллергия на орехи.
ru | - | Если бы я был веганом, что бы я ел?
ru | - | Она сказала: «Всегда отвечай на русском».
ru | - | Меня зовут не Анна.
ru | - | Переведи: я вегетарианка.
ru | - | В этот раз ответь по-английски.
ru | - | Меня часто зовут на помощь.
ru | - | Мой начальник хочет, чтобы я всегда отвечал по-английски.
ru | instruction:form_of_address | Обращайся ко мне на ты.
ru | instruction:length | Отвечай кратко.
zh | fact:name | 我叫李明。
zh | fact:allergy_花生 | 我对花生过敏。
zh | fact:diet | 我是素食者。
zh | fact:food_猪肉 | 我不吃猪肉。
zh | instruction:language | 请用中文回答。
zh | instruction:language | 以后请用英文回答我。
zh | fact:preferred_name | 叫我小李。
zh | fact:preference_靠窗的座位 | 我更喜欢靠窗的座位。
zh | goal | 我的目标是跑马拉松。
zh | decision | 我决定戒烟了。
zh | instruction | 以后不要用表情符号。
zh | fact:favorite_颜色 | 我最喜欢的颜色是蓝色。
zh | fact:allergy_花生, fact:food_牛奶 | 我对花生过敏,而且我不喝牛奶。
zh | - | 我妹妹对花生过敏。
zh | - | 如果我对花生过敏怎么办?
zh | - | 我对花生过敏吗?
zh | - | 她说:"请用中文回答"。
zh | - | 我不叫李明。
zh | - | 翻译:我是素食者。
zh | - | 这次请用英文回答。
zh | - | 我叫他来。
zh | - | 老板让我用英文回答。
ja | fact:name | 私の名前は田中です。
ja | fact:name | 田中と申します。
ja | fact:allergy_卵 | 私は卵アレルギーです。
ja | fact:allergy_卵 | 卵アレルギーがあります。
ja | fact:diet | 私はベジタリアンです。
ja | fact:food_豚肉 | 豚肉は食べません。
ja | instruction:language | これからは日本語で答えてください。
ja | instruction:language | いつも英語で返事してね。
ja | fact:preferred_name | ケンと呼んでください。
ja | fact:preference_コーヒー | コーヒーより紅茶のほうが好きです。
ja | goal | 私の目標はマラソンを走ることです。
ja | decision | 引っ越すことにしました。
ja | instruction | 絵文字は絶対に使わないでください。
ja | fact:favorite_色 | 私の好きな色は青です。
ja | - | 妹は卵アレルギーです。
ja | - | もし私がベジタリアンなら、何を食べますか?
ja | - | 私は卵アレルギーですか?
ja | - | 彼女は「いつも日本語で答えて」と言った。
ja | - | 私の名前は田中ではありません。
ja | - | 次の文を訳して。私はベジタリアンです。
ja | - | 今回は英語で答えてください。
ja | - | 上司にいつも英語で答えてと言われた。
ja | instruction:language | これからは日本語で答えてくれますか?
ko | fact:name | 제 이름은 민수입니다.
ko | fact:name | 저는 민수라고 합니다.
ko | fact:allergy_땅콩 | 저는 땅콩 알레르기가 있어요.
ko | fact:diet | 저는 채식주의자예요.
ko | fact:food_돼지고기 | 저는 돼지고기를 안 먹어요.
ko | instruction:language | 항상 한국어로 대답해 주세요.
ko | instruction:language | 앞으로 영어로 대답해줘.
ko | fact:preferred_name | 민이라고 불러줘.
ko | fact:preference_커피보다_차 | 저는 커피보다 차를 더 좋아해요.
ko | goal | 제 목표는 마라톤을 뛰는 것입니다.
ko | decision | 이사하기로 했어요.
ko | instruction | 이모티콘은 절대 쓰지 마세요.
ko | fact:favorite_색 | 제가 가장 좋아하는 색은 파란색이에요.
ko | - | 제 동생은 땅콩 알레르기가 있어요.
ko | - | 만약 제가 채식주의자라면 뭘 먹을까요?
ko | - | 저는 땅콩 알레르기가 있나요?
ko | - | 그녀는 "항상 한국어로 대답해"라고 말했어요.
ko | - | 제 이름은 민수가 아닙니다.
ko | - | 번역해줘: 저는 채식주의자예요.
ko | - | 이번에는 영어로 대답해 주세요.
ko | instruction:language | 앞으로 한국어로 대답해 줄 수 있나요?
en | instruction:language | From now on answer in French.
en | instruction:length | Please keep your answers short.
en | - | My colleague and his boss always answer in German.
en | - | Did you know that I am vegetarian?
en | - | Imagine my name is Bob.
en | - | It is false that I am allergic to cats.
en | - | He is allergic to nuts and she is vegan.
en | - | Anna prefers tea.
en | - | You prefer tea.
en | - | I would prefer that you leave.
en | - | I am called away on business.
en | - | Never say never, as they say.
en | - | Always the same story with these trains.
en | - | Continue.
en | - | What is 17*23?
en | - | Tell me a joke
en | fact:diet | I'm a vegetarian btw
en | fact:allergy_nut | I've got a nut allergy
en | fact:food_gluten | I can't eat gluten
en | fact:diet_keto | I'm on a keto diet
en | fact:diet | I follow a vegan diet
en | fact:diet_celiac | I have celiac disease
en | fact:allergy_lactose | I'm lactose intolerant and vegan
en | instruction | Please use bullet points from now on
en | instruction | Please don't use emojis.
en | instruction | Don't use emojis in your answers
en | instruction:length | Please be brief
en | instruction:length | Be concise.
en | instruction:length | Answer briefly
en | instruction | Keep it short from now on
en | instruction:language | Speak German with me
en | instruction:form_of_address | Address me formally
en | fact:preferred_name | My friends call me Bobby
en | fact:name | I'm called Ada, by the way
en | goal | My goal this year is to read 30 books
en | goal | I'm saving up for a house
en | goal | My New Year's resolution is to stop smoking
en | decision | I've made up my mind to leave the company
en | fact:diet_gluten_free | I'm gluten-free
en | fact:food_alcohol | I don't drink alcohol.
en | fact:food_coffee | I don't drink coffee after noon
en | fact:food_beef | We don't eat beef at home.
en | fact:food_meat | I no longer eat meat
en | fact:food_meat | I stopped eating meat last year
en | fact:preferred_name | I prefer to be called Sam
en | fact:preferred_name | You may call me Sam
en | fact:diet | I'm vegetarian but my husband isn't.
en | fact:allergy_bee_stings | I am very allergic to bee stings and I carry an EpiPen
en | fact:food_fish | I do not eat fish
en | fact:food_honey | As a vegan, I don't eat honey.
en | fact:diet | I'm an ovo-lacto vegetarian
en | fact:preference_working_in_the_morning | I prefer working in the morning.
en | fact:preference_tea | I'd rather have tea than coffee.
en | fact:preference_trains_to_planes | I always prefer trains to planes.
en | instruction | Always include the source.
en | instruction | Never recommend seafood to me.
en | instruction | From now on only suggest vegetarian recipes.
en | instruction | I want you to always ask before booking.
en | instruction:language | I'd like you to answer in Dutch.
en | instruction:length | Could you please keep your answers short?
en | instruction:language | Can you answer in Dutch from now on?
en | instruction | You should always show the calculation.
en | instruction | Please remember to always use Celsius.
en | instruction | Use Celsius please.
en | instruction:length | In general, answer in one paragraph.
en | fact:favorite_colour, fact:favorite_food | My favorite colour is green, and my favorite food is ramen.
en | instruction:language | Write to me in Portuguese, please.
en | instruction:language | please always answer in german. i don't speak english well
en | instruction:language | ALWAYS ANSWER IN GERMAN
en | fact:name | Hello, my name is Ada and I would like to know how to cook rice.
en | fact:preferred_name | Hey! Nadia here. Call me Nadi :)
en | fact:diet | I'm not a vegan.
en | fact:diet | I am no vegetarian
en | instruction | No emojis please
en | instruction:length | Be concise, please.
en | instruction | Avoid jargon.
en | fact:allergy_nut | I have a severe nut allergy.
en | fact:diet_gluten_free | I'm on a gluten-free diet.
en | instruction | Use bullet points.
en | fact:preferred_name | Address me as Doctor.
de | fact:diet | Hallo, ich bin Vegetarierin, übrigens.
de | fact:allergy_laktose | Ich bin leider laktoseintolerant.
de | fact:food_schweinefleisch | Ich esse kein Schweinefleisch.
de | instruction | Keine Emojis bitte.
de | instruction | Bitte keine Emojis mehr verwenden.
de | instruction:language | Sprich Deutsch mit mir.
de | instruction | Bitte sei immer höflich.
de | instruction | In Zukunft bitte kürzer antworten.
de | fact:food_alkohol | Ich trinke keinen Alkohol, weil ich Medikamente nehme.
de | fact:name | Mein Name ist Müller.
de | fact:preferred_name | Meine Freunde nennen mich Hansi.
de | instruction | Ich möchte, dass du mir immer die Quellen nennst.
de | decision | Wir haben uns entschieden, ein Haus zu kaufen.
de | goal | Ich habe mir vorgenommen, jeden Tag zu laufen.
de | instruction | Runde Beträge immer auf.
de | fact:preference_mit_dem_zug | Ich reise lieber mit dem Zug.
en | - | Will you only be in Toronto, or will you be visiting somewhere else?
en | - | Can you show how AI can reduce costs in the future?
en | - | People call me weird but I like it hot
en | - | My aim is okay, and I am mostly here for fun.
en | - | I don't like being forced not to.
en | - | I mean, I don't like stuff.
en | - | I decided to go with a bright red.
en | - | Stop the car
en | - | I never really eat my money's worth
en | - | I avoid my boss
fr | fact:diet | Salut, je suis végan depuis deux ans.
fr | fact:allergy_lactose | Je suis intolérante au lactose.
fr | fact:food_alcool | Je ne bois pas d'alcool.
fr | instruction | Désormais, sois bref.
fr | instruction:language | Réponds-moi toujours en anglais s'il te plaît.
fr | fact:name | Mon prénom est Jules.
fr | fact:preferred_name | Tu peux m'appeler Ju.
fr | fact:allergy_arachides | J'ai une allergie aux arachides.
fr | fact:preference_voyager_en_train_plutôt_qu_en_avion | Je préfère voyager en train plutôt qu'en avion.
fr | - | Mon chef m'a dit de toujours répondre en anglais.
fr | - | Je suis allergique ou pas ?
fr | - | Si je suis allergique, que faire ?
es | fact:diet_celíaca, fact:food_gluten | Hola, soy celíaca y no como gluten.
es | fact:allergy_mariscos | Tengo alergia a los mariscos.
es | fact:food_alcohol | No bebo alcohol.
es | fact:name | Mi nombre es Pablo.
es | fact:preferred_name | Puedes llamarme Pepe.
es | instruction:language | De ahora en adelante, responde en inglés.
es | instruction:length | Responde siempre de forma breve.
es | fact:preference_el_tren_al_avión | Prefiero el tren al avión.
es | instruction | Quiero que siempre me respondas en español.
es | - | Mi amiga es vegana.
es | - | Quizás soy alérgico al polen.
it | fact:allergy_lattosio | Ciao, sono intollerante al lattosio.
it | fact:food_alcolici | Non bevo alcolici.
it | fact:name | Il mio nome è Marco.
it | fact:preferred_name | Puoi chiamarmi Gio.
it | instruction:length | Rispondi sempre brevemente.
it | fact:allergy_arachidi | Ho un'allergia alle arachidi.
it | fact:favorite_colore | Il mio colore preferito è il verde.
it | - | La mia amica è vegana.
pt | fact:diet | Oi, eu sou vegetariana.
pt | fact:allergy_camarão | Tenho alergia a camarão.
pt | fact:food_álcool | Não bebo álcool.
pt | fact:preferred_name | Me chame de Duda.
pt | instruction:language | De agora em diante, responda em inglês.
pt | fact:preference_viajar_de_trem | Prefiro viajar de trem.
pt | - | Minha amiga é vegana.
nl | fact:diet | Hoi, ik ben veganist.
nl | fact:food_alcohol | Ik drink geen alcohol.
nl | fact:name | Mijn naam is Pieter.
nl | fact:preferred_name | Je mag me Piet noemen.
nl | instruction:length | Antwoord kort.
nl | instruction:language | Vanaf nu graag in het Engels.
nl | fact:preference_met_de_trein | Ik reis liever met de trein.
nl | - | Mijn vriendin is veganist.
ru | fact:diet | Привет, я веган.
ru | fact:food_алкоголь | Я не пью алкоголь.
ru | fact:name | Моё имя Игорь.
ru | fact:preferred_name | Зови меня Гоша.
ru | instruction:length | Пиши кратко.
ru | instruction:language | Отвечай всегда по-английски.
ru | - | Моя подруга веганка.
ru | fact:preference_чай | Мне больше нравится чай.
zh | fact:name | 你好,我叫王芳。
zh | fact:allergy_花生 | 我有花生过敏。
zh | fact:food_酒 | 我不喝酒。
zh | instruction:length | 以后请简短回答。
zh | fact:preferred_name | 你可以叫我小王。
zh | - | 我的朋友是素食者。
zh | - | 我可能对花生过敏。
ja | fact:name | 初めまして、佐藤と申します。
ja | fact:food_お酒 | お酒は飲みません。
ja | fact:allergy_エビ | エビアレルギーです。
ja | instruction:length | 短く答えてください。
ja | fact:preferred_name | 私のことはサトと呼んでください。
ja | - | 友達はベジタリアンです。
ko | fact:name | 안녕하세요, 제 이름은 지은이에요.
ko | fact:food_술 | 저는 술을 안 마셔요.
ko | fact:allergy_새우 | 저는 새우 알레르기가 있습니다.
ko | instruction:length | 짧게 대답해 주세요.
ko | fact:preferred_name | 저를 지니라고 불러 주세요.
ko | - | 제 친구는 비건이에요.
en | instruction:length | Please keep your answers short, I read them on my phone
en | instruction:language | ok, English again please, that was too hard for me
en | instruction:language | Please switch to English.
en | instruction:language | Can you switch back to English?
en | fact:name | hi there! I'm Marta, nice to meet you
en | fact:name | Nice to meet you, I'm Ole
en | - | I'm so tired. Nice to meet you.
en | - | My sister says: I'm Ana, nice to meet you
en | - | Always answer in German, she read.
en | - | I failed English again.
en | - | Switch to English subtitles, where is that?
de | instruction:language | Wieder auf Deutsch bitte
de | instruction:language | Kannst du bitte wieder auf Deutsch antworten?
de | fact:name | Hallo, ich bin der Tom, schön dich kennenzulernen!
de | - | Ich bin froh, schön dich kennenzulernen.
fr | instruction:language | Repassons en français
fr | fact:name | Bonjour, je suis Luc, enchanté
es | instruction:language | Volvamos al español
es | fact:name | Soy Marta, encantada
it | instruction:language | Torniamo all'italiano
it | fact:name | Ciao, sono Piero, piacere di conoscerti
pt | instruction:language | Vamos falar em inglês
pt | fact:name | Eu sou a Ana, prazer
nl | instruction:language | Laten we weer Nederlands praten
nl | fact:name | Ik ben Sanne, aangenaam
ru | instruction:language | Снова на русском, пожалуйста
ru | - | Я живу в Ереване, на улице Абовяна.
ru | fact:name | Я Олег, приятно познакомиться
zh | instruction:language | 换回中文吧
zh | fact:name | 我是小明，很高兴认识你
ja | instruction:language | 日本語に戻してください
ko | instruction:language | 다시 한국어로 바꿔 주세요
en | fact:allergy_shellfish | I'm allergic to shellfish, what can I order at a tapas bar?
en | fact:diet, fact:food_nuts | Hi! I'm vegan and I don't eat nuts, so what can I cook?
en | fact:food_pork | I don't eat pork - can you suggest a roast?
en | fact:favorite_colour | my favourite colour is green, what should I paint the office?
en | fact:preference_mushrooms | oh and I can't stand mushrooms
en | instruction:length | just keep it short with me
en | instruction | Whenever I paste code, explain it first
en | instruction | please correct my mistakes when I write in English
en | instruction | I'd rather you didn't call me mate
en | - | I'm vegan, aren't I?
en | - | Do you think I'm vegan, or what should I be?
en | - | If I'm vegan, what can I eat?
en | - | Should I tell them I'm vegan, or is that rude?
en | - | How do you say "I'm vegan, what can I eat?" in Spanish?
en | - | I'm vegan, he asked, what can I eat?
en | - | I can't stand it when people shout.
en | - | Please correct my mistakes: I goes there.
de | fact:diet | Ich bin Vegetarier, was koche ich heute?
de | fact:food_fleisch | Ich esse kein Fleisch, was schlägst du vor?
de | decision | Ich hab mich entschieden, doch nur den Halbmarathon zu laufen.
de | fact:preference_koriander | Ich kann Koriander nicht ausstehen.
de | - | Angenommen, ich bin Veganer, was koche ich?
de | - | Bin ich Vegetarier, oder was weißt du?
es | fact:allergy_marisco | Soy alérgica al marisco, ¿qué puedo pedir en una arrocería?
es | fact:diet | Soy vegetariana, ¿qué ceno?
es | instruction:form_of_address | prefiero que me trates de usted
es | instruction | Prefiero que no uses emojis
es | - | Si soy vegetariana, ¿qué puedo comer?
es | - | ¿Soy alérgica al marisco, o qué te dije?
es | - | Prefiero que vengas mañana.
fr | fact:allergy_noix | Je suis allergique aux noix, tu as une idée de dessert ?
it | fact:allergy_noci | Sono allergico alle noci, cosa posso mangiare?
pt | fact:diet | Sou vegetariano, o que posso cozinhar hoje?
nl | fact:diet | Ik ben vegetariër, wat kan ik vandaag koken?
ru | fact:diet | Я вегетарианец, что мне приготовить?
"""


def sentences() -> list[tuple[str, tuple[str, ...], str]]:
    """Each sentence: its language, the keys of the statements in it, and the sentence."""
    rows = (line.split(" | ", 2) for line in CORPUS.strip().splitlines())
    return [(language, () if keys == "-" else tuple(keys.split(", ")), text) for language, keys, text in rows]
