"""Erasing everything of a person: every namespace that names them, each in one transaction, verified before it commits.

The plan is stored first, without a name, so that an interrupted erasure can be found and finished. An erase ends a
namespace's generation: it waits for writers in progress, and later writers find that generation over.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from langchain_persistmem.errors import ConfigurationError, InvalidInputError, StorageError
from langchain_persistmem.postgres.connections.timeouts import without_deadline
from langchain_persistmem.postgres.queries import erasure_log, forget, generations, threads
from langchain_persistmem.postgres.queries.forget import CheckpointTables
from langchain_persistmem.runtime.backend import Backend
from langchain_persistmem.types.namespace import EVERYWHERE, Namespace, Pattern, encode, fill, placeholders
from langchain_persistmem.types.progress import Meter, Report
from langchain_persistmem.types.representation import cut, quote
from langchain_persistmem.types.results import Receipt
from langchain_persistmem.types.validation import check_list

_NOBODYS = "checkpoints of threads on which no run named a person: nothing in them says whose they are"
_NOTHING_FOUND = (
    "nothing was stored under this name: if it was erased before, that receipt names the threads that stayed for others' sake, "
    "which a later erasure does not know"
)


@dataclass(frozen=True, slots=True)
class _NamespaceErasure:
    """The rows that went with one namespace, or would."""

    counts: Mapping[str, int]
    shared: tuple[str, ...] = ()
    """Threads that stayed, because somebody else has them too."""
    ids: tuple[UUID, ...] = ()


async def everything(
    backend: Backend,
    namespace: Namespace,
    patterns: Sequence[Pattern],
    *,
    shared_threads: bool,
    dry_run: bool,
    now: datetime,
) -> Receipt:
    """Erase ``namespace``, and whatever is named by ``patterns``, deeper namespaces included.

    Args:
        shared_threads: erase the checkpoints of shared threads, too.
    """
    ended_generations: dict[Namespace, UUID] = {}
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        answers = [forget.namespaces_naming(tx, pattern) for pattern in patterns]
        tables = await forget.checkpoint_tables(tx)
        for answer in answers:
            ended_generations.update(await answer)
    if len(ended_generations) > 1 and not dry_run:  # a single one is one transaction: all or nothing
        async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
            for generation in ended_generations.values():
                erasure_log.plan_erasure(tx, generation, id=backend.new_id(), now=now)
    whole = sorted({namespace, *ended_generations})
    meter = Meter(None, "namespaces")
    receipt = await _erase_all(backend, whole, meter, tables, shared_threads=shared_threads, dry_run=dry_run, now=now)
    return await _with_unowned(backend, receipt, tables)


async def resume(backend: Backend, *, shared_threads: bool, progress: Report | None = None, now: datetime) -> Receipt:
    """Go on with every erasure that was interrupted."""
    async with backend.transaction(EVERYWHERE, repeatable=True) as tx:
        namespaces_left: list[Namespace] = []
        for generation, namespace in await erasure_log.open_erasures(tx):
            if namespace is None:  # it is gone already: nothing is left to do
                await erasure_log.complete_erasures(tx, generation, {}, id=backend.new_id(), now=now)
            else:
                namespaces_left.append(namespace)
        tables = await forget.checkpoint_tables(tx)
    meter = Meter(progress, "namespaces", len(namespaces_left))
    receipt = await _erase_all(
        backend, namespaces_left, meter, tables, shared_threads=shared_threads, dry_run=False, now=now
    )
    return await _with_unowned(backend, receipt, tables)


async def _erase_all(
    backend: Backend,
    whole: Sequence[Namespace],
    meter: Meter,
    tables: CheckpointTables | None,
    *,
    shared_threads: bool,
    dry_run: bool,
    now: datetime,
) -> Receipt:
    erasures: dict[Namespace, _NamespaceErasure] = {}
    for namespace in whole:
        bystanders = None if shared_threads else whole
        if dry_run:
            erasures[namespace] = await backend.step(_count_one, namespace, bystanders)
        else:
            erasures[namespace] = await backend.step(_erase_one, namespace, bystanders, tables, {}, now=now)
        meter.advance()
    total: Counter[str] = Counter()
    for erasure in erasures.values():
        total.update(erasure.counts)
    ids = tuple(id for erasure in erasures.values() for id in erasure.ids)
    shared_ids = sorted({thread for erasure in erasures.values() for thread in erasure.shared})
    return Receipt(
        erased=not dry_run,
        counts=dict(total),
        by_namespace={item: erasure.counts for item, erasure in erasures.items()},
        remaining_traces=(
            *(_shared_trace(item, dry_run=dry_run) for item in shared_ids),
            *((_NOTHING_FOUND,) if not ids and not dry_run else ()),
        ),
        ids=ids,
        # A shared thread that stayed may still have this person's words: one run of another person with its id was
        # enough to share it.
        verified=not dry_run and not shared_ids,
    )


def _shared_trace(thread_id: str, *, dry_run: bool) -> str:
    # After the erase nothing tells any more that the thread was this person's: a second erase would not find it.
    advice = "pass shared_threads=True to erase them too" if dry_run else "checkpointer.delete_thread deletes them"
    return f"the checkpoints of thread {quote(thread_id)}, which others have too: {advice}"


async def _with_unowned(backend: Backend, receipt: Receipt, tables: CheckpointTables | None) -> Receipt:
    """The receipt, which says so where some checkpoints are nobody's."""
    if tables is not None and await backend.step(_has_unowned_checkpoints, tables):
        return replace(receipt, remaining_traces=(*receipt.remaining_traces, _NOBODYS))
    return receipt


async def _has_unowned_checkpoints(backend: Backend, tables: CheckpointTables) -> bool:
    async with backend.transaction(EVERYWHERE, atomic=False) as tx:
        return await threads.has_checkpoints_of_nobody(tx, marks_owned=tables.marks_owned)


async def _count_one(backend: Backend, namespace: Namespace, among: Sequence[Namespace] | None) -> _NamespaceErasure:
    """Count everything that an erase of one namespace would take. It only reads, so that a replica can do it too."""
    async with backend.transaction(EVERYWHERE, snapshot=True) as tx:
        own_threads = await threads.threads_of(tx, namespace)
        shared = set[str]() if among is None else set(await threads.threads_of_others(tx, own_threads, among))
        going = [thread_id for thread_id in own_threads if thread_id not in shared]
        counts = await forget.count_rest_of_namespace(tx, namespace)
        if going and await forget.has_checkpoint_tables(tx):
            counts |= await forget.count_rest_of_checkpoints(tx, going)
        return _NamespaceErasure(counts, tuple(await forget.find_threads_with_checkpoints(tx, sorted(shared))))


async def _erase_one(
    backend: Backend,
    namespace: Namespace,
    among: Sequence[Namespace] | None,
    tables: CheckpointTables | None,
    earlier: dict[UUID, _NamespaceErasure],
    *,
    now: datetime,
) -> _NamespaceErasure:
    """Erase one namespace, and look through every table before that is committed.

    Args:
        among: the namespaces of the same person; None means that threads of others go too.
        tables: LangGraph's, if they were there a moment ago.
        earlier: the generation that an earlier try has ended, if no answer to its COMMIT came, and what it erased.
    """
    with without_deadline():  # a person may have much
        async with backend.transaction(EVERYWHERE, read_committed=True, repeatable=True) as tx:
            # Writers in progress finish first; later writers find that this generation is over.
            ending = generations.end_generation(tx, namespace)
            own_threads, generation = await threads.threads_of(tx, namespace), await ending
            if earlier and generation not in earlier:  # the COMMIT whose answer was lost has done it
                ended, erasure = next(iter(earlier.items()))
                return replace(erasure, ids=tuple(await erasure_log.erasures_of_generation(tx, ended)))
            if generation is None:  # what comes about from now on is another generation, of which nobody asked
                return _NamespaceErasure(dict.fromkeys(await forget.count_rest_of_namespace(tx, namespace), 0))
            shared_threads = (
                set[str]() if among is None else set(await threads.threads_of_others(tx, own_threads, among))
            )
            going = [thread_id for thread_id in own_threads if thread_id not in shared_threads]
            if going and tables is None and not await forget.has_checkpoint_tables(tx):
                going = []
            checkpoints = await forget.erase_checkpoints(tx, going) if going else {}
            # What awaits nothing travels with what erases; so does the count of what is left.
            erased, rest = await forget.erase_namespace(tx, namespace)
            counts = {**erased, **checkpoints}
            _verify(rest | (await forget.count_rest_of_checkpoints(tx, going) if going else {}))
            shared = await forget.find_threads_with_checkpoints(tx, sorted(shared_threads))
            erasure = earlier[generation] = _NamespaceErasure(counts, tuple(shared))
            completed = erasure_log.complete_erasures(tx, generation, counts, id=backend.new_id(), now=now)
    return replace(erasure, ids=tuple(await completed))  # which came with the COMMIT


def _verify(rest: Mapping[str, int]) -> None:
    """Check that an erase has left nothing.

    Args:
        rest: rows that are left, by table.

    Raises:
        StorageError: there is something: the erase is taken back.
    """
    remains = {table: count for table, count in rest.items() if count}
    if remains:
        raise StorageError(
            f"rows were left after an erase, which was taken back: {remains}; look for triggers and rules on these tables"
        )


def namespaces_of_person(own: Namespace, templates: Sequence[Namespace], user_id: str) -> list[Pattern]:
    """The beginnings of all namespaces of a person: ``own``, and those of ``erase_namespaces``; deeper ones are meant too."""
    return [own, *(_pattern(template, user_id) for template in templates)]


def _pattern(template: Namespace, user_id: str) -> Pattern:
    """Build the pattern of the namespaces that have ``user_id`` at its index in ``template``; deeper ones begin with it."""
    namespace = fill(template, {"user_id": user_id})
    return tuple(None if label == "*" else text for label, text in zip(template, namespace, strict=True))


def check_erase_namespaces(templates: Sequence[Namespace]) -> tuple[Namespace, ...]:
    """Return ``templates`` if each names a person: ``("agents", "*", "{user_id}")``, in which ``"*"`` is any label.

    Raises:
        ConfigurationError: one does not have ``{user_id}``, or has another name, or is malformed.
    """
    for template in check_list(templates, "erase_namespaces", at_most=1_000):
        try:
            encode(template)
        except InvalidInputError as error:
            raise ConfigurationError(f"erase_namespaces has what is no namespace: {error}") from error
        if set(placeholders(template)) != {"user_id"}:
            raise ConfigurationError(
                f"erase_namespaces has {cut(repr(template))}, which has to name the person and nobody else; write "
                "('agents', '{user_id}', 'notes'), with '*' for a label that may be any"
            )
    return tuple(templates)
