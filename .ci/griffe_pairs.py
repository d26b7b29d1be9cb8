"""The habits of this package that the API reference has to know; an extension of griffe, named in .mkdocs.yml.

Pairs: ``recall, arecall = both(_recall)`` is two functions, with the signature and the docstring of ``_recall``.
Methods from elsewhere: ``import_mem0 = importers.import_mem0`` in a class is a method.
Roles: ``:meth:`recall``` in a docstring becomes a link.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import griffe

PAIR = re.compile(r"^\s*(\w+), (\w+) = both\((\w+)", re.MULTILINE)
METHOD = re.compile(r"^    (\w+) = (\w+)\.(\w+)$", re.MULTILINE)
ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?\.?([\w.]+)`")


class Pairs(griffe.Extension):
    """Resolve pairs and roles once the package is loaded."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Go through every module and class of the package: what a later step refers to is there by then."""
        owners = list(_owners(pkg))
        for owner in owners:
            _resolve_pairs(owner)
        for owner in owners:
            if owner.is_class:
                _resolve_methods(owner, pkg)
        for owner in owners:
            for member in (owner, *owner.members.values()):
                if not member.is_alias and member.docstring is not None:
                    _resolve_roles(member.docstring, owner, pkg)


def _owners(owner: griffe.Object) -> Iterator[griffe.Object]:
    yield owner
    for member in owner.members.values():
        if not member.is_alias and (member.is_module or member.is_class):
            yield from _owners(member)


def _resolve_pairs(owner: griffe.Object) -> None:
    for once, twin, body in PAIR.findall(owner.source):
        function = owner.members.get(body)
        if not isinstance(function, griffe.Function):
            continue  # a pair of a class, met in the source of its module
        _add(owner, once, function)
        awaited = _add(owner, twin, function)
        awaited.labels = {"async"}
        if awaited.docstring is not None:
            summary = awaited.docstring.value.partition("\n\n")[0]
            awaited.docstring.value = f"{summary}\n\nTo be awaited; all else is as in [`{once}`][{owner.path}.{once}]."


def _resolve_methods(owner: griffe.Object, package: griffe.Module) -> None:
    for name, module, function in METHOD.findall(owner.source):
        path = owner.resolve(module) if module in owner.parent.members else ""
        target = package[f"{path}.{function}".partition(".")[2]] if path.startswith(package.name) else None
        if isinstance(target, griffe.Function):
            method = _add(owner, name, target)
            memory, *others = target.parameters
            method.parameters = griffe.Parameters(*others)
            if method.docstring is not None:
                text = method.docstring.value.replace(f"[{target.parent.path}.", f"[{owner.path}.")
                method.docstring.value = re.sub(rf"^    {memory.name}: .*\n", "", text, count=1, flags=re.MULTILINE)


def _add(owner: griffe.Object, name: str, function: griffe.Function) -> griffe.Function:
    """Give ``owner`` a copy of ``function`` under its public name."""
    added = copy.copy(function)
    added.name, added.parent, added.labels = name, owner, set()
    added.docstring = copy.copy(function.docstring)
    if added.docstring is not None:
        added.docstring.parent = added
    owner.members[name] = added
    return added


def _resolve_roles(docstring: griffe.Docstring, owner: griffe.Object, package: griffe.Module) -> None:
    def link(role: re.Match[str]) -> str:
        head, _, rest = role[1].partition(".")
        for scope in (owner, package):  # a member of the class, or a public name
            if head in scope.members:
                target = scope.members[head]
                path = target.target_path if target.is_alias else target.path
                return f"[`{role[1]}`][{path}{'.' if rest else ''}{rest}]"
        return f"`{role[1]}`"

    docstring.value = ROLE.sub(link, docstring.value)
