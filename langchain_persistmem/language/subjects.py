"""Whom a statement is about, as far as its first words tell: the user's sister's job is not the user's; pure.

Nothing here has to be complete. A statement whose subject is not recognised is taken as one about
the user, which is what most statements are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_RELATIONS = """
sister: schwester hermana sœur soeur sorella irmã сестра сестры أخت 妹妹 姐姐 妹 姉 여동생 언니 누나 siostra zus kızkardeş
brother: bruder hermano frère fratello irmão брат брата أخ 弟弟 哥哥 弟 兄 남동생 오빠 형 broer kardeş
mother: mom mum mutter mama madre mère mãe мать мама мамы أم والدة 妈妈 母亲 母 어머니 엄마 matka moeder
father: dad vater papa padre père pai отец папа отца أب والد 爸爸 父亲 父 아버지 아빠 ojciec vader
parents: eltern padres genitori pais родители 父母 両親 부모님
wife: frau ehefrau esposa mujer femme épouse moglie жена жены زوجة 妻子 老婆 妻 아내 żona vrouw
husband: mann ehemann esposo marido mari époux marito муж мужа زوج 丈夫 老公 夫 남편 mąż
partner: partnerin pareja compañera compañero compagne compagnon compagna parceiro parceira girlfriend boyfriend
 freundin fiancé fiancée novia novio copine copain 女朋友 男朋友 彼女 彼氏
daughter: tochter hija fille figlia filha дочь дочери ابنة 女儿 娘 딸 córka dochter
son: sohn hijo fils figlio filho сын сына ابن 儿子 息子 아들 syn zoon
child: kid kind niño niña enfant bambino criança ребёнок طفل 孩子 子供 아이
grandmother: grandma oma großmutter abuela grand-mère nonna avó бабушка جدة 奶奶 外婆 祖母 할머니
grandfather: grandpa opa großvater abuelo grand-père nonno avô дедушка جد 爷爷 外公 祖父 할아버지
aunt: tante tía zia tia тётя عمة 阿姨 叔母
uncle: onkel tío oncle zio tio дядя عم 叔叔 叔父
cousin: cousine cugino cugina 表妹 表弟 いとこ
niece: nichte sobrina nièce nipote sobrinha
nephew: neffe sobrino neveu sobrinho
friend: freund amigo amiga ami amie amico amica друг друга подруга صديق صديقة 朋友 友達 友人 친구 roommate flatmate
colleague: coworker kollege kollegin colega collègue collega коллега زميل 同事 同僚 동료
boss: jefe jefa patron patronne capo chefe начальник مدير 老板 上司 상사
neighbour: neighbor nachbar nachbarin vecino vecina voisin voisine vicino vicina vizinho сосед соседка جار 邻居 隣人
landlord: vermieter vermieterin casero propriétaire padrone
dog: puppy hund perro perra chien chienne cane cachorro собака собаки كلب 狗 犬 강아지 hond köpek
cat: kitten katze kater gato gata gatto кот кошка кота قطة 猫 고양이 kat kedi
horse: pferd caballo cheval cavallo cavalo лошадь حصان 马 馬
parrot: papagei perroquet
rabbit: kaninchen conejo lapin coniglio coelho
"""
RELATIONS = {
    word: name.strip()
    for line in _RELATIONS.replace("\n ", " ").strip().splitlines()
    for name, _, words in [line.partition(":")]
    for word in (name.strip(), *words.split())
}
"""Words for relatives, friends and animals, with the English one."""
_USER = re.compile(
    r"\b(?:user|nutzer|benutzer|usuari|utilisat|utente|usuári|пользовател|gebruiker|użytkownik|kullanıcı)"
    r"|用户|使用者|ユーザー|사용자|مستخدم",
    re.IGNORECASE,
)
_OF_USER = re.compile(r"\buser['’]s?((?:\s+[^\W\d_][\w-]*){1,3})")
_OF_USER_CJK = re.compile(r"^(?:用户|使用者|ユーザー|사용자)(?:的|の|의)\s*(\w{1,4})")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_FIRST_WORDS = 3
"""Within these a language that says "the sister of the user" has said "sister"."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, or an animal; the user has neither field."""

    relation: str | None = None
    """In English: ``sister``, ``dog``."""
    name: str | None = None


USER = Subject()


def subject_of(text: str, names: Sequence[str] = ()) -> Subject:
    """Whom ``text`` is about.

    Args:
        names: people who may be meant: a statement that begins with one of them, and does not
            speak of the user, is about them.

    >>> subject_of("The user's sister Mia works at Bosch.")
    Subject(relation='sister', name='Mia')
    >>> subject_of("The user has a sister.")
    Subject(relation=None, name=None)
    """
    user = _USER.search(text)
    possessive = _OF_USER.search(text[:80]) if user is not None else None
    if possessive is not None and _begins(text, possessive.start()):
        return _related(possessive[1].split())
    cjk = _OF_USER_CJK.match(text)
    if cjk is not None:
        found = next((cjk[1][:length] for length in (4, 3, 2, 1) if cjk[1][:length] in RELATIONS), None)
        return Subject(RELATIONS[found]) if found is not None else USER
    if user is None:
        for name in names:
            if name.strip() and text.casefold().startswith(name.casefold()):
                return Subject(name=name)
    before = text[: user.start()] if user is not None else text
    for word in _WORD.findall(before)[:_FIRST_WORDS]:
        if word.casefold() in RELATIONS:
            return Subject(RELATIONS[word.casefold()])
    return USER


def _related(words: Sequence[str]) -> Subject:
    """Who is meant by the words after "the user's": the relation is the first or, after an adjective, the second."""
    for place, word in enumerate(words[:2]):
        relation = RELATIONS.get(word.casefold())
        if relation is not None:
            name = words[place + 1] if place + 1 < len(words) else ""
            return Subject(relation, name if name[:1].isupper() else None)
    return USER


def same_subject(one: Subject, other: Subject) -> bool:
    """Whether two may be the same: "the sister" may be "the sister Mia", and neither is the user."""
    if one.relation is not None and one.relation == other.relation:
        return one.name is None or other.name is None or one.name == other.name
    return one == other or (one.name is not None and one.name == other.name)


def _begins(text: str, place: int) -> bool:
    """Whether nothing but an article and a name in apposition comes first: "Mia, the user's sister"."""
    return len(_WORD.findall(text[:place])) <= _FIRST_WORDS
