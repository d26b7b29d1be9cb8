"""Rows of another memory on their way here, and what becomes of each; pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from langchain_persistmem.types.namespace import Namespace
from langchain_persistmem.types.records import Kind, Vector
from langchain_persistmem.types.results import Refusal

Cursor = tuple[Any, ...]
"""The end of a page: the last row's primary key."""

Fate = Literal["added", "replaced", "unchanged", "duplicates", "paused", "erased"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A row of another memory, as it is to stand here."""

    namespace: Namespace
    key: str
    kind: Kind
    text: str | None
    """The text that it is recalled by; None if it is not indexed."""
    value: str
    """JSON text, which is stored to the letter."""
    texts: tuple[str, ...]
    """The texts to embed where there are no vectors."""
    vectors: tuple[Vector, ...] = ()
    importance: float = 0.5
    speaker: str | None = None
    identity: bytes | None = None
    """The fingerprint of the statement; None for items, of which each is itself."""
    created_at: datetime | None
    """None if the source does not say."""
    updated_at: datetime | None
    """The last change there; None if the source does not say, and then nothing here is replaced by it."""
    valid_from: datetime | None
    expires_at: datetime | None = None
    minutes: float | None = None
    """Time to live."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that were read, and where the next page begins; None after the last one."""

    rows: Sequence[Entry | Refusal]
    after: Cursor | None


def judge(
    entries: Sequence[Entry], changed: Mapping[str, datetime], stated: Mapping[bytes, str]
) -> list[tuple[Entry, Fate]]:
    """The fate of each of ``entries`` of one namespace; pure.

    Args:
        entries: in the order of the source: the first of two with one identity stays.
        changed: when the keys that are here were written last.
        stated: the key under which a statement is here.
    """
    here, pairs = dict(stated), list[tuple[Entry, Fate]]()
    for entry in entries:
        holder = here.get(entry.identity) if entry.identity is not None else None
        since = changed.get(entry.key)
        if since is None and holder is not None:
            pairs.append((entry, "duplicates"))
        elif since is None:
            pairs.append((entry, "added"))
        elif entry.updated_at is None or since >= entry.updated_at:
            pairs.append((entry, "unchanged"))
        elif holder not in (None, entry.key):  # it became what another one says: two keys, one identity
            pairs.append((replace(entry, identity=None), "replaced"))
        else:
            pairs.append((entry, "replaced"))
        if pairs[-1][1] == "replaced":  # what it said before may be said by another one now
            here = {identity: key for identity, key in here.items() if key != entry.key}
        if entry.identity is not None and pairs[-1][1] in ("added", "replaced"):
            here.setdefault(entry.identity, entry.key)
    return pairs


def row_of_entry(id: UUID, entry: Entry, *, now: datetime) -> dict[str, object]:
    """The row that the statement writes; what the source does not date is of ``now``."""
    updated_at = entry.updated_at or entry.created_at or now
    created_at = entry.created_at or updated_at
    return {
        "id": str(id),
        "key": entry.key,
        "kind": entry.kind,
        "text": entry.text,
        "value": entry.value,
        "identity": entry.identity.hex() if entry.identity is not None else None,
        "importance": entry.importance,
        "speaker": entry.speaker,
        "valid_from": (entry.valid_from or created_at).isoformat(),
        "recorded_at": created_at.isoformat(),
        "updated_at": updated_at.isoformat(),
        "expires_at": entry.expires_at.isoformat() if entry.expires_at is not None else None,
        "minutes": entry.minutes,
    }


def by_namespace(entries: Sequence[Entry]) -> dict[Namespace, list[Entry]]:
    """Entries by namespace, in their order."""
    groups: dict[Namespace, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.namespace].append(entry)
    return groups
