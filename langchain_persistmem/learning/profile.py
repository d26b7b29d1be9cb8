"""The profile: a document of the application's, joined at each reading with what the current memories say.

What comes from memories is never copied into the document. So it is always in step with them:
a preference that was superseded or forgotten is gone from the profile at once.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.learning.decisions.fact_keys import speaker_key
from langchain_persistmem.learning.decisions.sameness import identity
from langchain_persistmem.learning.insert import insert
from langchain_persistmem.postgres.queries import memories
from langchain_persistmem.runtime import generations
from langchain_persistmem.runtime.audit_log import note_read, record
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.runtime.consent_checks import check_not_paused
from langchain_persistmem.runtime.record_redaction import redact_value
from langchain_persistmem.runtime.setup import ready
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode
from langchain_persistmem.types.records import Candidate, Memory, NewMemory, Provenance

KEY = "profile"
"""The key of the document; its earlier versions are in the history."""

Document = Mapping[str, Any]
Check = Callable[[Document], Document]

_MOST = 20
"""Preferences, goals and instructions that are taken from memories, the most important first."""


async def read(backend: Backend, namespace: Namespace, *, join: bool, now: datetime) -> dict[str, Any]:
    """The document, and with ``join`` what current memories add to it; empty if there is neither."""
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace, atomic=False) as tx:
        documents = await memories.get_memories(tx, namespace, [KEY], now=now)
        statements = await memories.profile_memories(tx, namespace, limit=_MOST, now=now) if join else []
    await note_read(backend, namespace, "read_profile", [memory.id for memory in (*documents.values(), *statements)])
    document = read_document(documents)
    return join_statements(document, statements) if join else document


async def update(
    backend: Backend, namespace: Namespace, changes: Document, *, check: Check, now: datetime
) -> dict[str, Any]:
    """Merge ``changes`` into the document, in one transaction; the version before stays in the history.

    Raises:
        InvalidInputError: the changes are no JSON, or ``check`` refuses the result; nothing was changed.
        MemoryDisabledError: memory is paused; nothing was changed.
    """
    changes = validation.json_object(changes, "changes")
    changes = redact_value(backend.settings.redaction, changes)
    encode(namespace)
    await ready(backend)
    async with backend.transaction(namespace) as tx:
        state = await generations.hold(tx, backend, namespace, now=now)
        check_not_paused(state)
        documents = await memories.get_memories(tx, namespace, [KEY], now=now)
        before = read_document(documents)
        after = dict(check(merge(before, changes)))
        if after != before:
            result = await insert(tx, backend, namespace, [_version(backend, after, now)], now=now)
            await record(tx, backend, namespace, "profiled", result.memory_ids.all, **result.memory_ids.counts)
    return after


def merge(document: Document, changes: Document) -> dict[str, Any]:
    """``document`` with ``changes``: objects are merged field by field, None removes a field, all else replaces."""
    result = dict(document)
    for name, change in changes.items():
        value_before = result.get(name)
        if change is None:
            result.pop(name, None)
        elif isinstance(change, Mapping):
            inner = cast("Document", value_before if isinstance(value_before, Mapping) else {})
            result[name] = merge(inner, cast("Document", change))
        else:
            result[name] = change
    return result


def join_statements(document: Document, statements: list[Memory]) -> dict[str, Any]:
    """The document with what memories say; where both speak of the same, the document is right."""
    result = dict(document)
    texts: dict[str, list[str]] = {"preferences": [], "goals": []}
    instructions: list[str] = []
    names: dict[str, str] = {}
    preferred_name: object = None
    for memory in statements:
        kind = memory.category or memory.value.get("type")
        if memory.key == "fact:preferred_name":
            preferred_name = memory.value.get("value")
        if memory.kind == "procedural":
            instructions.append(memory.text or "")
        elif kind in ("preference", "goal"):
            texts[f"{kind}s"].append(memory.text or "")
        elif memory.key in ("fact:name", speaker_key("fact:name", memory.speaker)):
            names[memory.key] = str(memory.value.get("value") or memory.text)
    if preferred_name and not result.get("name"):
        result["name"] = preferred_name
    if names and not result.get("name"):
        # Of several people the first holds the plain key; without one, whoever is left.
        result["name"] = names.get("fact:name") or names[min(names)]
    for field, sentences in texts.items():
        value_before = result.get(field)
        if sentences and (value_before is None or isinstance(value_before, list)):
            result[field] = list(dict.fromkeys([*cast("list[str]", value_before or []), *sentences]))
    if instructions and not result.get("communication_style"):
        result["communication_style"] = " ".join(instructions)
    return result


def as_profile(kind: type[BaseModel], document: Document) -> BaseModel:
    """``document`` as an object of the profile's class.

    Raises:
        InvalidInputError: it does not fit; the message names the fields and quotes nothing of the document.
    """
    reason = ""
    try:
        return kind.model_validate(document)
    except ValidationError as error:  # its text quotes the document, so the message is built from places and types
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        reason = "; ".join(f"{_name_field(fault['loc'], kind)}: {fault['type']}" for fault in faults[:5])
    raise InvalidInputError(f"the profile does not fit {kind.__name__} ({reason}); correct the named fields")


def check_document(kind: type[BaseModel], document: Document) -> Document:
    """The document, without the fields that were never set, if it fits the profile's class.

    Raises:
        InvalidInputError: it does not fit.
    """
    return as_profile(kind, document).model_dump(mode="json", exclude_unset=True)


def _name_field(location: Sequence[int | str], kind: type[BaseModel]) -> str:
    """Name a field of a profile's class. A name that the class does not have was chosen for a person, and says much."""
    field = location[0] if location else ""
    is_of_class = isinstance(field, str) and field in kind.model_fields
    return str(field) if is_of_class else f"a field that {kind.__name__} does not have"


def read_document(documents: Mapping[str, Memory]) -> dict[str, Any]:
    """The stored document; a memory or an item that happens to have its key is none."""
    memory = documents.get(KEY)
    return dict(memory.value) if memory is not None and memory.kind == "profile" else {}


def _version(backend: Backend, document: Document, now: datetime) -> NewMemory:
    provenance = Provenance(source="operator", extractor="profile")
    candidate = Candidate(text="", kind="profile", key=KEY, value=document, valid_from=now, provenance=provenance)
    id = backend.new_id()
    # each version is itself, also when an old one comes back word for word
    return NewMemory(id=id, key=KEY, identity=identity(candidate) + id.bytes, candidate=candidate, vectors=())
