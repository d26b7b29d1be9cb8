"""Draws docs/images/demo.svg from a run of `persistmem demo`: `make picture`.

What stands in the picture was printed by that run; nothing is retouched, but for what is left out and says so.
"""

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.svg"
WIDTH = 100
SECTIONS = {"4": 2, "5": None, "6": None, "7": None}
"""The sections that are drawn; of the questions, the first so many."""
LEFT_OUT = (re.compile(r"receipt: "), re.compile(r"Verified: "))
"""Between these lines, the table of a receipt."""
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def run_demo(folder: Path) -> str:
    """The output of the demo with its colours."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PERSISTMEM_DSN", "NO_COLOR")}
    environment |= {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    command = [sys.executable, "-m", "langchain_persistmem", "demo", "--data-dir", str(folder / "data")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def excerpt(output: str) -> list[Text]:
    """The lines that are drawn, each with its colours."""
    shown = [Text("$ persistmem demo", style="bold"), Text("...", style="dim")]
    section, questions, hidden = "", 0, False
    for line in Text.from_ansi(output).split("\n", allow_blank=True):
        if heading := re.match(r"(\d)  [A-Z]", line.plain):
            section, questions = heading[1], 0
        questions += line.plain.startswith("? ")
        hidden = (hidden or LEFT_OUT[0].match(line.plain) is not None) and LEFT_OUT[1].match(line.plain) is None
        if section not in SECTIONS or hidden:
            continue
        most = SECTIONS[section]
        if most is not None and questions > most:
            if line.plain.startswith("? ") and questions == most + 1:
                shown.append(Text("...\n", style="dim"))
            continue
        shown.append(line)
    return shown


def draw(output: str) -> str:
    """The picture, without a font of another host."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    for line in excerpt(output):
        console.print(line, overflow="fold")
    svg = console.export_svg(title="persistmem demo", unique_id="demo")
    return FONT.sub("", svg).replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def main() -> int:
    """Run and draw."""
    with tempfile.TemporaryDirectory(prefix="persistmem-picture-") as folder:
        svg = draw(run_demo(Path(folder)))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg)
    print(f"{PICTURE}: {len(svg):,} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
