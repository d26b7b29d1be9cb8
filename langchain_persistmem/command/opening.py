"""From options to an open memory, and where its data lies."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import psycopg
from langchain_core.language_models import BaseChatModel
from psycopg.conninfo import conninfo_to_dict

from langchain_persistmem.errors import MissingDependency
from langchain_persistmem.models import chat_model_of
from langchain_persistmem.namespace import Namespace
from langchain_persistmem.persistmem import PersistMem
from langchain_persistmem.postgres.embedded import default_data_dir
from langchain_persistmem.redaction import Redaction
from langchain_persistmem.settings import Retention, Settings

TEMPLATE: Namespace = ("memories", "{user_id}")
DSN_VARIABLE = "PERSISTMEM_DSN"
KEY_VARIABLE = "PERSISTMEM_PSEUDONYM_KEY"


def dsn_of(options: argparse.Namespace) -> str | None:
    """The connection string that is meant; None means the embedded server."""
    if options.data_dir is not None:
        return None
    return options.dsn or os.environ.get(DSN_VARIABLE) or None


def place_of(options: argparse.Namespace) -> str:
    """Where the data lies, in words and without a password."""
    dsn = dsn_of(options)
    if dsn is None:
        folder: Path = options.data_dir or default_data_dir()
        return f"embedded PostgreSQL in {folder.expanduser().absolute()}"
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:  # opening it says what is wrong
        return "a PostgreSQL whose connection string cannot be read"
    host = parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST") or "localhost"
    port = parts.get("port") or os.environ.get("PGPORT") or "5432"
    database = parts.get("dbname") or os.environ.get("PGDATABASE") or "the default database"
    return f"PostgreSQL at {host}:{port}/{database}"


def open_memory(
    options: argparse.Namespace,
    *,
    namespace: Namespace = TEMPLATE,
    model: BaseChatModel | None = None,
    retention: Retention = Retention(),  # noqa: B008 - immutable
    erase_namespaces: Sequence[Namespace] = (),
) -> PersistMem:
    """Open what the options name; the caller closes it.

    Raises:
        PersistMemError: it cannot be opened; the message says why.
    """
    settings = Settings(
        data_dir=options.data_dir,
        retention=retention,
        row_level_security=options.row_level_security,
        redaction=redaction_of(options),
    )
    return PersistMem.open(
        dsn_of(options),
        embeddings=options.embeddings,
        model=model,
        settings=settings,
        namespace=namespace,
        erase_namespaces=erase_namespaces,
    )


def redaction_of(options: argparse.Namespace) -> Redaction | None:
    """What the options say of redaction.

    Raises:
        ConfigurationError: the key of the environment is too short.
    """
    if not options.redact:
        return None
    return Redaction(pseudonym_key=os.environ.get(KEY_VARIABLE) or None)


def chat_model(options: argparse.Namespace) -> BaseChatModel | None:
    """The chat model that the options name, if they name one.

    Raises:
        ConfigurationError: the provider does not know the name.
        MissingDependency: its package is not installed.
    """
    if not options.base_url:
        return chat_model_of(options.model)
    try:
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr
    except ImportError as error:
        raise MissingDependency(
            '--base-url needs the package langchain-openai; run: pip install "langchain-persistmem[openai]"'
        ) from error
    name = options.model.removeprefix("openai:")
    key = SecretStr(os.environ.get("OPENAI_API_KEY") or "not-needed")
    return ChatOpenAI(base_url=options.base_url, api_key=key, model=name)
