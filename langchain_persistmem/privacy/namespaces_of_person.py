"""The namespaces that are a person's, and go when everything of theirs is erased."""

from collections.abc import Sequence

from langchain_persistmem.errors import ConfigurationError, InvalidInputError
from langchain_persistmem.types.namespace import Namespace, Pattern, encode, fill, placeholders
from langchain_persistmem.types.representation import cut
from langchain_persistmem.types.validation import check_list


def namespaces_of_person(own: Namespace, templates: Sequence[Namespace], user_id: str) -> list[Pattern]:
    """The beginnings of all namespaces of a person: ``own``, and those of ``erase_namespaces``; deeper ones are meant too."""
    return [own, *(_pattern(template, user_id) for template in templates)]


def _pattern(template: Namespace, user_id: str) -> Pattern:
    """Build the pattern of the namespaces that have ``user_id`` at its index in ``template``; deeper ones begin with it."""
    namespace = fill(template, {"user_id": user_id})
    return tuple(None if label == "*" else text for label, text in zip(template, namespace, strict=True))


def check_erase_namespaces(templates: Sequence[Namespace]) -> tuple[Namespace, ...]:
    """Return ``templates`` if each names a person: ``("agents", "*", "{user_id}")``, in which ``"*"`` is any label.

    Raises:
        ConfigurationError: one does not have ``{user_id}``, or has another name, or is malformed.
    """
    for template in check_list(templates, "erase_namespaces", at_most=1_000):
        try:
            encode(template)
        except InvalidInputError as error:
            raise ConfigurationError(f"erase_namespaces has what is no namespace: {error}") from error
        if set(placeholders(template)) != {"user_id"}:
            raise ConfigurationError(
                f"erase_namespaces has {cut(repr(template))}, which has to name the person and nobody else; write "
                "('agents', '{user_id}', 'notes'), with '*' for a label that may be any"
            )
    return tuple(templates)
