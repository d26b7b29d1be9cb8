"""Failures of memory in a run: they are logged, and take no conversation down unless that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from langchain_persistmem.errors import PersistMemError, UseAsyncMethodError
from langchain_persistmem.types.actor import part

OnError = Literal["raise", "continue"]


@contextmanager
def continue_without_memory(logger: logging.Logger, action: str, on_error: OnError) -> Generator[None]:
    """Log a failure of memory, so that it does not take a conversation down; raise it only with ``on_error="raise"``.

    A blocking call on an object for asyncio is always raised: it would fail on every run. ``action`` is the actor in
    the audit log.
    """
    try:
        with part(action):
            yield
    except PersistMemError as error:
        if on_error == "raise" or isinstance(error, UseAsyncMethodError):
            raise
        logger.warning("%s went on without memory: %s: %s", action, type(error).__name__, error)
