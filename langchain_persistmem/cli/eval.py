"""`persistmem eval`: how well recall finds the evidence, beside plain cosine and plain BM25. Goes on where it stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.documents import BaseDocumentCompressor
from rich import box
from rich.table import Table

from langchain_persistmem.cli import values
from langchain_persistmem.cli.ingest import chunks, survey
from langchain_persistmem.cli.json_output import print_json
from langchain_persistmem.cli.opening import open_memory
from langchain_persistmem.cli.parser import GOES_ON, Subcommands, add_command, add_json, dsn_of
from langchain_persistmem.cli.progress import show_progress
from langchain_persistmem.cli.terminal import note, out, waiting
from langchain_persistmem.errors import InvalidInputError, MissingDependencyError
from langchain_persistmem.runtime.models.model_names import Models, models_of
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.namespace import Namespace

if TYPE_CHECKING:
    from langchain_persistmem.evaluation.questions import Question
    from langchain_persistmem.evaluation.run import Answer
    from langchain_persistmem.evaluation.systems import ConversationTurn

_ALL = 1_000_000
_SHOWN = ("R@5", "R@10", "all@10", "nDCG@10", "sR@5")  # what fits 80 columns; results.json has all


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    # The help has the form of a question, for whoever measures with data of their own.
    parser = add_command(
        subcommands,
        "eval",
        "measure how well recall finds the turns that answer questions, beside plain cosine and plain BM25",
        "persistmem eval chats.jsonl questions.jsonl --out results\n\nconversations as for `persistmem ingest`, "
        "or one file of LoCoMo, REALTALK or\nLongMemEval; one question per line, plain or gzip:\n"
        '  {"qid": "q1", "user_id": "maya", "query": "Where does Maya live?",\n'
        '   "asked_at": "2026-05-01T12:00:00+02:00", "category": "facts", "gold": ["turn-17"]}',
        resume=GOES_ON,
    )
    parser.add_argument("conversations", metavar="CONVERSATIONS", type=values.path, help="JSON Lines, plain or gzip")
    parser.add_argument(
        "questions",
        metavar="QUESTIONS",
        type=values.path,
        nargs="?",
        help="JSON Lines, plain or gzip; not for a public set",
    )
    parser.add_argument(
        "--reranker",
        metavar="MODULE:NAME",
        type=values.label,
        help="a LangChain document compressor, or a function that makes one, to be measured beside our order",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=values.path,
        default=Path("persistmem-eval"),
        help="folder of results.json, results.png and all that lets the run go on (default: persistmem-eval)",
    )
    parser.add_argument("--users", metavar="N", type=values.whole_number, help="only the first N users")
    parser.add_argument(
        "--leave-out",
        metavar="CATEGORY",
        type=values.name,
        action="append",
        default=[],
        help="a category that does not count in 'all'; may be repeated",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, ask, count."""
    # Imported here: plotting and ranking need packages that no other subcommand has.
    try:
        from langchain_persistmem.evaluation import report
        from langchain_persistmem.evaluation.questions import read_questions
    except ImportError as error:
        raise MissingDependencyError(
            f"eval needs {error.name}; run: pip install 'langchain-persistmem[eval]'"
        ) from error
    reranker = None if options.reranker is None else _load(options.reranker)
    conversations, questions_file = _files(options)
    with waiting("checking every line"):
        users = _users(conversations)
        questions = read_questions(
            questions_file, {user: frozenset(turn.id for turn in turns) for user, turns in users.items()}
        )
    sample = dict(list(users.items())[: options.users])
    _make_folder(options.out)
    _same_run(options)
    models = models_of(options.embeddings, None, Settings())
    sample_questions = [question for question in questions if question.user_id in sample]
    answers = _answer(options, models, sample, sample_questions, reranker)
    results = report.figures(answers, excluded=options.leave_out)
    (options.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    report.plot(results, options.out / "results.png", f"{options.conversations.name}, {models.embedding_name}")
    if options.json:
        print_json(results)
    else:
        _show(results, options.out)
    return 0


def _answer(
    options: argparse.Namespace,
    models: Models,
    users: Mapping[str, Sequence[ConversationTurn]],
    questions: Sequence[Question],
    reranker: BaseDocumentCompressor | None,
) -> list[Answer]:
    """Put the questions to every system, and return the answers, those of an interrupted run included."""
    from langchain_persistmem.evaluation import embedding_cache, systems
    from langchain_persistmem.evaluation import run as run_flow

    if dsn_of(options) is None and options.data_dir is None:
        options.data_dir = options.out / "data"
    if models.embeddings is None or models.embedding_name is None:
        raise InvalidInputError("--embeddings names no model")
    vectors = embedding_cache.EmbeddingCache(models.embeddings, models.embedding_name, options.out / "vectors.sqlite")
    # A namespace of the run's own: an interrupted run finds its turns again, and another one does not see them.
    namespace: Namespace = ("evaluation", _print_of(options)[:16], "{user_id}")
    log = run_flow.AnswerLog(options.out / "answers.jsonl")
    open_with = partial(
        open_memory,
        options,
        namespace=namespace,
        embeddings=vectors,
        embedding_model=models.embedding_name,
        worker=False,
    )
    with ExitStack() as stack:
        memory = stack.enter_context(open_with(set_up=True))
        compared_systems: list[systems.System] = [
            systems.PersistMemSystem(memory),
            systems.CosineSystem(vectors),
            systems.Bm25System(),
        ]
        if reranker is not None:
            reranking_memory = stack.enter_context(open_with(reranker=reranker))
            compared_systems.append(systems.PersistMemSystem(reranking_memory, name=systems.RERANKED))
        with show_progress(options) as progress:
            run_flow.evaluate(compared_systems, users, questions, log, memory=memory, progress=progress)
    vectors.close()
    ids = {question.id for question in questions}
    return [answer for answer in log.answers if answer.question in ids]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"--out {folder} can be no folder ({type(error).__name__}); give the name of one"
        ) from error


def _load(path: str) -> BaseDocumentCompressor:
    """The re-ranker, imported.

    Raises:
        InvalidInputError: it cannot be imported.
    """
    module, _, name = path.partition(":")
    try:
        target: Any = getattr(import_module(module), name)
        return target if isinstance(target, BaseDocumentCompressor) else target()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"--reranker {path[:80]!r}: {type(error).__name__}; write the module that can be imported, a colon and the name "
            "of a document compressor, or of a function without arguments that makes one"
        ) from error


def _files(options: argparse.Namespace) -> tuple[Path, Path]:
    """Conversations and questions; of a public set, files made of it."""
    if options.questions is not None:
        return options.conversations, options.questions
    from langchain_persistmem.evaluation.public_sets import read_public_set, write_lines

    public_set = read_public_set(options.conversations)
    _make_folder(options.out)
    return (
        write_lines(public_set.users, options.out / "conversations.jsonl"),
        write_lines(public_set.questions, options.out / "questions.jsonl"),
    )


def _users(path: Path) -> dict[str, list[Any]]:
    """Each user's turns in the order of the file."""
    from langchain_persistmem.evaluation.systems import ConversationTurn

    users: dict[str, list[Any]] = {}
    for counts in survey([path]).threads.values():
        for (user_id, session), messages in chunks(path, counts, _ALL):
            users.setdefault(user_id, []).extend(
                ConversationTurn(id=message["id"], session=session, text=message["content"], message=message)
                for message in messages
            )
    return users


def _print_of(options: argparse.Namespace) -> str:
    """The identity of a run: the same files, the same embedder, the same version."""
    digest = hashlib.sha256()
    for path in filter(None, (options.conversations, options.questions)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update("\x1f".join((options.embeddings, version("langchain-persistmem"))).encode())
    if options.reranker is not None:
        digest.update(options.reranker.encode())
    return digest.hexdigest()


def _same_run(options: argparse.Namespace) -> None:
    """Refuse to mix two runs in one folder.

    Raises:
        InvalidInputError: the folder has the answers of another run.
    """
    path, about = options.out / "run.json", {"run": _print_of(options)}
    if not path.exists():
        path.write_text(json.dumps(about) + "\n")
    elif json.loads(path.read_text()) != about:
        raise InvalidInputError(
            f"{options.out} has the answers of other files, another embedding model or another version; "
            "give another --out, or delete that folder"
        )


def _show(results: Mapping[str, Any], folder: Path) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("category", max_width=16)
    table.add_column("system", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for name in _SHOWN:
        table.add_column(name, justify="right", no_wrap=True)
    # All systems answered the same questions, so the first has every category.
    first = next(iter(results["systems"].values()))["categories"]
    for category in first:
        for index, (system, figures) in enumerate(results["systems"].items()):
            row = figures["categories"][category]
            cells = [_figure(row[name], wide=name in ("R@5", "R@10")) for name in _SHOWN]
            last = index == len(results["systems"]) - 1
            table.add_row("" if index else category, system, "" if index else str(row["n"]), *cells, end_section=last)
    out().print(table)
    for metric in ("R@5", "R@10"):
        if metric in results["differences"]:
            difference = results["differences"][metric]
            out().print(
                f"{metric}: {100 * difference['mean']:+.1f} points against {difference['against']} "
                f"(95 % interval {100 * difference['low']:+.1f} to {100 * difference['high']:+.1f})"
            )
    _show_rule(results["rule"])
    seen = results["context"]
    if "evidence" in seen:
        out().print(
            f"context: {seen['tokens']:.0f} tokens of {seen['history_tokens']:.0f} ({100 * seen['share']:.1f} %) "
            f"hold {100 * seen['evidence']:.1f} % of the evidence"
        )
    if "silent_unanswerable" in seen:
        out().print(
            f"threshold: silent for {100 * seen['silent_unanswerable']:.0f} % of the questions without an answer, "
            f"and for {100 * seen['silent_answerable']:.0f} % of the others"
        )
    note(f"in {folder}: results.json, results.png, answers.jsonl")


def _show_rule(rule: Mapping[str, Any]) -> None:
    """Say where a sort of question is served worse than by one of the simple systems."""
    violations = [
        f"{category}, {metric}: {100 * comparison['gain']:+.1f} against {comparison['against']}"
        for category, by_metric in rule.items()
        for metric, comparison in by_metric.items()
        if not comparison["kept"]
    ]
    if rule:
        out().print(
            "never a point below the better of the others: " + ("broken in" if violations else "kept in every category")
        )
    for line in violations:
        out().print(f"  {line}")


def _figure(figure: Mapping[str, float], *, wide: bool) -> str:
    mean = f"{100 * figure['mean']:.1f}"
    return f"{mean} ±{50 * (figure['high'] - figure['low']):.1f}" if wide else mean
