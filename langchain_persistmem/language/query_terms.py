"""What a query is looked up by, beside the words that PostgreSQL's parser finds in it."""

from langchain_persistmem.language.cjk import pairs
from langchain_persistmem.language.irregular_forms import irregular_forms
from langchain_persistmem.language.languages import configuration


def terms(query: str, language: str) -> tuple[str, ...]:
    """Neighbouring characters where there are no spaces to cut at, and irregular forms where the query is English.

    The words of one term count as one word. ``language`` is that of the settings.

    >>> terms("What did Ada buy?", "english"), terms("我喜欢茶", "auto"), terms("What did Ada buy?", "german")
    (('buy bought',), ('我喜', '喜欢', '欢茶'), ())
    """
    return (*pairs(query), *irregular(query, language))


def irregular(query: str, language: str) -> tuple[str, ...]:
    """The irregular forms alone."""
    return irregular_forms(query) if configuration(language, query) == "english" else ()
