"""Opening memory, and the chat model, as the options of a subcommand say."""

from __future__ import annotations

import argparse
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from langchain_persistmem.cli.parser import TEMPLATE, dsn_of, location_of
from langchain_persistmem.cli.terminal import note, waiting
from langchain_persistmem.client.persistmem import PersistMem
from langchain_persistmem.errors import ConfigurationError, InvalidInputError, MissingDependencyError
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.runtime.models.model_names import chat_model_of
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.extraction_schema import Schema
from langchain_persistmem.types.namespace import Namespace

KEY_VARIABLE = "PERSISTMEM_PSEUDONYM_KEY"


@contextmanager
def as_wrong_option() -> Generator[None]:
    """Turn a configuration that cannot work into wrong usage: on the command line, options are all that is configured.

    Raises:
        InvalidInputError: in the place of a ConfigurationError; those of its subclasses say what is to be installed or
            set up, and stay.
    """
    try:
        yield
    except ConfigurationError as error:
        if type(error) is not ConfigurationError:
            raise
        raise InvalidInputError(str(error)) from error


@contextmanager
def open_memory(
    options: argparse.Namespace,
    *,
    quiet: bool | None = None,
    set_up: bool = False,
    step: str = "opening memory",
    namespace: Namespace = TEMPLATE,
    model: BaseChatModel | None = None,
    embeddings: Embeddings | None = None,
    schema: Schema | None = None,
    reranker: BaseDocumentCompressor | None = None,
    erase_namespaces: Sequence[Namespace] = (),
    announce: bool = True,
    **settings: Any,
) -> Generator[PersistMem]:
    """Print where the data lies, open it, and close it at the end of the block.

    Args:
        options: of any subcommand.
        quiet: keep standard output for a program; by default with ``--json``.
        set_up: bring the database up to date first.
        step: the words of the spinner.
        namespace: the template that a user's id is put into.
        model: the chat model.
        embeddings: the embedding model; by default the one that the options name.
        schema: the shape of what the chat model extracts.
        reranker: the document compressor that orders what is found.
        erase_namespaces: where else a user is named.
        announce: print where the data lies.
        settings: further fields of :class:`Settings`.

    Raises:
        PersistMemError: it cannot be opened; the message says why.
    """
    with as_wrong_option():
        all_settings = Settings(
            data_dir=options.data_dir,
            row_level_security=options.row_level_security,
            schema=options.database_schema,
            redaction=_redaction_of(options),
            **settings,
        )
    # Said before opening: when the server does not answer, one wants to know which one was asked.
    if announce:
        note(f"data: {location_of(options)}", quiet=getattr(options, "json", False) if quiet is None else quiet)
    with ExitStack() as stack:
        with waiting(step), as_wrong_option():
            memory = stack.enter_context(
                PersistMem.open(
                    dsn_of(options),
                    embeddings=embeddings or options.embeddings,
                    model=model,
                    schema=schema,
                    reranker=reranker,
                    settings=all_settings,
                    namespace=namespace,
                    erase_namespaces=erase_namespaces,
                )
            )
        if set_up:
            with waiting("setting up"):
                memory.setup()
        yield memory


def _redaction_of(options: argparse.Namespace) -> Redaction | None:
    """The redaction that the options name.

    Raises:
        ConfigurationError: the key of the environment is too short.
    """
    if not options.redact:
        return None
    return Redaction(pseudonym_key=os.environ.get(KEY_VARIABLE) or None)


def chat_model(options: argparse.Namespace) -> BaseChatModel | None:
    """The chat model that the options name, if they name one.

    Raises:
        InvalidInputError: the provider does not know the name.
        MissingDependencyError: its package is not installed.
    """
    if not options.base_url:
        with as_wrong_option():
            return chat_model_of(options.model)
    try:
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr
    except ImportError as error:
        raise MissingDependencyError(
            '--base-url needs the package langchain-openai; run: pip install "langchain-persistmem[openai]"'
        ) from error
    name = options.model.removeprefix("openai:")
    key = SecretStr(os.environ.get("OPENAI_API_KEY") or "not-needed")
    return ChatOpenAI(base_url=options.base_url, api_key=key, model=name)
