"""LangGraph's store operations: a batch, checked as a whole before anything is done; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    NamespaceMatchType,
    Op,
    PutOp,
    SearchOp,
)

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.postgres.value_filter import condition, plain_filter
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.redaction.nested_values import redact_json
from langchain_persistmem.store.indexed_texts import paths_of, texts_of
from langchain_persistmem.types import validation
from langchain_persistmem.types.namespace import Namespace, encode, prefix_range
from langchain_persistmem.types.records import KINDS, Kind
from langchain_persistmem.types.representation import is_a, plain, represent, type_name

MAX_PARTS = 32_767
"""Vectors of one item: their number is a smallint in the database."""
MAX_TEXT_CHARS = 100_000
"""An item's text is cut here: a tsvector holds at most 1 MB. The value stays whole."""
MAX_MINUTES = 1e9
"""Some 1,900 years: Python's dates end at the year 9999."""
_MAX_COUNT = 2**61

_MATCH_TYPES: tuple[NamespaceMatchType, ...] = ("prefix", "suffix")

Read = GetOp | SearchOp | ListNamespacesOp


class InvalidLabelError(InvalidInputError, InvalidNamespaceError):
    """A label of a namespace cannot be in a LangGraph store; correct the named one."""


@dataclass(frozen=True, slots=True)
class Put:
    """The new value of a key."""

    value: dict[str, Any]
    texts: tuple[str, ...]
    """The texts to embed, one vector each; empty if the item is not indexed."""
    kind: Kind
    importance: float
    minutes: float | None
    """Time to live."""

    @property
    def text(self) -> str | None:
        """The text of the memory that the item is."""
        return "\n".join(self.texts)[:MAX_TEXT_CHARS] if self.texts else None


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked batch."""

    reads: Mapping[int, Read]
    """By index in the batch; the query of a search that only filters is None."""
    writes: Mapping[Namespace, Mapping[str, Put | None]]
    """The last put of each key; None deletes it."""

    @property
    def statements(self) -> int:
        """Number of statements for the reads: gets of one namespace share one."""
        gets = {op.namespace for op in self.reads.values() if isinstance(op, GetOp)}
        return len(gets) + sum(not isinstance(op, GetOp) for op in self.reads.values())

    @property
    def only_searches(self) -> bool:
        """Tell if it neither writes nor gets: nobody asks for what was just put."""
        return not self.writes and not any(isinstance(op, GetOp) for op in self.reads.values())

    @property
    def puts(self) -> list[Namespace]:
        """The namespaces in which anything is put."""
        return [namespace for namespace, by_key in self.writes.items() if any(by_key.values())]

    @property
    def texts(self) -> list[str]:
        """The texts to embed for the puts, each once."""
        puts = (put for by_key in self.writes.values() for put in by_key.values() if put is not None)
        return list(dict.fromkeys(text for put in puts for text in put.texts))

    @property
    def queries(self) -> list[str]:
        """The queries to embed for the searches, each once."""
        queries = (op.query for op in self.reads.values() if isinstance(op, SearchOp))
        return list(dict.fromkeys(query for query in queries if query is not None))


def plan(
    ops: Sequence[Op],
    *,
    fields: Sequence[str],
    max_chars: int,
    queries: bool = True,
    redaction: Redaction | None = None,
) -> Plan:
    """Check a batch.

    Args:
        ops: LangGraph's operations.
        fields: paths of the texts to embed, for puts without ``index``.
        max_chars: length at which a text is cut before it is embedded.
        queries: False for a store without an index, whose searches only filter, as those of LangGraph's stores do.
        redaction: applied to values, queries and filters; keys and namespaces stay as they are.

    Raises:
        InvalidInputError: an operation cannot be done; the message has its index in the batch and the path.
        InvalidNamespaceError: a label is empty, no string, or has a period.
    """
    reads: dict[int, Read] = {}
    writes: dict[Namespace, dict[str, Put | None]] = {}
    for index, any_op in enumerate(ops):
        try:
            op = _plain_op(any_op)
            if isinstance(op, PutOp):
                namespace, key = _key(op)
                put = None if op.value is None else _put(op, op.value, redaction, fields=fields, max_chars=max_chars)
                writes.setdefault(namespace, {})[key] = put  # the last put of a key wins
            else:
                read = _read(op) if queries else _without_query(_read(op))
                reads[index] = _redact(read, redaction)
        except InvalidInputError as error:
            # The caller of a single method, such as get(), knows no batch and needs no index.
            if len(ops) == 1:
                raise
            raise InvalidInputError(f"ops[{index}]: {error}; nothing of the batch was done") from None
    return Plan(reads, writes)


def match_namespaces(namespaces: Sequence[Namespace], op: ListNamespacesOp) -> list[Namespace]:
    """Select the namespaces that ``op`` lists: those that match, cut to its depth, each once, in order."""
    conditions = op.match_conditions or ()
    matches = {item[: op.max_depth] for item in namespaces if all(_is_match(item, match) for match in conditions)}
    return sorted(matches)[op.offset : op.offset + op.limit]


def literal_prefix(op: ListNamespacesOp) -> Namespace:
    """Return the longest prefix without ``*`` that ``op`` requires, so that no other namespaces are read."""
    longest: Namespace = ()
    for path in (match.path for match in op.match_conditions or () if match.match_type == "prefix"):
        literal = tuple(path[: path.index("*")] if "*" in path else path)
        longest = max(longest, literal, key=len)
    return longest


def _is_match(namespace: Namespace, match: MatchCondition) -> bool:
    path = tuple(match.path)
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if match.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(pattern in ("*", label) for label, pattern in zip(part, path, strict=True))


def _plain_op(op: object) -> Op:
    """An operation of LangGraph's own class, its fields read once: one of a derived class may give another value each time."""
    for kind in (GetOp, SearchOp, PutOp, ListNamespacesOp):
        if is_a(op, kind):
            fields: tuple[Any, ...] = plain(cast("object", op))
            if len(fields) == len(kind._fields):
                return kind(*fields)
    raise InvalidInputError(f"an operation is of type {type_name(op)}; use GetOp, SearchOp, PutOp or ListNamespacesOp")


def _key(op: GetOp | PutOp) -> tuple[Namespace, str]:
    """The namespace and the key of an item, as plain texts: a text of one's own type may compare as it likes."""
    namespace = check_labels(op.namespace, "namespace")
    encode(namespace)
    return namespace, validation.name(op.key, "key")


def check_labels(labels: object, where: str) -> Namespace:
    """Return the labels of a namespace or of a part of one, as LangGraph's stores take them; an error quotes none.

    Raises:
        InvalidInputError: they are no tuple or list.
        InvalidNamespaceError: a label is empty, no string, or has a period or NUL.
    """
    if not (is_a(labels, tuple) or is_a(labels, list)):  # a string would pass as a tuple of its letters
        raise InvalidInputError(f"{where} is of type {type_name(labels)}; pass a tuple of strings")
    entries: Sequence[object] = plain(cast("object", labels))
    for position, label in enumerate(entries):
        fault = _fault_of_label(label)
        if fault:
            raise InvalidLabelError(f"{where}[{position}] {fault}")
    return tuple(cast("Sequence[str]", entries))


def _fault_of_label(label: object) -> str | None:
    if not is_a(label, str):
        return f"is of type {type_name(label)}; every label is a string"
    if not label:
        return "is empty; every label has at least one character"
    if "." in label:
        return "has a period, which LangGraph's stores keep for themselves; use another character"
    return "has a NUL character; take it out" if "\x00" in label else None


def _read(op: Read) -> Read:
    if isinstance(op, GetOp):
        _check_switch(op.refresh_ttl)
        namespace, key = _key(op)
        return op._replace(namespace=namespace, key=key)
    if isinstance(op, SearchOp):
        _check_switch(op.refresh_ttl)
        return _search(op)
    return _listing(op)


def _check_switch(refresh_ttl: object) -> None:
    """Check what a read does to an item's time to live, which nothing but True prolongs."""
    if not is_a(refresh_ttl, bool):
        raise InvalidInputError(f"refresh_ttl is of type {type_name(refresh_ttl)}; pass True or False")


def _without_query(op: Read) -> Read:
    return op._replace(query=None) if isinstance(op, SearchOp) else op


def _search(op: SearchOp) -> SearchOp:
    prefix = check_labels(op.namespace_prefix, "namespace_prefix")
    prefix_range(prefix)
    filter = plain_filter(op.filter)
    condition(filter)  # a bad filter is refused before a model is paid for
    return SearchOp(
        prefix,
        cast("dict[str, Any] | None", filter),
        limit=validation.count(op.limit, "limit", at_most=_MAX_COUNT),
        offset=validation.count(op.offset, "offset", at_most=_MAX_COUNT),
        query=_query(op.query),
        refresh_ttl=op.refresh_ttl,
    )


def _query(query: object) -> str | None:
    if query is None:
        return None
    query = plain(query)
    if not is_a(query, str):
        raise InvalidInputError(f"query is of type {type_name(query)}; pass a string")
    return validation.storable(query, "query") if query.strip() else None


def _listing(op: ListNamespacesOp) -> ListNamespacesOp:
    conditions = () if op.match_conditions is None else validation.check_list(op.match_conditions, "match_conditions")
    listing = ListNamespacesOp(
        tuple(_match(match) for match in conditions),
        None if op.max_depth is None else validation.count(op.max_depth, "max_depth", at_least=1),
        validation.count(op.limit, "limit", at_most=_MAX_COUNT),
        validation.count(op.offset, "offset", at_most=_MAX_COUNT),
    )
    prefix_range(literal_prefix(listing))
    return listing


def _match(match: object) -> MatchCondition:
    if not is_a(match, MatchCondition):
        raise InvalidInputError(f"match_conditions has a {type_name(match)}; pass MatchConditions")
    fields: tuple[object, ...] = plain(cast("object", match))
    name, *paths = fields or (None,)
    kinds = [kind for kind in _MATCH_TYPES if is_a(name, str) and name == kind]
    if not kinds or len(paths) != 1:
        raise InvalidInputError(f"match_type is {represent(name)}; use 'prefix' or 'suffix'")
    return MatchCondition(cast("NamespaceMatchType", kinds[0]), check_path(paths[0], "match_conditions"))


def check_path(path: object, where: str) -> Namespace:
    """Return the beginning or the end of namespaces; a string is one label, never its letters."""
    return check_labels((path,) if is_a(path, str) else path, where)


def _redact(op: Read, redaction: Redaction | None) -> Read:
    """Redact a search: stored values have placeholders, so the query and the filter need the same ones."""
    if redaction is None or not isinstance(op, SearchOp):
        return op
    query = redaction.redact(op.query) if op.query is not None else None
    return op._replace(query=query, filter=redact_json(redaction, op.filter))


def _put(op: PutOp, value: object, redaction: Redaction | None, *, fields: Sequence[str], max_chars: int) -> Put:
    if not is_a(value, Mapping):
        raise InvalidInputError(f"value is of type {type_name(value)}; pass a dict, or None to delete")
    # A copy, so that the caller cannot change it while a model works.
    copy = validation.json_object(cast("object", value), "value")
    copy = copy if redaction is None else redact_json(redaction, copy)
    texts = texts_of(copy, paths_of(op.index, fields), max_chars=max_chars)
    if len(texts) > MAX_PARTS:
        raise InvalidInputError(f"index finds {len(texts)} texts, at most {MAX_PARTS} are possible; split the item")
    return Put(copy, texts, _kind(copy), _importance(copy), check_minutes(op.ttl, "ttl"))


def _kind(value: Mapping[str, Any]) -> Kind:
    name = value.get("kind")
    matches: list[Kind] = [kind for kind in KINDS if kind == name]
    return matches[0] if matches else "semantic"


def _importance(value: Mapping[str, Any]) -> float:
    number = value.get("importance")
    if isinstance(number, (int, float)) and not isinstance(number, bool) and 0 <= number <= 1:
        return float(number) if number >= validation.LEAST_SHARE else 0.0
    return 0.5


def check_minutes(ttl: object, where: str) -> float | None:
    """Return a time to live in minutes, checked; None is for ever."""
    ttl = plain(ttl)
    if ttl is None:
        return None
    if is_a(ttl, bool) or not (is_a(ttl, int) or is_a(ttl, float)) or not 0 < ttl <= MAX_MINUTES:
        raise InvalidInputError(
            f"{where} is {represent(ttl)}; pass minutes, more than 0 and at most {MAX_MINUTES:.0e}, or None"
        )
    return float(ttl)
