"""Refusal of what a person does not allow, checked under the namespace's lock by whatever is about to write."""

from langchain_persistmem.errors import MemoryDisabledError
from langchain_persistmem.postgres.queries.namespaces import NamespaceState


def check_not_paused(state: NamespaceState) -> None:
    """Refuse to write where memory is paused.

    Raises:
        MemoryDisabledError: memory is paused.
    """
    if state.paused:
        raise MemoryDisabledError


def check_on_record(*, is_off_record: bool) -> None:
    """Refuse to keep anything of a conversation that is off the record.

    Raises:
        MemoryDisabledError: it is.
    """
    if is_off_record:
        raise MemoryDisabledError(
            "this conversation is off the record: nothing of it is kept; see privacy.set_off_record()"
        )
