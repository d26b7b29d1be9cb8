"""What the two halves of PersistMem share: the backend, and whose memory is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from langchain_persistmem.client.worker import TaskWorker, ThreadWorker
from langchain_persistmem.errors import InvalidInputError, NamespaceMissingError
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.runtime.backend import AsyncBackend, SyncBackend
from langchain_persistmem.types.namespace import Namespace, Pattern, fill, naming
from langchain_persistmem.types.user_profile import Profile


class Hall:
    """Every method takes either ``user_id``, which fills the namespace template, or ``namespace``, a tuple of
    strings. Neither is ever guessed.
    """

    _backend: SyncBackend | AsyncBackend
    _namespace: Namespace
    _erase_namespaces: tuple[Namespace, ...]
    _worker: ThreadWorker | TaskWorker | None
    _profile: type[BaseModel]

    @property
    def backend(self) -> SyncBackend | AsyncBackend:
        """The database and the models: ``PersistMemStore(memory.backend, index={"fields": ["text"]})``."""
        return self._backend

    @property
    def learns_in_background(self) -> bool:
        """Whether this object has a chat model, and a worker of its own that calls it when a thread is quiet."""
        return self._worker is not None and self._backend.model_name is not None

    def whose(self, user_id: str | None = None, namespace: Namespace | None = None) -> Namespace:
        """The namespace that is meant.

        Raises:
            NamespaceMissingError: neither argument was given.
            InvalidInputError: both were, or one is malformed.
        """
        if namespace is not None:
            if user_id is not None:
                raise InvalidInputError("user_id and namespace were both given; pass one of them")
            return namespace
        if user_id is None:
            raise NamespaceMissingError(
                f"whose memory is meant? Pass user_id=... (for {self._namespace!r}) or namespace=(...)"
            )
        return fill(self._namespace, {"user_id": user_id})

    def _naming(self, user_id: str | None) -> list[Pattern]:
        """The namespaces that name a person, deeper ones included; none where a namespace was meant."""
        if user_id is None:
            return []
        return [self.whose(user_id), *(naming(each, user_id) for each in self._erase_namespaces)]

    @property
    def _redaction(self) -> Redaction | None:
        return self._backend.settings.redaction

    def _wake(self) -> None:
        """There is work for the background."""
        if self._worker is not None:
            self._worker.wake()

    @property
    def _joined(self) -> bool:
        """Whether memories add to the profile: where its class has the fields that they would fill."""
        return issubclass(self._profile, Profile)

    def _as_profile(self, document: Mapping[str, Any]) -> BaseModel:
        reason = ""
        try:
            return self._profile.model_validate(document)
        except ValidationError as error:  # its text quotes the document
            reason = "; ".join(f"{_path(each['loc'])}: {each['type']}" for each in error.errors(include_input=False))
        raise InvalidInputError(
            f"the profile does not fit {self._profile.__name__} ({reason}); correct the named fields"
        )

    def _check_profile(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The document, without the fields that were never set, if it fits its class."""
        return self._as_profile(document).model_dump(mode="json", exclude_unset=True)


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))
