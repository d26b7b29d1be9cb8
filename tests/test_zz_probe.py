LIVES = {
    "fish": (
        ["I moved to Oslo.", "I love fishing."],
        {"fish": [1], "fishing": [1], "Oslo": [0], "my move": [0], "where I live": [0]},
    ),
    "ex": (
        [
            "My ex is called Tom",
            "Tom, my ex, lives in Oslo",
            "I play the cello",
            "I am vegetarian",
            "My sister is called Nora",
        ],
        {
            "my ex Tom": [0, 1],
            "my ex": [0, 1],
            "the cello": [2],
            "music": [2],
            "Nora": [4],
            "my sister": [4],
            "my diet": [3],
        },
    ),
    "life": (
        [
            "I work at Siemens.",
            "My salary is 58400 euros.",
            "I have a dog called Rex.",
            "I'm allergic to nuts.",
            "I live in Hamburg.",
            "My birthday is on May 3.",
            "I like hiking in the Alps.",
            "My boss is called Mr Brown.",
            "I broke my leg in 2019.",
            "I drive a red Volvo.",
            "I was divorced in March.",
            "My therapist is Dr Lee.",
        ],
        {
            "my salary": [1],
            "my job": [0],
            "my dog": [2],
            "Rex": [2],
            "my allergy": [3],
            "nuts": [3],
            "where I live": [4],
            "my birthday": [5],
            "hiking": [6],
            "my boss": [7],
            "my leg": [8],
            "the car": [9],
            "my divorce": [10],
            "therapy": [11],
            "my therapist": [11],
            "how much I earn": [1],
            "my address": [4],
            "tennis": [],
            "my children": [],
            "football": [],
            "my phone number": [],
            "the war in Ukraine": [],
        },
    ),
    "de": (
        [
            "Ich wohne in Köln.",
            "Mein Gehalt ist 4200 Euro.",
            "Ich habe eine Katze namens Mia.",
            "Ich bin Vegetarierin.",
            "Meine Mutter hat Diabetes.",
            "Ich spiele Klavier.",
        ],
        {
            "meine Katze": [2],
            "mein Gehalt": [1],
            "meine Mutter": [4],
            "Köln": [0],
            "Klavier": [5],
            "Fußball": [],
            "meine Krankheit": [4],
        },
    ),
    "many": (
        [
            f"I went to {c} in {y}."
            for c, y in zip(["Rome", "Paris", "Oslo", "Lima", "Cairo", "Delhi", "Tokyo", "Berlin"], range(2010, 2018))
        ]
        + ["My trip to Rome was wonderful.", "In Rome I lost my wallet."],
        {"Rome": [0, 8, 9], "the trip to Rome": [0, 8, 9], "Tokyo": [6], "my wallet": [9]},
    ),
    "es": (
        [
            "Vivo en Madrid.",
            "Soy alérgica a las nueces.",
            "Mi perro se llama Toby.",
            "Trabajo en un banco.",
            "Me encanta el fútbol.",
        ],
        {"mi perro": [2], "mi alergia": [1], "Madrid": [0], "mi trabajo": [3], "fútbol": [4], "mi coche": []},
    ),
    "zh": (
        ["我住在北京。", "我对花生过敏。", "我的狗叫小白。", "我在银行工作。", "我喜欢打篮球。"],
        {"我的狗": [2], "花生": [1], "北京": [0], "我的工作": [3], "篮球": [4], "我的车": []},
    ),
}


async def test_probe(either):
    m = either
    for mode in ("turns", "remember"):
        for u, (facts, qs) in LIVES.items():
            user = f"{mode}{u}"
            if mode == "turns":
                await m.observe(
                    [{"role": "user", "content": f, "id": f"m{i}"} for i, f in enumerate(facts)],
                    thread_id="t",
                    user_id=user,
                )
            else:
                for f in facts:
                    await m.remember(f, user_id=user)
            for q, want in qs.items():
                r = await m.forget(query=q, user_id=user)
                got = [c.text for c in r.candidates]
                w = [facts[i] for i in want]
                ok = set(got) == set(w)
                print(
                    ("ok  " if ok else "BAD ") + mode,
                    u,
                    repr(q),
                    "want",
                    w,
                    "got",
                    [
                        (
                            c.text,
                            round(c.score, 2),
                            round(c.score_parts.meaning, 2),
                            round(c.score_parts.terms, 2),
                            round(c.score_parts.evidence, 2),
                            round(c.score_parts.similarity, 2),
                        )
                        for c in r.candidates
                    ]
                    if not ok
                    else "",
                )
