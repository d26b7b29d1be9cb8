"""The store against LangGraph's own ``InMemoryStore``, step by step, over whatever operations hypothesis thinks of.

Apart from the documented differences (``tests/support/reference_store.py``) everything has to be equal.
``HYPOTHESIS_PROFILE=deep`` looks for some minutes, and makes small what it finds.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from langchain_core.embeddings import Embeddings
from langgraph.store import memory as in_memory
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, Op, PutOp, SearchOp

from tests.store.test_store import check_counters
from tests.support import reference_store
from tests.support.reference_store import FIELDS, ORDERED, Namespace, Reference, answer, check_found, typed_operator

pytestmark = pytest.mark.slow

call, remembering = reference_store.call, reference_store.remembering

PROFILES = {
    # a failure is shown as it was met: making it small takes longer than a test may
    "quick": settings(max_examples=25, stateful_step_count=25, phases=[Phase.reuse, Phase.generate]),
    "deep": settings(max_examples=200, stateful_step_count=40),
}
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
SLOWLY = settings(
    PROFILES.get(PROFILE, PROFILES["quick"]),
    deadline=None,  # a database answers when it can
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


# -- what is put, and what is asked -----------------------------------------------------------------------

TEXTS = [
    "I like green tea",
    "My dog is called Rex",
    "I work as a tax lawyer",
    "我喜欢茶",
    "Das Fahrrad ist neu",
    " ",
    "",
]
NUMBERS = [0, 1, -1, 2, 9, 10, 100, 2**53, 2**53 + 1, 10**16, 10**23, 10**40, -0.0, 0.1, 1.0, 1e16, 1e23, 5e-324, 1e308]
STRINGS = ["", " ", "0", "1", "9", "10", "a", "B", "b", "Å", "é", "😀", "\\u0000", "\u2028", "'\"", "%s", "null", "a.b"]
letters = st.characters(codec="utf-8", exclude_characters="\x00")
words = st.sampled_from(STRINGS) | st.text(letters, max_size=8)
numbers = st.sampled_from(NUMBERS) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | words
json_values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.sampled_from(["x", "y"]), inner, max_size=3),
    max_leaves=6,
)
values = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(TEXTS),
        "n": leaves,
        "s": json_values,
        "tags": st.lists(st.sampled_from(TEXTS) | leaves, max_size=4),
        "deep": st.fixed_dictionaries({}, optional={"note": st.sampled_from(TEXTS), "x": leaves, "y": json_values}),
        "É %": json_values,
        "": json_values,
        "$odd": leaves,
    },
)

# a name that begins with "$" is an operator to both stores; one with a period looks inside, by choice
plain_names = st.sampled_from(["x", "y", "note", "", "É %"])
plain = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(plain_names, inner, max_size=2), max_leaves=4
)
operators = st.dictionaries(st.sampled_from(["$eq", "$ne"]), json_values, min_size=1, max_size=2) | st.dictionaries(
    st.sampled_from(sorted(ORDERED)), numbers | words, min_size=1, max_size=2
)
conditions = st.recursive(
    plain | operators,
    lambda inner: st.dictionaries(plain_names, inner, max_size=2) | st.lists(inner, max_size=2),
    max_leaves=4,
)
filters = st.none() | st.dictionaries(
    st.sampled_from(["text", "n", "s", "tags", "deep", "É %", "", "absent"]), conditions
)

LABELS = ["a", "b", "a/b", "a%2Fb", "%", " ", "*", "😀", "'\"", "日本", "\\", "%s", "user1", "user10", "0", "\x7f"]
labels = st.sampled_from(LABELS) | st.text(letters, min_size=1, max_size=5).filter(lambda label: "." not in label)
KNOWN: list[Namespace] = [("a",), ("a", "b"), ("a/b",), ("a", "b", "😀", "*"), ("user1",), ("user10",), ("user1", "x")]
namespaces = st.sampled_from(KNOWN) | st.lists(labels, min_size=1, max_size=4).map(tuple)
prefixes = st.just(()) | namespaces.flatmap(lambda each: st.integers(0, len(each)).map(lambda depth: each[:depth]))
keys = st.sampled_from(["k", "K", "k.1/%", "😀", " ", "'\""]) | st.text(letters, min_size=1, max_size=5)
indexes = (
    st.none() | st.just(False) | st.lists(st.sampled_from([*FIELDS, "tags[-1]", "{n,s}", "absent", "s"]), max_size=3)
)
# with half minutes the seconds that a run takes decide nothing
times_to_live = st.none() | st.sampled_from([10.5, 60.5, 600.5])
limits, offsets = st.integers(0, 5) | st.just(100), st.integers(0, 4)
wildcards = st.lists(st.just("*") | labels, max_size=3).map(tuple) | prefixes


def plainly_named(value: Any) -> bool:
    """Whether ``value`` is no operator, and looks nowhere inside, if it stands in a filter."""
    if isinstance(value, dict):
        return all("." not in name and name[:1] != "$" and plainly_named(inner) for name, inner in value.items())
    return all(map(plainly_named, value)) if isinstance(value, list) else True


def near(value: Any) -> st.SearchStrategy[Any]:
    """Conditions that ``value`` meets, or just does not."""
    if not plainly_named(value):
        return st.sampled_from([{"$eq": value}, {"$ne": value}])
    choices: list[st.SearchStrategy[Any]] = [
        st.just(value),
        leaves,
        st.fixed_dictionaries({}, optional={"$eq": st.just(value) | leaves, "$ne": st.just(value) | leaves}).filter(
            bool
        ),
        st.dictionaries(
            st.sampled_from(["$in", "$nin"]), st.lists(st.just(value) | json_values, max_size=3), min_size=1
        ),
    ]
    if isinstance(value, (int, float)):  # a truth value too
        beside = st.sampled_from([value, int(value), int(value) + 1, -value, bool(value), str(value)])
        bounds = beside.filter(lambda bound: not isinstance(bound, bool))
        choices += [beside, st.dictionaries(st.sampled_from(sorted(ORDERED)), bounds, min_size=1, max_size=2)]
    elif isinstance(value, str):
        bounds = st.sampled_from([value, value + "a", value[:-1], value.swapcase()]) | numbers
        choices.append(st.dictionaries(st.sampled_from(sorted(ORDERED)), bounds, min_size=1, max_size=2))
    elif isinstance(value, list):
        choices.append(st.tuples(*map(near, value)).map(list))
        choices.append(st.sampled_from([value[:-1], [*value, None], [value]]))
    elif isinstance(value, dict):
        named = {name: near(inner) for name, inner in value.items()}
        choices.append(st.fixed_dictionaries({}, optional={**named, "missing": st.none() | leaves}))
    return st.one_of(choices)


def filters_near(value: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Filters of one or two names that an item of ``value`` meets, or just does not."""
    named = {name: near(value.get(name)) for name in ("text", "n", "s", "tags", "deep", "É %", "")}
    pairs = st.sampled_from(sorted(named)).flatmap(lambda name: st.tuples(st.just(name), named[name]))
    return st.lists(pairs, min_size=1, max_size=2).map(dict)


puts = st.builds(PutOp, namespaces, keys, values, indexes, times_to_live)
reads = (
    st.builds(GetOp, namespaces, keys, st.booleans())
    | st.builds(SearchOp, prefixes, filters, limits, offsets, st.none(), st.booleans())
    | st.builds(
        ListNamespacesOp,
        st.none() | st.lists(st.builds(MatchCondition, st.sampled_from(["prefix", "suffix"]), wildcards)).map(tuple),
        st.none() | st.integers(1, 3),
        limits,
        offsets,
    )
)


# -- the machine ------------------------------------------------------------------------------------------


class Twins(RuleBasedStateMachine):
    """The store and its reference, which are asked the same."""

    call: Callable[..., Any]
    embeddings: Embeddings
    admin: "psycopg.Connection[Any]"
    database: str

    @initialize()
    def begin(self) -> None:
        for table in ("namespaces", "vectors", "terms"):
            self.admin.execute(f"DELETE FROM persistmem.{table}".encode())
        self.reference = Reference(self.embeddings)

    def both(self, ops: Sequence[Op]) -> tuple[list[Any], list[Any]]:
        ours, theirs = self.call("batch", ops), self.reference.batch(ops)
        written = {(op.namespace, op.key) for op in ops if isinstance(op, PutOp)}
        for op, result in zip(ops, theirs, strict=True):
            if isinstance(op, (GetOp, SearchOp)) and op.refresh_ttl:
                found = result if isinstance(result, list) else [result] if result else []
                self.reference.was_read([item for item in found if (item.namespace, item.key) not in written])
        return ours, theirs

    @rule(op=puts)
    def put(self, op: PutOp) -> None:
        self.both([op])

    @rule(namespace=namespaces, key=keys, value=values, index=indexes)
    def put_by_its_method(self, namespace: Namespace, key: str, value: dict[str, Any], index: Any) -> None:
        self.call("put", namespace, key, value, index=index)
        self.reference.put(namespace, key, value, index=index)

    @rule(data=st.data())
    def put_again(self, data: st.DataObject) -> None:
        if places := sorted(self.reference.changed):
            namespace, key = data.draw(st.sampled_from(places))
            self.both([PutOp(namespace, key, data.draw(values), data.draw(indexes), data.draw(times_to_live))])

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        namespace, key = data.draw(st.sampled_from([*sorted(self.reference.changed), (("a",), "k")]))
        self.call("delete", namespace, key)
        self.reference.delete(namespace, key)

    @rule(ops=st.lists(puts | puts.map(lambda op: op._replace(value=None)) | reads, max_size=6))
    def batch_of_anything(self, ops: list[Op]) -> None:
        ours, theirs = self.both(ops)
        assert [answer(each) for each in ours] == [answer(each) for each in theirs]

    @rule(op=reads)
    def read(self, op: Op) -> None:
        ((ours,), (theirs,)) = self.both([op])
        assert answer(ours) == answer(theirs)

    @rule(prefix=prefixes, filter=filters)
    def search_by_its_method(self, prefix: Namespace, filter: Any) -> None:
        ours = self.call("search", prefix, filter=filter, limit=100, refresh_ttl=False)
        theirs = self.reference.search(prefix, filter=filter, limit=100)
        assert answer(ours) == answer(theirs)

    @rule(data=st.data())
    def search_near_an_item(self, data: st.DataObject) -> None:
        if places := sorted(self.reference.changed):
            namespace, key = data.draw(st.sampled_from(places))
            asked = data.draw(st.lists(filters_near(self.reference.get(namespace, key).value), min_size=1, max_size=8))
            ours, theirs = self.both([SearchOp((), filter, 100, refresh_ttl=False) for filter in asked])
            for filter, mine, other in zip(asked, ours, theirs, strict=True):
                assert answer(mine) == answer(other), filter

    @rule(prefix=prefixes, filter=filters, query=st.sampled_from(TEXTS), limit=limits, offset=offsets)
    def search_by_meaning(self, prefix: Namespace, filter: Any, query: str, limit: int, offset: int) -> None:
        op = SearchOp(prefix, filter, 1000, 0, query, False)
        page = op._replace(limit=limit, offset=offset)
        ours, ours_paged = self.call("batch", [op, page])
        (theirs,) = self.reference.batch([op._replace(query=query.strip() or None)])
        check_found(ours, theirs)
        assert ours_paged == ours[offset : offset + limit]

    @rule(minutes=st.sampled_from([7, 60, 300]))
    def let_time_pass(self, minutes: int) -> None:
        for table in ("memories", "vectors"):
            query = f"UPDATE persistmem.{table} SET expires_at = expires_at - %s * interval '1 minute'"
            self.admin.execute(query.encode(), [minutes])
        self.reference.pass_time(minutes)

    @rule()
    def sweep(self) -> None:
        assert self.call("sweep_ttl") == len(self.reference.unswept)
        self.reference.unswept.clear()

    @invariant()
    def everything_is_equal(self) -> None:
        ops: list[Op] = [
            SearchOp((), limit=1000, refresh_ttl=False),
            ListNamespacesOp(limit=1000),
            SearchOp((), limit=1000, query="tea", refresh_ttl=False),
        ]
        items, listed, found = self.call("batch", ops)
        expected = self.reference.batch(ops)
        assert answer(items) == answer(expected[0])
        assert listed == expected[1]
        check_found(found, expected[2])
        for item in items:
            place = item.namespace, item.key
            unchanged = self.reference.created[place] == self.reference.changed[place]
            assert (item.created_at == item.updated_at) is unchanged

    def teardown(self) -> None:
        check_counters(self.database)


@given(st.data())
@SLOWLY
def everything_that_filters_tell_apart(call: Callable[..., Any], reference: Reference, data: st.DataObject) -> None:
    """A handful of items, and many filters near each."""
    kept = data.draw(st.lists(values, min_size=1, max_size=5))
    ops: list[Op] = [PutOp(("a",), f"k{n}", kept[n] if n < len(kept) else None, False) for n in range(5)]
    call("batch", ops)
    reference.batch(ops)
    asked = data.draw(st.lists(st.sampled_from(kept).flatmap(filters_near) | filters, min_size=10, max_size=30))
    searches: list[Op] = [SearchOp((), filter, 100) for filter in asked]
    for filter, mine, other in zip(asked, call("batch", searches), reference.batch(searches), strict=True):
        assert answer(mine) == answer(other), filter


@pytest.mark.timeout(0 if PROFILE == "deep" else 900)
def test_whatever_is_done_the_store_answers_as_langgraphs_own(
    call: Callable[..., Any], database: str, remembering: reference_store.Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "_apply_operator", typed_operator)
    with psycopg.connect(database, autocommit=True) as admin:

        class Here(Twins):
            pass

        Here.call, Here.embeddings, Here.admin, Here.database = staticmethod(call), remembering, admin, database
        run_state_machine_as_test(Here, settings=SLOWLY)


@pytest.mark.timeout(0 if PROFILE == "deep" else 900)
def test_filters_tell_apart_what_langgraphs_own_do(
    call: Callable[..., Any], remembering: reference_store.Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_memory, "_apply_operator", typed_operator)
    everything_that_filters_tell_apart(call, Reference(remembering))
