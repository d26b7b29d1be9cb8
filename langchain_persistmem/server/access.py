"""Access: the caller, the person whose memory is meant, and the one function that decides if the caller may have it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ConfigurationError, NamespaceMissingError, PersistMemError
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, decode, encode
from langchain_persistmem.types.representation import is_a

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_MARK = "__persistmem_access__"
_LONGEST_NAME = 150


class AccessDeniedError(PersistMemError):
    """The caller may not do this; log in as somebody who may."""

    def __init__(self, message: str | None = None, *, status: int = 403) -> None:
        super().__init__(message)
        self.status = status
        """401 where nobody is logged in, 403 where the caller may not."""


class Owner(TypedDict, total=False):
    """The arguments of a method of :class:`PersistMem` that name the person: ``await memory.alist(**owner)``."""

    user_id: str
    namespace: Namespace


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The one who asks: a person, who sees themselves and nobody else, or an operator, who sees everybody.

    Give either ``user_id``, or ``namespace`` where the template of ``open(namespace=...)`` has further names, or
    ``is_operator=True``.
    """

    user_id: str | None = None
    namespace: Namespace | None = None
    is_operator: bool = False
    read_only: bool = False
    """True for somebody who may look and change nothing."""
    name: str | None = None
    """The actor for the audit log: an id of yours, such as the operator's. By default ``person`` or ``operator``."""

    def __post_init__(self) -> None:
        if sum((self.user_id is not None, self.namespace is not None, self.is_operator)) != 1:
            raise ConfigurationError(
                "a Caller is a person or an operator; pass one of user_id=, namespace= and is_operator=True"
            )
        if self.name is not None:
            validation.check_text(self.name, "Caller.name", at_most=_LONGEST_NAME)

    @property
    def actor(self) -> str:
        """The actor for the audit log."""
        return self.name or ("operator" if self.is_operator else "person")

    @property
    def id(self) -> str:
        """A digest that is the same for the same caller, and says nothing about them."""
        return hashlib.sha256(json.dumps(self.to_claims(), sort_keys=True).encode()).hexdigest()[:32]

    def to_claims(self) -> dict[str, Any]:
        """Return what a token has to carry."""
        claims: dict[str, Any] = {"op": True} if self.is_operator else {}
        claims |= {} if self.user_id is None else {"sub": self.user_id}
        claims |= {} if self.namespace is None else {"ns": list(self.namespace)}
        claims |= {"ro": True} if self.read_only else {}
        return claims | ({} if self.name is None else {"name": self.name})

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any]) -> Caller:
        """Return the caller that a token names."""
        return cls(
            user_id=claims.get("sub"),
            namespace=tuple(claims["ns"]) if "ns" in claims else None,
            is_operator=claims.get("op", False),
            read_only=claims.get("ro", False),
            name=claims.get("name"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """Properties of a route, set by its decorators."""

    is_public: bool = False
    """Anybody may have it."""
    is_for_operators: bool = False
    """It shows or changes more than one person's memory."""
    only_reads: bool = False
    """It changes nothing, though it is no GET: a search is a POST, so that no text stands in a URL."""


def public(endpoint: Endpoint) -> Endpoint:
    """Mark a route that anybody may have, such as the one to log in by."""
    return _mark(endpoint, is_public=True)


def operators_only(endpoint: Endpoint) -> Endpoint:
    """Mark a route that shows or changes more than one person's memory."""
    return _mark(endpoint, is_for_operators=True)


def only_reads(endpoint: Endpoint) -> Endpoint:
    """Mark a POST that changes nothing, so that it also works in read-only mode."""
    return _mark(endpoint, only_reads=True)


def marks_of(endpoint: object) -> Marks:
    """Return the marks of a route's function."""
    return getattr(endpoint, _MARK, Marks())


def _mark(endpoint: Endpoint, **marks: bool) -> Endpoint:
    old = marks_of(endpoint)
    fields = {name: getattr(old, name) for name in Marks.__dataclass_fields__}
    setattr(endpoint, _MARK, Marks(**(fields | marks)))
    return endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """The permission of one request: its memory, its caller, and the person that it is about."""

    memory: PersistMem
    caller: Caller
    read_only: bool
    """True where nothing may be changed: the caller's or the whole application's choice."""
    owner_or_none: Owner | None
    """The person that is meant; None where an operator named nobody."""

    @property
    def owner(self) -> Owner:
        """The person that is meant, for ``await access.memory.alist(**access.owner)``.

        Raises:
            NamespaceMissingError: an operator named nobody.
        """
        if self.owner_or_none is None:
            raise NamespaceMissingError("whose memory is meant? An operator adds ?user_id=... to the address")
        return self.owner_or_none

    @property
    def query(self) -> dict[str, str]:
        """The parameters of an address that name the same person again; none for a person, who is meant anyway."""
        if self.owner_or_none is None or not self.caller.is_operator:
            return {}
        if "namespace" in self.owner_or_none:
            return {"namespace": encode(self.owner_or_none["namespace"])}
        return {"user_id": self.owner_or_none.get("user_id", "")}


def authorise(
    memory: PersistMem,
    caller: Caller | None,
    *,
    user_id: str | None = None,
    namespace: str | None = None,
    for_operators: bool = False,
    writes: bool = False,
    read_only: bool = False,
) -> Access:
    """Decide whether ``caller`` may do what is asked: the one place for pages, HTTP and MCP.

    Args:
        memory: the memory.
        caller: the one who asks; None if nobody is logged in.
        user_id: the person that the request names, if it names one.
        namespace: or the namespace, encoded as in ``team/blue``.
        for_operators: True where more than one person's memory is at stake.
        writes: True where the request may change something.
        read_only: True where the whole application is to be looked at only.

    Raises:
        AccessDeniedError: it may not. Nothing was looked up, so that the answer is the same whether there is such a
            person or not.
    """
    if caller is None:
        raise AccessDeniedError("nobody is logged in; log in, or send Authorization: Bearer and a token", status=401)
    if for_operators and not caller.is_operator:
        raise AccessDeniedError("this is for operators; your own memory is at /memories")
    read_only = read_only or caller.read_only
    if writes and read_only:
        raise AccessDeniedError("this is read-only here; nothing was changed. Log in as somebody who may write")
    own: Owner | None = None
    if caller.user_id is not None:
        own = Owner(user_id=caller.user_id)
    elif caller.namespace is not None:
        own = Owner(namespace=caller.namespace)
    target = _meant(user_id, namespace) or own
    # Compared as what the database separates people by: an id of another form can be no way around.
    if own is not None and target is not None and _resolve(memory, target) != _resolve(memory, own):
        raise AccessDeniedError("you may see your own memory and nobody else's; leave out user_id and namespace")
    return Access(memory=memory, caller=caller, read_only=read_only, owner_or_none=own or target)


def check_caller(caller: object) -> Caller | None:
    """Return what the application's ``authorize`` gave, if that is a caller or None.

    Raises:
        ConfigurationError: it is something else.
    """
    if caller is None or is_a(caller, Caller):
        return caller
    raise ConfigurationError("authorize gave neither a Caller nor None; return Caller(user_id=...) or None")


def _meant(user_id: str | None, namespace: str | None) -> Owner | None:
    """The person that a request names."""
    if namespace is not None:
        owner = Owner(namespace=decode(namespace))
        return owner if user_id is None else Owner(user_id=user_id, namespace=decode(namespace))
    return None if user_id is None else Owner(user_id=user_id)


def _resolve(memory: PersistMem, owner: Owner) -> str:
    return encode(memory.namespace_of(**owner))
