"""Each behaviour exists once: every public x has an ax of the same signature and docstring, and both run the same code."""

import inspect
import pydoc
import typing
from typing import Any

import pytest

from langchain_persistmem import (
    PersistMem,
    PersistMemSaver,
    PersistMemStore,
    UseAsyncMethodError,
    aimport_postgres_store,
    arun_command,
    import_postgres_store,
    run_command,
)
from tests.support.public_methods import GROUPS, get_function, get_path, public_methods, twin_name

FUNCTIONS = {"run_command": (run_command, arun_command), "import": (import_postgres_store, aimport_postgres_store)}
LIFECYCLE = ("open", "close")
"""Written twice: they make or end what the others run on."""
SPOKEN = {name: f"PersistMem.{name}" if "." not in name else f"memory.{name}" for name in public_methods()}
PAIRS = [name for name in public_methods() if name not in LIFECYCLE and not name.startswith("admin.import_")]


@pytest.mark.parametrize("name", sorted(public_methods()))
def test_each_method_has_an_async_twin_of_the_same_signature(name: str) -> None:
    twin = get_function(twin_name(name))
    ours = inspect.signature(get_function(name))
    theirs = inspect.signature(twin)
    assert ours.parameters == theirs.parameters
    if name != "open":
        assert inspect.iscoroutinefunction(twin)
        assert not inspect.iscoroutinefunction(get_function(name))
        assert ours.return_annotation == theirs.return_annotation


@pytest.mark.parametrize("name", PAIRS)
def test_both_of_a_pair_say_what_they_are_and_what_they_do(name: str) -> None:
    group, _, method = name.rpartition(".")
    for path in (name, twin_name(name)):
        function = get_function(path)
        assert function.__name__ == path.rpartition(".")[2]
        assert function.__qualname__ == f"{GROUPS[group].__name__}.{function.__name__}"
        assert function.__doc__ == get_function(name).__doc__
        shown = "".join(pydoc.plain(pydoc.render_doc(function)).split())  # Python 3.13 breaks long signatures
        assert f"{function.__name__}(self" in shown
        assert "".join((function.__doc__ or "").splitlines()[0].split()) in shown
        assert typing.get_type_hints(function, vars(inspect.getmodule(function)) | {"PersistMem": PersistMem})
    assert not hasattr(GROUPS[group], f"a_{method}")


@pytest.mark.parametrize("pair", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_are_pairs_too(pair: tuple[Any, Any], memory: PersistMem) -> None:
    blocking, awaiting = pair
    assert inspect.signature(blocking) == inspect.signature(awaiting)
    assert awaiting.__name__ == f"a{blocking.__name__}"
    assert blocking.__doc__ == awaiting.__doc__
    with pytest.raises(TypeError, match=rf"^{blocking.__name__}\(\) got an unexpected keyword argument"):
        blocking(memory, nonsense=1)


@pytest.mark.parametrize("name", PAIRS)
async def test_a_wrong_argument_is_refused_in_the_name_of_the_method(
    name: str, memory: PersistMem, amemory: PersistMem
) -> None:
    spoken = SPOKEN[name]
    with pytest.raises(TypeError) as refused:
        get_path(memory, name)(nonsense=1)
    assert str(refused.value).startswith(f"{spoken}() ")
    for opened in (memory, amemory):
        with pytest.raises(TypeError) as refused:
            await get_path(opened, twin_name(name))(nonsense=1)
        assert str(refused.value).startswith(f"{twin_name(spoken)}() ")


@pytest.mark.parametrize("name", PAIRS)
async def test_a_blocking_method_on_an_async_memory_names_the_one_to_await(name: str, amemory: PersistMem) -> None:
    with pytest.raises(UseAsyncMethodError) as refused:
        get_path(amemory, name)()
    assert f"use: await memory.{twin_name(name)}(...)" in str(refused.value)


@pytest.mark.parametrize("kind", [PersistMemStore, PersistMemSaver])
def test_the_entry_points_serve_both_colours(kind: type) -> None:
    for name in ("batch", "setup", "get_tuple", "put"):
        if hasattr(kind, name):
            assert callable(getattr(kind, f"a{name}"))


def test_every_public_method_says_what_it_raises() -> None:
    for name, member in public_methods().items():
        assert inspect.getdoc(member), name
    for name in ("open", "setup", "remember", "observe", "recall", "context", "get", "list", "forget"):
        assert "Raises:" in (inspect.getdoc(getattr(PersistMem, name)) or ""), name


def test_the_first_level_can_be_learnt_by_heart() -> None:
    methods = [name for name in public_methods() if "." not in name]
    assert sorted(methods) == sorted(
        [
            "close",
            "context",
            "edit",
            "explain",
            "forget",
            "get",
            "list",
            "observe",
            "open",
            "profile",
            "recall",
            "remember",
            "setup",
            "update_profile",
        ]
    )
