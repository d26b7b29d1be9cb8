"""What is not worth remembering: greetings, thanks, yes and no."""

import re

_PHRASES = """
hi|hello|hey|hey there|hi there|hello there|yo|good morning|good afternoon|good evening|good night|bye|goodbye|bye bye|
how can i help you|how can i help|what can i do for you|anything else|is there anything else|
can i help you with anything else|is there anything else i can help you with|anything else i can help you with|
let me know if you need anything else|see you|see you later|see you soon|talk to you later|talk soon|take care|have a nice day|have a good one|sleep well|
thanks|thank you|thanks a lot|thank you so much|thanks so much|many thanks|thx|ty|cheers|you're welcome|welcome|
no problem|my pleasure|anytime|ok|okay|k|alright|all right|sure|sure thing|yes|yeah|yep|yup|no|nope|nah|maybe|great|
cool|nice|awesome|perfect|wonderful|fantastic|got it|i see|makes sense|sounds good|sounds great|good idea|exactly|good|very good|
right|indeed|wow|haha|hahaha|lol|how are you|how are you doing|how's it going|what's up|i'm fine|i'm good|i'm well|
fine|not much|never mind|one moment|just a moment|please|sorry|oh|hmm|well|ha|aha|phew|sleep tight|good luck|talk tomorrow|have fun|enjoy|
hallo|guten morgen|guten tag|guten abend|gute nacht|tschüss|danke|danke schön|vielen dank|bitte|ja|nein|wie geht's|
hola|buenos días|buenas tardes|buenas noches|adiós|gracias|muchas gracias|de nada|sí|vale|qué tal|
bonjour|bonsoir|salut|merci|merci beaucoup|de rien|oui|non|d'accord|ça va|ciao|grazie|grazie mille|prego|sì|
olá|bom dia|boa tarde|boa noite|obrigado|obrigada|tudo bem|привет|спасибо|да|нет|пока|
你好|谢谢|再见|好的|是的|こんにちは|ありがとう|はい|いいえ|안녕하세요|감사합니다|네
"""
_KNOWN = frozenset(phrase.strip() for phrase in _PHRASES.replace("\n", "").split("|"))
_ASSENTS = """
yes|yeah|yep|yup|no|nope|nah|sure|exactly|right|indeed|correct|ja|nein|genau|sí|si|claro|oui|non|sì|sim|não|да|нет|好的|是的|对|不是|
はい|いいえ|네|아니요|نعم|لا
"""
_ANSWERS = frozenset(phrase.strip() for phrase in _ASSENTS.replace("\n", "").split("|"))
_QUESTION = re.compile("[?？؟]")
_SENTENCE = re.compile(r"[.!?,;:…。！？、()\-–—\s]*(?:[.!?,;…。！？、]|\s[-–—]\s|$)[\s]*")
_NOISE = re.compile(r"[^\w\s']+")


def is_small_talk(text: str) -> bool:
    """Whether every phrase of ``text`` is a greeting, a thanks, or an assent.

    >>> is_small_talk("Hi there! Thanks, sounds good.")
    True
    >>> is_small_talk("Hi, I moved to Oslo.")
    False
    """
    return all(phrase in _KNOWN or phrase in _ANSWERS for phrase in _phrases(text))


def is_answer(text: str, before: str) -> bool:
    """Whether ``text`` says yes or no to what was asked just ``before``: then it says something.

    >>> is_answer("Yes.", "Are you a vegetarian?")
    True
    >>> is_answer("No, thanks!", "Is there anything else?")
    False
    """
    asked = _QUESTION.search(before) is not None and not is_small_talk(before)
    return asked and not _ANSWERS.isdisjoint(_phrases(text))


def _phrases(text: str) -> list[str]:
    return [phrase for phrase in map(_bare, _SENTENCE.split(text)) if phrase]


def _bare(phrase: str) -> str:
    return " ".join(_NOISE.sub(" ", phrase.casefold().replace("’", "'")).split())
