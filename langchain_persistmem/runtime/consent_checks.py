"""What a person's consent forbids: ``no_extract`` to learn, ``paused`` to write anything, under the namespace's lock.

That ``paused`` forbids to read as well stands in SQL, in the part ``unless_paused`` of ``postgres/queries/consent.sql``.
"""

from langchain_persistmem.errors import MemoryDisabledError
from langchain_persistmem.postgres.queries.namespaces import NamespaceState
from langchain_persistmem.types.records import Consent


def may_learn(consent: Consent) -> bool:
    """Tell if memories may be made of conversations."""
    return consent == "allowed"


def may_write(consent: Consent) -> bool:
    """Tell if anything may be written, such as what a person states or what a conversation said."""
    return consent != "paused"


def check_not_paused(state: NamespaceState) -> None:
    """Refuse to write where memory is paused.

    Raises:
        MemoryDisabledError: memory is paused.
    """
    if not may_write(state.consent):
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
