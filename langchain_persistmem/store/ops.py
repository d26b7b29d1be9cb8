"""What a batch of LangGraph's store operations asks for, checked as a whole before anything is done; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langgraph.store.base import (
    GetOp,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchOp,
    get_text_at_path,
    validate_op_namespace,
)

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.postgres.filters import condition
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.redaction.nested_values import redact_json
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode, prefix_range
from langchain_persistmem.types.records import KINDS, Kind

MAX_PARTS = 32_767
"""Vectors of one item: their number is a smallint in the database."""
MAX_TEXT_CHARS = 100_000
"""An item's text is cut here: PostgreSQL indexes at most 1 MB of words. The value stays whole."""
MAX_MINUTES = 1e9
"""Some 1,900 years: Python's dates end at the year 9999."""
_MAX_COUNT = 2**61

Read = GetOp | SearchOp | ListNamespacesOp


@dataclass(frozen=True, slots=True)
class Put:
    """What is written under one key."""

    value: dict[str, Any]
    texts: tuple[str, ...]
    """What it is found by, one vector each; empty if it is not indexed."""
    kind: Kind
    importance: float
    minutes: float | None
    """Time to live."""

    @property
    def text(self) -> str | None:
        """What it is recalled by."""
        return "\n".join(self.texts)[:MAX_TEXT_CHARS] if self.texts else None


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked batch."""

    reads: Mapping[int, Read]
    """By place in the batch; a search without a query has None there."""
    writes: Mapping[Namespace, Mapping[str, Put | None]]
    """The last put of each key; None deletes it."""

    @property
    def statements(self) -> int:
        """How many statements the reads take: gets of one namespace share one."""
        gets = {op.namespace for op in self.reads.values() if isinstance(op, GetOp)}
        return len(gets) + sum(not isinstance(op, GetOp) for op in self.reads.values())

    @property
    def texts(self) -> list[str]:
        """What is to be embedded for the puts, each text once."""
        puts = (put for keyed in self.writes.values() for put in keyed.values() if put is not None)
        return list(dict.fromkeys(text for put in puts for text in put.texts))

    @property
    def queries(self) -> list[str]:
        """What is to be embedded for the searches, each query once."""
        found = (op.query for op in self.reads.values() if isinstance(op, SearchOp))
        return list(dict.fromkeys(query for query in found if query is not None))


def plan(
    ops: Sequence[Op],
    *,
    fields: Sequence[str],
    max_chars: int,
    queries: bool = True,
    redaction: Redaction | None = None,
) -> Plan:
    """The batch, checked.

    Args:
        ops: LangGraph's operations.
        fields: paths of what is embedded where a put does not say.
        max_chars: of each text only so many characters are embedded.
        queries: whether they count; a store without an index searches by filters only, as LangGraph's do.
        redaction: what is taken out of values, queries and filters; keys and namespaces stay as they are.

    Raises:
        InvalidInputError: an operation cannot be done; the message has its place in the batch and the path.
        InvalidNamespaceError: a label is empty, no string, or has a period.
    """
    reads: dict[int, Read] = {}
    writes: dict[Namespace, dict[str, Put | None]] = {}
    for place, op in enumerate(ops):
        try:
            if isinstance(op, PutOp):
                namespace = _key(op)
                put = None if op.value is None else _put(op, op.value, redaction, fields=fields, max_chars=max_chars)
                writes.setdefault(namespace, {})[op.key] = put
            else:
                reads[place] = (
                    _redacted(_read(op), redaction) if queries else _redacted(_without_query(_read(op)), redaction)
                )
        except InvalidInputError as error:
            if len(ops) == 1:
                raise
            raise InvalidInputError(f"ops[{place}]: {error}; nothing of the batch was done") from None
    return Plan(reads, writes)


def texts_of(value: Mapping[str, Any], paths: Sequence[str], *, max_chars: int) -> tuple[str, ...]:
    """What ``value`` is found by: the texts at ``paths``, each once.

    ``$`` is the whole: its ``text`` or ``content`` if that is a string with something in it, since
    that is the statement, and else its JSON.

    >>> texts_of({"text": "likes tea", "n": 1}, ["$"], max_chars=100)
    ('likes tea',)
    >>> texts_of({"tags": ["tea", "", "dogs"]}, ["tags[*]"], max_chars=100)
    ('tea', 'dogs')
    """
    found: list[str] = []
    for path in paths:
        found += _whole(value) if path in ("", "$") else get_text_at_path(value, path)
    return tuple(dict.fromkeys(text[:max_chars] for text in found if text[:max_chars].strip()))


def namespaces_like(known: Sequence[Namespace], op: ListNamespacesOp) -> list[Namespace]:
    """What ``op`` lists of the ``known`` namespaces: those that match, cut to its depth, each once, in order."""
    matches = op.match_conditions or ()
    found = {each[: op.max_depth] for each in known if all(_matches(each, match) for match in matches)}
    return sorted(found)[op.offset : op.offset + op.limit]


def fixed_prefix(op: ListNamespacesOp) -> Namespace:
    """What every namespace that ``op`` lists begins with, so that no others are read."""
    longest: Namespace = ()
    for path in (match.path for match in op.match_conditions or () if match.match_type == "prefix"):
        fixed = tuple(path[: path.index("*")] if "*" in path else path)
        longest = max(longest, fixed, key=len)
    return longest


def _matches(namespace: Namespace, match: MatchCondition) -> bool:
    path = tuple(match.path)
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if match.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for label, wanted in zip(part, path, strict=True))


def _key(op: GetOp | PutOp) -> Namespace:
    namespace = _labels(op.namespace, "namespace")
    validate_op_namespace(op)
    encode(namespace)
    validation.name(op.key, "key")
    return namespace


def _labels(labels: object, where: str) -> Namespace:
    if not isinstance(labels, (tuple, list)):  # a string would pass as a tuple of its letters
        raise InvalidInputError(f"{where} is of type {type(labels).__name__}; pass a tuple of strings")
    return tuple(cast("Sequence[str]", labels))


def _read(op: object) -> Read:
    if isinstance(op, GetOp):
        return op._replace(namespace=_key(op))
    if isinstance(op, SearchOp):
        return _search(op)
    if isinstance(op, ListNamespacesOp):
        return _listing(op)
    raise InvalidInputError(
        f"an operation is of type {type(op).__name__}; use GetOp, SearchOp, PutOp or ListNamespacesOp"
    )


def _without_query(op: Read) -> Read:
    return op._replace(query=None) if isinstance(op, SearchOp) else op


def _search(op: SearchOp) -> SearchOp:
    prefix = _labels(op.namespace_prefix, "namespace_prefix")
    validate_op_namespace(op)
    prefix_range(prefix)
    validation.count(op.limit, "limit", at_most=_MAX_COUNT)
    validation.count(op.offset, "offset", at_most=_MAX_COUNT)
    condition(op.filter)  # a bad filter is refused before a model is paid for
    return op._replace(namespace_prefix=prefix, query=_query(op.query))


def _query(query: object) -> str | None:
    if query is None:
        return None
    if not isinstance(query, str):
        raise InvalidInputError(f"query is of type {type(query).__name__}; pass a string")
    return validation.storable(query, "query") if query.strip() else None


def _listing(op: ListNamespacesOp) -> ListNamespacesOp:
    op = op._replace(match_conditions=tuple(_match(match) for match in op.match_conditions or ()))
    for match in op.match_conditions or ():
        if match.match_type not in ("prefix", "suffix"):
            raise InvalidInputError(f"match_type is {match.match_type!r:.40}; use 'prefix' or 'suffix'")
    validate_op_namespace(op)
    prefix_range(fixed_prefix(op))
    validation.count(op.limit, "limit", at_most=_MAX_COUNT)
    validation.count(op.offset, "offset", at_most=_MAX_COUNT)
    if op.max_depth is not None:
        validation.count(op.max_depth, "max_depth", at_least=1)
    return op


def _match(match: MatchCondition) -> MatchCondition:
    path: object = match.path
    one_label = isinstance(path, str)  # never its letters
    return match._replace(path=(path,) if one_label else _labels(path, "match_conditions"))


def _redacted(op: Read, redaction: Redaction | None) -> Read:
    """A search in the writing of what is stored."""
    if redaction is None or not isinstance(op, SearchOp):
        return op
    query = redaction.redact(op.query) if op.query is not None else None
    return op._replace(query=query, filter=redact_json(redaction, op.filter))


def _put(op: PutOp, value: object, redaction: Redaction | None, *, fields: Sequence[str], max_chars: int) -> Put:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"value is of type {type(value).__name__}; pass a dict, or None to delete")
    validation.json_object(cast("object", value), "value")
    kept = _copy(cast("Mapping[str, Any]", value))
    kept = kept if redaction is None else redact_json(redaction, kept)
    texts = texts_of(kept, _paths(op.index, fields), max_chars=max_chars)
    if len(texts) > MAX_PARTS:
        raise InvalidInputError(f"index finds {len(texts)} texts, at most {MAX_PARTS} are possible; split the item")
    return Put(kept, texts, _kind(kept), _importance(kept), _minutes(op.ttl))


def _copy(value: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON that the caller cannot change while a model works."""
    try:
        return json.loads(json.dumps(value, default=dict))
    except ValueError:  # Python's own limit, which would also keep everybody from reading it
        pass
    raise InvalidInputError("value has a whole number of more than 4,300 digits; store it as a string")


def _paths(index: object, fields: Sequence[str]) -> Sequence[str]:
    if index is None:
        return fields
    if index is False:
        return ()
    if isinstance(index, (list, tuple)):
        paths = cast("Sequence[object]", index)
        if all(isinstance(path, str) for path in paths):
            return cast("Sequence[str]", paths)
    raise InvalidInputError("index is not usable; pass False, or a list of paths such as ['text', 'tags[*]']")


def _whole(value: Mapping[str, Any]) -> list[str]:
    for name in ("text", "content"):
        statement = value.get(name)
        if isinstance(statement, str) and statement.strip():
            return [statement]
    return get_text_at_path(value, "$") if value else []


def _kind(value: Mapping[str, Any]) -> Kind:
    given = value.get("kind")
    found: list[Kind] = [kind for kind in KINDS if kind == given]
    return found[0] if found else "semantic"


def _importance(value: Mapping[str, Any]) -> float:
    given = value.get("importance")
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 <= given <= 1:
        return float(given) if given >= validation.LEAST_SHARE else 0.0
    return 0.5


def _minutes(ttl: object) -> float | None:
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or not 0 < ttl <= MAX_MINUTES:
        raise InvalidInputError(f"ttl is {ttl!r:.40}; pass minutes, more than 0 and at most {MAX_MINUTES:.0e}, or None")
    return float(ttl)
