"""What the two halves of PersistMem share: the backend, and whose memory is meant."""

from __future__ import annotations

from langchain_persistmem.backend import AsyncBackend, SyncBackend
from langchain_persistmem.errors import InvalidInput, NamespaceMissing
from langchain_persistmem.namespace import Namespace, fill


class Hall:
    """Every method takes either ``user_id``, which fills the namespace template, or ``namespace``, a tuple of
    strings. Neither is ever guessed.
    """

    _backend: SyncBackend | AsyncBackend
    _namespace: Namespace

    @property
    def backend(self) -> SyncBackend | AsyncBackend:
        """The database and the models: ``PersistMemStore(memory.backend, index={"fields": ["text"]})``."""
        return self._backend

    def whose(self, user_id: str | None = None, namespace: Namespace | None = None) -> Namespace:
        """The namespace that is meant.

        Raises:
            NamespaceMissing: neither argument was given.
            InvalidInput: both were, or one is malformed.
        """
        if namespace is not None:
            if user_id is not None:
                raise InvalidInput("user_id and namespace were both given; pass one of them")
            return namespace
        if user_id is None:
            raise NamespaceMissing(
                f"whose memory is meant? Pass user_id=... (for {self._namespace!r}) or namespace=(...)"
            )
        return fill(self._namespace, {"user_id": user_id})
