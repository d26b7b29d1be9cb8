"""The notebooks run from the first cell to the last, without a network, and are stored without outputs."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ci, pytest.mark.slow]

nbclient = pytest.importorskip(
    "nbclient", reason="install the group: uv run --group notebooks pytest tests/docs/test_notebooks.py"
)
nbformat = pytest.importorskip("nbformat", reason="comes with nbclient")
pytest.importorskip("ipykernel", reason="the kernel that runs the cells")

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the notebook runs, and where its temporary files go. Not below pytest's own: see conftest.server."""
    made = Path(tempfile.mkdtemp(prefix="persistmem-notebooks-"))
    monkeypatch.setenv("TMPDIR", str(made))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # jupyter_core warns where it is not set
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_top_to_bottom(path: Path, folder: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(
        notebook, timeout=250, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    client.execute(env=dict(os.environ))
    if folder_of_executed := os.environ.get("PERSISTMEM_NOTEBOOKS"):  # the site shows them with their outputs
        Path(folder_of_executed).mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, Path(folder_of_executed) / path.name)
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code" and cell.source)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
