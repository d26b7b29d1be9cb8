"""Exports over the network: a person's file to the browser or program, and one that comes back."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterable
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.server.access import Access
from langchain_persistmem.types.results import ImportFileResult

FILE_NAME = "memory.jsonl.gz"


async def send_export(access: Access) -> FileResponse:
    """Answer with a person's export; the file is deleted when it has been sent."""
    folder = await asyncio.to_thread(_make_folder)
    path = folder / FILE_NAME
    try:
        await access.memory.privacy.aexport(path, **access.owner)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        path,
        media_type="application/gzip",
        filename=FILE_NAME,
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


async def receive_export(access: Access, chunks: AsyncIterable[bytes], *, dry_run: bool = False) -> ImportFileResult:
    """Import an export that arrives in parts. A person's becomes their own, whoever it was exported of.

    Raises:
        InvalidInputError: the file is not whole, was changed, or is no export; nothing was stored.
        MemoryDisabledError: memory is paused for the person.
    """
    folder = await asyncio.to_thread(_make_folder)
    path = folder / "upload"
    try:
        with path.open("wb") as file:
            async for chunk in chunks:
                file.write(chunk)
        return await access.memory.privacy.aimport_file(path, dry_run=dry_run, **(access.owner_or_none or {}))
    except InvalidInputError as error:  # the file's name here means nothing to who has sent it
        raise InvalidInputError(str(error).replace(str(path), "the file").replace(path.name, "the file")) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_folder() -> Path:
    """A folder into which nobody else can look."""
    return Path(tempfile.mkdtemp(prefix="persistmem-"))
