"""Each behaviour exists once: every public x has an ax of the same signature, and both run the same code."""

import inspect

import pytest

from langchain_persistmem import PersistMem, PersistMemSaver, PersistMemStore

COUNTERPARTS = {"open": "aopen", "close": "aclose"}
SYNC_ONLY = {"whose"}


def public_methods(kind: type) -> dict[str, object]:
    """The blocking methods; ``ax`` is the twin of ``x``."""
    members = {
        name: member
        for name, member in inspect.getmembers(kind, callable)
        if not name.startswith("_") and name not in SYNC_ONLY
    }
    twins = {f"a{name}" for name in members}
    return {name: member for name, member in members.items() if name not in twins}


@pytest.mark.parametrize("name", sorted(public_methods(PersistMem)))
def test_each_method_has_an_async_twin_of_the_same_signature(name: str) -> None:
    twin = getattr(PersistMem, COUNTERPARTS.get(name, f"a{name}"))
    ours = inspect.signature(getattr(PersistMem, name))
    theirs = inspect.signature(twin)
    assert ours.parameters == theirs.parameters
    if name != "open":
        assert inspect.iscoroutinefunction(twin)
        assert ours.return_annotation == theirs.return_annotation


@pytest.mark.parametrize("kind", [PersistMemStore, PersistMemSaver])
def test_the_doors_serve_both_colours(kind: type) -> None:
    for name in ("batch", "setup", "get_tuple", "put"):
        if hasattr(kind, name):
            assert callable(getattr(kind, f"a{name}"))


def test_every_public_method_says_what_it_raises() -> None:
    for name, member in public_methods(PersistMem).items():
        assert inspect.getdoc(member), name
    for name in ("open", "setup", "remember", "observe", "recall", "context", "get", "list", "forget"):
        assert "Raises:" in (inspect.getdoc(getattr(PersistMem, name)) or ""), name
