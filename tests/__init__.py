"""The tests; each name is a promise."""

import os
import sys
from pathlib import Path

# Where Python is told to write no bytecode, every process of the tests would compile all that it imports, which takes
# longer than most tests: here they share a cache of their own.
if sys.dont_write_bytecode and not sys.pycache_prefix:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parent.parent / ".pytest_cache" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
