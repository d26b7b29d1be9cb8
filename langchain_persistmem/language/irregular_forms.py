"""Irregular forms of English words, which no stemmer connects: "bought" is said, "buy" is asked."""

import re
from collections.abc import Mapping

_FORMS = """
arise arose arisen | awake awoke awoken | beat beaten | become became | begin began begun | bend bent |
bite bitten | bleed bled | blow blew blown | break broke broken | breed bred | bring brought | build built |
burn burnt | buy bought | catch caught | child children | choose chose chosen | cling clung | come came |
creep crept | deal dealt | dig dug | draw drew drawn | dream dreamt | drink drank drunk | drive drove driven |
eat ate eaten | fall fell fallen | feed fed | feel felt | fight fought | find found | flee fled | fling flung |
fly flew flown | foot feet | forbid forbade forbidden | foresee foresaw foreseen | forget forgot forgotten |
forgive forgave forgiven | freeze froze frozen | get got gotten | give gave given | go went gone | goose geese |
grow grew grown | half halves | hang hung | hear heard | hide hid hidden | hold held | keep kept | kneel knelt |
knife knives | know knew known | lay laid | lead led | leap leapt | learn learnt | leave left | lend lent |
light lit | lose lost | make made | man men | mean meant | meet met | mistake mistook mistaken | mouse mice |
overcome overcame | pay paid | person people | prove proven | rebuild rebuilt | repay repaid | retell retold |
rethink rethought | rewrite rewrote rewritten | ride rode ridden | ring rang rung | run ran | say said |
scarf scarves | see saw seen | seek sought | sell sold | send sent | sew sewn | shake shook shaken |
shelf shelves | shine shone | shoot shot | show shown | shrink shrank shrunk | sing sang sung | sink sank sunk |
sit sat | sleep slept | slide slid | smell smelt | sneak snuck | speak spoke spoken | speed sped | spell spelt |
spend spent | spill spilt | spin spun | stand stood | steal stole stolen | stick stuck | sting stung |
stink stank stunk | strike struck stricken | strive strove striven | swear swore sworn | sweep swept |
swell swollen | swim swam swum | swing swung | take took taken | teach taught | tear tore torn | tell told |
thief thieves | think thought | throw threw thrown | tooth teeth | tread trod trodden |
undergo underwent undergone | understand understood | undertake undertook undertaken | wake woke woken |
wear wore worn | weave wove woven | weep wept | wife wives | win won | withdraw withdrew withdrawn | wolf wolves |
woman women | write wrote written
"""
"""The word itself first. A form that is as often another word is left out: a rose, a wound, a bit, born, the forms of lie."""
_WORD = re.compile(r"[a-z]+")
_VOWELS = "aeiou"


def _regular(word: str) -> tuple[str, ...]:
    """The regular forms of a word, as well as a few that nobody says, which harm nothing."""
    stem = word.removesuffix("e")
    plural = word[:-1] + "ies" if word.endswith("y") and word[-2] not in _VOWELS else word + "s"
    return plural, word + "es", word + "ing", stem + "ing", word + word[-1] + "ing"


_GROUPS: Mapping[str, str] = {
    each: " ".join(forms)
    for forms in (group.split() for group in _FORMS.split("|"))
    for each in (*_regular(forms[0]), *forms)
}


def irregular_forms(text: str) -> tuple[str, ...]:
    """For each word of an English text that has irregular forms, all of them in one term.

    >>> irregular_forms("Which books did the child buy?")
    ('child children', 'buy bought')
    """
    found = (_GROUPS.get(word) for word in _WORD.findall(text.casefold()))
    return tuple(dict.fromkeys(each for each in found if each is not None))
