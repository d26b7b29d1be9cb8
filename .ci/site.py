"""Build the site: stage the pages in build/docs, then let Zensical make build/site/VERSION of them.

The pages stay where GitHub shows them. What the site needs on top is made here: links that leave docs/ lead to staged
copies, notebooks are run and become pages with their plots, docs/README.md becomes the navigation, and mermaid, which
draws the diagrams, is taken from its npm package, so that a page that is read asks no other host for anything.

    uv run --group docs python .ci/site.py
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor

import langchain_persistmem
from langchain_persistmem import PersistMem
from langchain_persistmem.client.group import Group

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
STAGE, EXECUTED, SITE = BUILD / "docs", BUILD / "notebooks", BUILD / "site"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

MERMAID = "mermaid@12.3.0"
MERMAID_INTEGRITY = "sha512-4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw=="

LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")
FENCE = re.compile(r"^(```.*?^```)$", re.MULTILINE | re.DOTALL)
IMAGES = {".png", ".svg"}
LANGUAGES = {".json": "json", ".py": "python", ".toml": "toml", ".sql": "sql"}

pages = {ROOT / "README.md": STAGE / "index.md", ROOT / "docs" / "README.md": STAGE / "contents.md"}
pages |= {path: STAGE / path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md") if path not in pages}
pages |= {ROOT / name: STAGE / name.lower() for name in ("CHANGELOG.md", "CONTRIBUTING.md")}
notebooks = {path: STAGE / "notebooks" / f"{path.stem}.md" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
pages |= notebooks


def main() -> None:
    """Stage, build, check."""
    shutil.rmtree(STAGE, ignore_errors=True)
    for source, page in list(pages.items()):
        text, files = notebook_page(source) if source in notebooks else (source.read_text(), {})
        write(page, relink(text, source, page))
        for name, content in files.items():
            (page.parent / name).write_bytes(content)
    write(STAGE / "notebooks" / "index.md", notebook_index())
    write(STAGE / "SUMMARY.md", navigation())

    target = SITE / VERSION
    shutil.rmtree(target, ignore_errors=True)
    zensical = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", ".mkdocs.yml"]
    environment = {**os.environ, "PERSISTMEM_SITE": target.relative_to(ROOT).as_posix()}
    if subprocess.run(zensical, cwd=ROOT, env=environment, check=False).returncode:
        sys.exit("the site is not built: see the warnings above")
    bundle_mermaid(target)
    list_versions()
    check(target)
    print(f"{target.relative_to(ROOT)}: {len(list(target.rglob('*.html')))} pages")


def write(page: Path, text: str) -> None:
    """Write a staged page."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text)


def relink(text: str, source: Path, page: Path) -> str:
    """``text`` with its links, which are relative to ``source``, made relative to the staged ``page``."""

    def target(match: re.Match[str]) -> str:
        if re.match(r"\w+:", match[1]):
            return match[1]
        path = (source.parent / match[1]).resolve()
        if path == ROOT / "notebooks":
            return os.path.relpath(STAGE / "notebooks" / "index.md", page.parent)
        if path.is_file() and path not in pages:
            pages[path] = copy_image(path) if path.suffix in IMAGES else source_page(path)
        return os.path.relpath(pages[path], page.parent) if path in pages else match[1]

    parts = FENCE.split(text)  # code at the odd positions
    return "".join(part if number % 2 else LINK.sub(target, part) for number, part in enumerate(parts))


def copy_image(path: Path) -> Path:
    """A picture that a page shows, beside the staged pages."""
    image = STAGE / "images" / path.name
    image.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(path, image))


def source_page(path: Path) -> Path:
    """A page that shows a file of the repository to which a page links."""
    name = path.relative_to(ROOT)
    page = STAGE / "source" / f"{name.as_posix().replace('/', '-')}.md"
    write(page, f"# {name}\n\n````{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text()}````\n")
    return page


def notebook_page(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook with its outputs, as Markdown, and its plots by file name."""
    notebook = nbformat.read(path, as_version=4)
    executed = EXECUTED / path.name
    if not (executed.exists() and sources(nbformat.read(executed, as_version=4)) == sources(notebook)):
        print(f"runs {path.name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="persistmem-site-", ignore_cleanup_errors=True) as folder:
            runner = ExecutePreprocessor(timeout=250, kernel_name="python3")
            runner.preprocess(notebook, {"metadata": {"path": folder}})
        executed.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, executed)
    resources = {"unique_key": path.stem, "output_files_dir": "."}
    text, made = MarkdownExporter().from_notebook_node(nbformat.read(executed, as_version=4), resources=resources)
    return text, dict(made["outputs"])


def sources(notebook: nbformat.NotebookNode) -> list[str]:
    """The text of the cells: what was run with the same one is not run again, in CI after the tests, for instance."""
    return [cell.source for cell in notebook.cells]


def notebook_index() -> str:
    """The page to which a link to the folder of notebooks leads."""
    lines = [f"- [{title(page)}]({page.name})" for page in notebooks.values()]
    return "# Notebooks\n\nRun from top to bottom when this site was built.\n\n" + "\n".join(lines) + "\n"


def title(page: Path) -> str:
    """The first heading of a staged page."""
    return re.search(r"^# (.+)$", page.read_text(), re.MULTILINE)[1].replace("`", "")


def navigation() -> str:
    """docs/README.md as a navigation: its headings, and below each the links that its lists begin with."""
    lines = ["- [Start](index.md)"]
    depth = 0
    for line in (STAGE / "contents.md").read_text().splitlines():
        if heading := re.match(r"(##+) (.+)", line):
            depth = len(heading[1]) - 1
            lines.append(f"{'    ' * (depth - 1)}- {heading[2]}")
        elif link := re.match(r"(?:- |\d+\. )(\[.+?\]\(([^)]+)\))", line):
            if link[2] == "notebooks/index.md":
                lines.append(f"{'    ' * depth}- Notebooks")
                lines += [
                    f"{'    ' * (depth + 1)}- [{title(page)}](notebooks/{page.name})" for page in notebooks.values()
                ]
            elif not link[2].startswith("notebooks/"):
                lines.append(f"{'    ' * depth}- {link[1]}")
    lines += ["- Project", "    - [Contents](contents.md)"]
    lines += ["    - [Contributing](contributing.md)", "    - [Changes](changelog.md)"]
    return "\n".join(lines) + "\n"


def bundle_mermaid(target: Path) -> None:
    """Put mermaid beside the theme's script, and let the script load it from there and nothing from elsewhere."""
    (script,) = (target / "assets" / "javascripts").glob("bundle.*.min.js")
    text = script.read_text()
    text, count = re.subn(
        r'"https://unpkg\.com/mermaid@\d+/dist/mermaid\.min\.js"',
        'new URL(JSON.parse(document.getElementById("__config").textContent).base'
        '+"/assets/javascripts/mermaid.min.js",location).href',
        text,
    )
    assert count == 1, "the theme loads mermaid in another way"
    script.write_text(re.sub(r'"https://(unpkg\.com|cdn\.[\w.]+)/[^"]*"', '"about:blank"', text))

    cache = BUILD / f"{MERMAID.replace('@', '-')}.tgz"
    if not cache.exists():
        subprocess.run(["npm", "pack", "--silent", MERMAID], cwd=BUILD, check=True, stdout=subprocess.DEVNULL)
    digest = base64.b64encode(hashlib.sha512(cache.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == MERMAID_INTEGRITY, f"{cache} is not {MERMAID}"
    with tarfile.open(cache) as package:
        (script.parent / "mermaid.min.js").write_bytes(package.extractfile("package/dist/mermaid.min.js").read())
        (script.parent / "mermaid.LICENSE").write_bytes(package.extractfile("package/LICENSE").read())


def list_versions() -> None:
    """List the folders of the site, newest first, for the selector in the header; the root leads to the newest."""
    names = sorted(
        (folder.name for folder in SITE.iterdir() if folder.is_dir()),
        key=lambda name: [int(part) if part.isdigit() else -1 for part in name.split(".")], reverse=True,
    )  # fmt: skip
    versions = [{"version": name, "title": name, "aliases": ["latest"] * (name == names[0])} for name in names]
    (SITE / "versions.json").write_text(json.dumps(versions))
    (SITE / "index.html").write_text(f'<meta http-equiv="refresh" content="0; url={names[0]}/index.html">\n')


def check(target: Path) -> None:
    """Fail if a page would load anything from another host, or lacks a name of the API."""
    loads = re.compile(
        r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>|url\([\"']?https?:[^)]*\)|@import[^;]*//[^;]*;"
    )
    for file in target.rglob("*"):
        if file.suffix in (".html", ".css"):
            found = [load for load in loads.findall(file.read_text()) if 'rel="canonical"' not in load]
            assert not found, f"{file} loads from another host: {found[:3]}"
            for name in re.findall(r'<(?:script|img)\b[^>]*?\bsrc="([^"]+)"', file.read_text()):
                path = target / name[1:] if name[0] == "/" else file.parent / name  # 404.html counts from the root
                assert name.startswith("data:") or path.is_file(), f"{file} shows {name}, which is missing"
        elif file.suffix == ".js" and "mermaid" not in file.name:
            assert not re.search(r"unpkg\.com|jsdelivr|googleapis|gstatic", file.read_text()), file
    reference = (target / "reference" / "api.html").read_text()
    for name in api_names():
        assert f'id="langchain_persistmem.{name}"' in reference, f"{name} is not in the API reference"


def api_names() -> Iterator[str]:
    """Every public name, and every method of a memory and of its groups, for both blocking and awaited use."""
    yield from langchain_persistmem.__all__
    for kind in (PersistMem, *(type_ for type_ in vars(langchain_persistmem).values() if is_group(type_))):
        yield from (
            f"{kind.__name__}.{name}" for name, value in vars(kind).items() if name[0] != "_" and callable(value)
        )


def is_group(value: object) -> bool:
    """True if ``value`` is the class of ``memory.review`` or the like."""
    return isinstance(value, type) and issubclass(value, Group)


if __name__ == "__main__":
    main()
