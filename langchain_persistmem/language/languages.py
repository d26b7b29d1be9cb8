"""Which of PostgreSQL's text search configurations a text is parsed by, where ``Settings.language`` is ``"auto"``."""

import re
from collections.abc import Mapping

AUTO = "auto"
_USUAL = "english"
"""What tells nothing of its language is parsed like this: names, codes, a word or two."""
_READ = 1_000
_FEWEST = 2
"""So many of its small words make a language of a text: one alone may be a name or a loan."""
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "russian": re.compile(r"[а-яё]", re.IGNORECASE),
    "greek": re.compile(r"[α-ωά-ώ]", re.IGNORECASE),
    "arabic": re.compile(r"[\u0620-\u064a]"),
}
"""A script that one configuration is made for. Other languages in it lose their endings' reduction, and nothing else."""
_SMALL = {
    "english": "the and is are was were what when where which who how do does did have has my you your that this with for not i to of it",
    "german": "der die das und ist sind war ich nicht ein eine mein meine mit für auf wie wo was wer wann habe hat im zu den dem wir sie",
    "french": "le la les et est je ne pas un une mon ma mes avec pour dans que qui où quand quel quelle ai j c d l nous vous des du sur",
    "spanish": "el la los las y es yo no un una mi mis con para en que quién dónde cuándo cuál qué de del al me se por su como",
    "italian": "il lo la gli e è io non un una mio mia con per in che chi dove quando quale di del al mi si ho sono della nel come",
    "portuguese": "o a os as e é eu não um uma meu minha com para em que quem onde quando qual de do da no na me se por como",
    "dutch": "de het een en is zijn ik niet mijn met voor op wie wat waar wanneer hoe heb heeft van in dat je wij aan er",
    "swedish": "och är jag inte en ett min mitt med för på som vad var vem när hur har av att det den vi du till",
    "danish": "og er jeg ikke en et min mit med for på som hvad hvor hvem hvornår hvordan har af at det den vi du til",
    "norwegian": "og er jeg ikke en et min mitt med for på som hva hvor hvem når hvordan har av at det den vi du til",
    "finnish": "ja on minä en ei olen minun mikä missä kuka milloin miten se että kun oli hän me",
    "hungarian": "és a az nem én egy van hogy mi hol ki mikor hogyan volt is meg ez azt",
    "romanian": "și este eu nu un o meu mea cu pentru în ce unde cine când cum de la am sunt pe să",
    "turkish": "ve bir ben değil benim ne nerede kim zaman nasıl bu için ile çok var mi mı da de",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _SMALL.items():
    for _word in _words.split():
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)


def configuration(language: str, text: str) -> str:
    """``language``, or for ``"auto"`` the configuration that fits ``text``: by its script, or by its small words.

    >>> configuration("auto", "Wo habe ich früher gewohnt?"), configuration("auto", "Oslo"), configuration("dutch", "Oslo")
    ('german', 'english', 'dutch')
    """
    if language != AUTO:
        return language
    begin = text[:_READ].casefold()
    letters = sum(map(str.isalpha, begin))
    for name, script in _SCRIPTS.items():
        if 2 * len(script.findall(begin)) > letters:
            return name
    counts: dict[str, int] = {}
    for word in _WORD.findall(begin):
        for name in _LANGUAGES_OF.get(word, ()):
            counts[name] = counts.get(name, 0) + 1
    best = max(counts, key=lambda name: (counts[name], name == _USUAL), default=_USUAL)
    return best if counts.get(best, 0) >= _FEWEST else _USUAL
