"""The pause before failed work is tried again: for threads, missing vectors and rewrites alike."""

from datetime import timedelta

from langchain_persistmem.settings import Settings

_LONGEST_PAUSE = 3600.0  # seconds


def pause_after(settings: Settings, failures: int) -> timedelta:
    """The pause after so many failures of a model in a row: it doubles with each, up to an hour."""
    doublings = min(failures - 1, 30)  # an hour is reached long before
    return timedelta(seconds=min(settings.retry_seconds * 2**doublings, _LONGEST_PAUSE))
