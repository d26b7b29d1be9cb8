"""The plan by which one namespace is searched, the exact scan or its HNSW index; remembered from the last search of it.

Every statement looks for itself whether it is the right one. So a plan that is out of date costs a second statement, and
never an answer. When each plan is taken: docs/explanation/database.md.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_MOST = 10_000
"""Namespaces that are remembered; most are small, have no HNSW index, and need not be."""
_USES = 64
"""Searches after which a longer plan is given up, to look whether a shorter one is possible by now."""

Plan = Literal["hnsw", "exact", "prefix"]
"""Along the HNSW index; by the exact scan although there is one; or by that of all namespaces under a prefix."""


@dataclass(frozen=True, slots=True)
class OtherPlan:
    """No answer, since another plan is right."""

    plan: Plan
    is_lasting: bool = True
    """True if it will be right for the next searches too."""


class ExactSearch(Protocol[T_co]):
    """An exact scan of one namespace."""

    def __call__(self, *, look_for_hnsw: bool) -> "Awaitable[T_co | OtherPlan]":
        """The answer, or the plan that is right instead.

        Args:
            look_for_hnsw: not to scan a namespace that has an HNSW index.
        """
        ...


class SearchPlans:
    """The plans of one process, by encoded namespace; for many threads and tasks."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Plan, int]] = OrderedDict()

    def of(self, namespace: str) -> Plan | None:
        """The plan that is remembered; None for the exact scan, if there is no HNSW index."""
        plan, uses = self._known.get(namespace, (None, 0))
        if plan in ("exact", "prefix"):
            if uses > 0:
                self._known[namespace] = plan, uses - 1
            else:
                self.forget(namespace)
        return plan

    def note(self, namespace: str, plan: Plan) -> None:
        """Take ``plan`` the next time."""
        self._known[namespace] = plan, _USES
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def forget(self, namespace: str) -> None:
        """Look anew the next time."""
        self._known.pop(namespace, None)

    async def search(
        self,
        namespace: str,
        *,
        exact: ExactSearch[T],
        hnsw: Callable[[], Awaitable[T | None]] | None,
        prefix: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """The answer of the first plan that is right: nearly always the remembered plan, and so one statement.

        Args:
            namespace: the encoded namespace.
            exact: scans it.
            hnsw: searches along its HNSW index, and returns None where that is not the way; None if no index can be used.
            prefix: scans it with all that lies below it; None where these are not asked for.
        """
        plan = self.of(namespace)
        if plan == "prefix" and prefix is not None:
            return await prefix()
        is_fixed = plan == "prefix"  # a plan for prefixes is not overwritten by a search that asks for none
        if plan is None or is_fixed:
            answer = await exact(look_for_hnsw=hnsw is not None)
            if not isinstance(answer, OtherPlan):
                return answer
            plan = answer.plan
            if answer.is_lasting and not is_fixed:
                self.note(namespace, plan)
        if plan == "hnsw" and hnsw is not None:
            along = await hnsw()
            if along is not None:
                return along
            if not is_fixed:
                self.note(namespace, "exact")
        if plan != "prefix":
            answer = await exact(look_for_hnsw=False)
            if not isinstance(answer, OtherPlan):
                return answer
            if answer.is_lasting:
                self.note(namespace, answer.plan)
        if prefix is None:
            raise AssertionError("the exact scan of a single namespace answers always")
        return await prefix()
