"""The texts of the inspector, all of them in ``texts.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def texts() -> Mapping[str, Any]:
    """Return the texts, by page and by name."""
    return tomllib.loads(files("langchain_persistmem.server").joinpath("texts.toml").read_text(encoding="utf-8"))
