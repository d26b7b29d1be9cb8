"""Bytecode that all processes of all runs share, also where Python is told to write none.

A run starts some hundred processes, and without it each of them compiles every package for seconds.
"""

import os
import sys
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / ".pytest_cache" / "bytecode"

if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(_FOLDER)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
