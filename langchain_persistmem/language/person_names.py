"""Words that an embedding model had better not see."""

import re

_CALENDAR = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
)
_NAME = rf"(?!(?:{_CALENDAR})\b)[A-Z][a-z]+(?: (?!(?:{_CALENDAR})\b)[A-Z][a-z]+)?"
_AUXILIARY = "|".join(
    f"[{verb[0].upper()}{verb[0]}]{verb[1:]}"
    for verb in (
        "did does do is was are were has have had will would can could should might may must".split()  # noqa: SIM905
    )
)
_SUBJECT = re.compile(rf"\b({_AUXILIARY}) {_NAME}(?: and {_NAME})?(?:['’]s?)?(?=[ ?,.]|$)")
_POSSESSIVE = re.compile(r"(?<=[a-z,] )(?!Bachelor|Master)[A-Z][a-z]+['’]s?(?= )")
_QUOTED = re.compile(r"""["“][^"”]*["”]|(?<!\w)['‘].*?['’](?!\w)""")


def without_names(query: str) -> str:
    """``query`` as it is embedded: without the persons that it asks about, who stand in every turn of theirs.

    Small embedding models drown in names; the search by words still sees them. Quoted spans stay.
    English only; other queries pass unchanged.

    >>> without_names("When did Caroline paint the sunrise?")
    'When did paint the sunrise?'
    """
    quoted = _QUOTED.findall(query)
    bare = _POSSESSIVE.sub(" ", _SUBJECT.sub(r"\1", _QUOTED.sub("\x00", query)))
    for span in quoted:
        bare = bare.replace("\x00", span, 1)
    return " ".join(bare.split()) or query
