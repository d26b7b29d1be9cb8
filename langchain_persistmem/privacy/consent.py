"""The consent of a person: for all their memory, and for one conversation.

Every flow that writes asks again inside its own transaction, under the namespace's lock: what was
allowed when a model was asked may be forbidden when its answer comes.
"""

from datetime import datetime

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.learning.turns.turn_memories import withdraw_waiting
from langchain_persistmem.postgres.queries import consent as consent_queries
from langchain_persistmem.postgres.queries import namespaces, rewrites
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import CONSENTS, Consent
from langchain_persistmem.types.representation import represent, type_name


async def consent(backend: Backend, namespace: Namespace) -> Consent:
    """The person's consent; for a person who is not known yet, that of the settings."""
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        state = await namespaces.read_state(tx, namespace)
    return backend.settings.consent if state is None else state.consent


async def set_consent(backend: Backend, namespace: Namespace, consent_wanted: Consent, *, now: datetime) -> None:
    """Change what the person allows. Turns that waited for learning when consent ended are never learnt from.

    Raises:
        InvalidInputError: there is no such consent.
    """
    if consent_wanted not in CONSENTS:
        raise InvalidInputError(f"consent is {represent(consent_wanted)}; use one of {', '.join(CONSENTS)}")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        state = await namespaces.hold_namespace(
            tx, namespace, generation=backend.new_id(), consent=consent_wanted, now=now
        )
        await consent_queries.set_consent(tx, namespace, consent_wanted, generation=state.generation, now=now)
        if consent_wanted == "allowed":
            await rewrites.resume_rewrite(tx, namespace)
        else:
            await withdraw_waiting(tx, namespace, now=now)
            await consent_queries.drop_work(tx, namespace)
        await record(tx, backend, namespace, "consented", consent=consent_wanted)


async def off_record(backend: Backend, namespace: Namespace, thread_id: str) -> bool:
    """Tell if a thread is off the record."""
    encode(namespace)
    validation.name(thread_id, "thread_id")
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        return await consent_queries.is_off_record(tx, namespace, thread_id)


async def set_off_record(backend: Backend, namespace: Namespace, thread_id: str, off: bool, *, now: datetime) -> None:
    """Put a thread off the record, or back on it. Turns of it that waited for learning are never learnt from.

    Raises:
        InvalidInputError: ``thread_id`` is malformed, or ``off`` is neither True nor False.
    """
    validation.name(thread_id, "thread_id")
    if not isinstance(off, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - "false" would be True
        raise InvalidInputError(f"off is of type {type_name(off)}; pass True or False")
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        await generations.hold(tx, backend, namespace, now=now)
        await consent_queries.set_off_record(tx, namespace, thread_id, off, now=now)
        if off:
            await withdraw_waiting(tx, namespace, thread_id, now=now)
            await consent_queries.drop_work(tx, namespace, thread_id)
        await record(tx, backend, namespace, "put_off_record" if off else "put_on_record", threads=1)


async def may_recall(backend: Backend, namespace: Namespace, thread_id: str | None) -> bool:
    """Tell if memories may be put before a model, in this thread."""
    encode(namespace)
    if thread_id is not None:
        validation.name(thread_id, "thread_id")
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        return await consent_queries.may_recall(tx, namespace, thread_id)
