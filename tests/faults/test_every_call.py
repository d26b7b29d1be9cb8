"""The N-th call to the database, to the embedding model and to the chat model fails, for every public operation.

As in SQLite's tests: N = 1, 2, ... until the operation gets through without meeting the fault. Two faults of the
database: the backend is ended before the call; and the call is done, but its answer is lost. Neither may be seen by the
caller, or leave another state behind than a run without faults.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from langchain_persistmem import LocalEmbeddings, PersistMem, PersistMemError, Retention, Settings
from tests.faults.calls import Calls, Fault
from tests.faults.conftest import Place
from tests.faults.entry_points import Scene, arguments, entry_points, methods
from tests.faults.history import describe
from tests.faults.invariants import broken

pytestmark = [pytest.mark.ci, pytest.mark.slow]

SETTINGS = Settings(
    worker=False, pool_max=3, connect_seconds=5.0, quiet_seconds=0.0, retention=Retention(max_memories=3)
)
ONCE = {"saver.put"}
"""Makes a checkpoint of its own at each call, so that the states of two calls are the same only in number."""
OF_ALL = {"admin.maintain", "admin.reembed"}
"""They look through all namespaces: with those of earlier trials each would need more calls than the one before."""
LEASED = "a namespace whose claim got no answer waits until the lease ends, and the result has it as pending"
_trials: dict[tuple[str, str, bool], int] = {}


@asynccontextmanager
async def opened(place: Place, embeddings: Any, *, native: bool) -> AsyncIterator[PersistMem]:
    if native:
        async with PersistMem.aopen(
            place.dsn, embeddings=embeddings, settings=SETTINGS, store_index={"fields": ["text"]}
        ) as memory:
            yield memory
    else:
        with PersistMem.open(
            place.dsn, embeddings=embeddings, settings=SETTINGS, store_index={"fields": ["text"]}
        ) as memory:
            yield memory


def test_every_public_method_has_an_entry_point(place: Place, embeddings: LocalEmbeddings) -> None:
    """A method that is new is tested, or this fails and says what is missing."""
    with (
        PersistMem.open(place.dsn, embeddings=embeddings, settings=SETTINGS) as memory,
        psycopg.connect(place.admin_dsn, autocommit=True) as admin,
    ):
        scene = Scene(memory, False, admin, "ada")
        for name in methods():
            arguments(scene, name)


def cases() -> Iterator[Any]:
    """Every operation with both faults in both colours; a few of them are quick enough for every change."""
    short = {("remember", "unanswered"), ("remember", "ended"), ("observe", "unanswered"), ("store.batch", "ended")}
    short |= {("recall", "ended"), ("saver.put", "unanswered"), ("admin.process_pending", "unanswered")}
    short |= {("store.put", "unanswered"), ("forget everything", "unanswered")}
    for entry_point, fault, native in itertools.product(entry_points(), ("ended", "unanswered"), (False, True)):
        quick = (entry_point, fault) in short and native == (fault == "ended")
        marks = [] if quick else [pytest.mark.long_faults]
        if (entry_point, fault) == ("admin.reembed", "unanswered"):
            marks.append(pytest.mark.xfail(strict=True, reason=LEASED))
        yield pytest.param(
            entry_point, fault, native, marks=marks, id=f"{entry_point}-{fault}-{'asyncio' if native else 'blocking'}"
        )


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("entry_point", "fault", "native"), list(cases()))
async def test_the_nth_call_to_the_database_fails(
    place: Place,
    embeddings: LocalEmbeddings,
    calls: Calls,
    entry_point: str,
    fault: Fault,
    native: bool,
    figure: Callable[..., None],
) -> None:
    """N = 1 until it passes: the caller sees nothing, and the tables have what they have without a fault."""
    wrong: list[str] = []
    used: list[Scene] = []
    async with opened(place, embeddings, native=native) as memory:
        scenes = (Scene(memory, native, calls.admin, f"u{number}") for number in itertools.count())
        control = next(scenes)
        await control.prepare()
        await entry_points()[entry_point](control)
        expected = control.fingerprint()
        control.remove()
        for number in itertools.count(1):
            scene = next(scenes)
            used.append(scene)
            await scene.prepare()
            error: BaseException | None = None
            with calls.spoil(number, fault):
                try:
                    await entry_points()[entry_point](scene)
                except Exception as raised:  # noqa: BLE001 - any is wrong
                    error = raised
            if error is not None:
                wrong.append(f"call {number}: {describe(error)}")
            elif scene.fingerprint() != expected:
                found = scene.fingerprint()
                wrong.append(f"call {number}: {[(k, v, expected[k]) for k, v in found.items() if v != expected[k]]}")
            if wrong:
                break
            if not calls.met:
                break
            assert number < 200
            if entry_point in OF_ALL:
                wrong += [f"after call {number}: {fault}" for fault in broken(place.admin_dsn)]
                scene.remove(files=False)
        held = broken(place.admin_dsn)
        if held:
            wrong.append(f"after all: {held}")
        for each in used:
            each.file.unlink(missing_ok=True)
    _trials[entry_point, fault, native] = number - 1
    assert wrong == []
    figure(
        "F2 the N-th call of every operation",
        f"{sum(_trials.values())} faults in {len({each for each, *_ in _trials})} operations",
        "no error, the state of a run without faults",
        "no error, the same state",
    )


class Failing:
    """Embeddings whose N-th call fails."""

    def __init__(self, inner: LocalEmbeddings) -> None:
        self.inner = inner
        self.left: int | None = None

    def _count(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.left = None
                raise ConnectionError("I live in Oslo")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self._count()
        return self.inner.embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        self._count()
        return self.inner.embed_query(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("native", [False, True], ids=["blocking", "asyncio"])
async def test_the_nth_call_to_the_embedding_model_fails(
    place: Place, embeddings: LocalEmbeddings, native: bool, figure: Callable[..., None]
) -> None:
    """F13: a typed error without the text, nothing half-written, and the same call succeeds afterwards."""
    failing: Any = Failing(embeddings)
    name = PersistMem.open(place.dsn, embeddings=embeddings, settings=SETTINGS)
    model = name.backend.embedding_name
    name.close()
    settings = Settings(worker=False, quiet_seconds=0.0, embedding_model=model, embed_batch=1)
    trials, told = 0, list[bool]()
    async with (
        (
            PersistMem.aopen(place.dsn, embeddings=_Model(failing), settings=settings, store_index={"fields": ["text"]})
            if native
            else _entered(
                PersistMem.open(
                    place.dsn, embeddings=_Model(failing), settings=settings, store_index={"fields": ["text"]}
                )
            )
        ) as memory,
        await psycopg.AsyncConnection.connect(place.admin_dsn) as _,
    ):
        with psycopg.connect(place.admin_dsn, autocommit=True) as admin:
            for entry_point, call in entry_points().items():
                for number in itertools.count(1):
                    scene = Scene(memory, native, admin, f"{entry_point}-{number}".replace(".", "-").replace(" ", "-"))
                    await scene.prepare()
                    failing.left = number
                    try:
                        await call(scene)
                    except PersistMemError as error:
                        told += ["Oslo" in describe(error)]
                    met, failing.left = failing.left is None, None
                    assert broken(place.admin_dsn) == {}, (entry_point, number)
                    scene.remove()
                    if not met:
                        break
                    trials += 1
    assert not any(told)
    figure(
        f"F13 the N-th call of the embedding model ({'asyncio' if native else 'blocking'})",
        f"{trials} failures in {len(entry_points())} operations",
        "typed error without the text, all or nothing",
        "held",
    )


@asynccontextmanager
async def _entered(memory: PersistMem) -> AsyncIterator[PersistMem]:
    with memory:
        yield memory


def _Model(failing: Failing) -> Any:  # noqa: N802 - stands for a class
    from langchain_core.embeddings import Embeddings

    class Model(Embeddings):
        embed_documents = staticmethod(failing.embed_documents)
        embed_query = staticmethod(failing.embed_query)
        aembed_documents = staticmethod(failing.aembed_documents)
        aembed_query = staticmethod(failing.aembed_query)

    return Model()
