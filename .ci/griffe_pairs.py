"""What the API reference has to know about this package's own habits; an extension of griffe, named in .mkdocs.yml.

Pairs: ``recall, arecall = both(_recall)`` is two functions, with the signature and the docstring of ``_recall``.
Roles: ``:meth:`recall``` in a docstring becomes a link.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import griffe

PAIR = re.compile(r"^\s*(\w+), (\w+) = both\((\w+)", re.MULTILINE)
ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?\.?([\w.]+)`")


class Pairs(griffe.Extension):
    """Resolve pairs and roles once the package is loaded."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Go through every module and class of the package, pairs first: a link may lead to one."""
        owners = list(_owners(pkg))
        for owner in owners:
            _resolve_pairs(owner)
        for owner in owners:
            for member in (owner, *owner.members.values()):
                if not member.is_alias and member.docstring is not None:
                    member.docstring.value = ROLE.sub(
                        lambda role, owner=owner: _link(role[1], owner, pkg), member.docstring.value
                    )


def _owners(owner: griffe.Object) -> Any:
    yield owner
    for member in owner.members.values():
        if not member.is_alias and (member.is_module or member.is_class):
            yield from _owners(member)


def _resolve_pairs(owner: griffe.Object) -> None:
    for once, twin, body in PAIR.findall(owner.source):
        function = owner.members.get(body)
        if not isinstance(function, griffe.Function):
            continue  # a pair of a class, met in the source of its module
        for name in (once, twin):
            pair = copy.copy(function)
            pair.name = name
            pair.labels = {"async"} if name == twin else set()
            pair.docstring = copy.copy(function.docstring)
            if pair.docstring is not None:
                pair.docstring.parent = pair
                if name == twin:
                    summary = pair.docstring.value.partition("\n\n")[0]
                    pair.docstring.value = (
                        f"{summary}\n\nTo be awaited; all else is as in [`{once}`][{owner.path}.{once}]."
                    )
            owner.members[name] = pair


def _link(name: str, owner: griffe.Object, package: griffe.Module) -> str:
    """``name`` as code, with a link to what it means where it stands: a member of the class, or a public name."""
    head, _, rest = name.partition(".")
    for scope in (owner, package):
        if head in scope.members:
            target = scope.members[head]
            path = target.target_path if target.is_alias else target.path
            return f"[`{name}`][{path}{'.' if rest else ''}{rest}]"
    return f"`{name}`"
