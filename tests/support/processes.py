"""Processes that begin with everything imported: each is forked from a server of Python's, which has opened nothing.

A new interpreter takes a second and a half of the processor for its imports alone. What is about a new interpreter, a
command or a signal starts one all the same.
"""

import multiprocessing
from multiprocessing.context import ForkServerContext

_IMPORTED = [
    "tests.checkpointer.test_checkpointer_writers",
    "tests.client.test_peer_promises",
    "tests.learning.test_work",
    "tests.lifecycle.test_compression",
    "tests.support.forked",
]
"""The modules of what such processes do. The server starts once, so they are imported together."""


def forkserver() -> ForkServerContext:
    """The context of such processes, queues and barriers."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context
