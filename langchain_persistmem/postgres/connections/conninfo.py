"""Connection strings as other libraries write them: understood, or refused by the name of the parameter."""

import re
from typing import NamedTuple

from psycopg import ProgrammingError, conninfo, pq

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.types.representation import is_a, type_name

_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)")
_UNKNOWN = re.compile(r'invalid (?:connection option|URI query parameter):? "(\w+)"')
_CREDENTIALS = re.compile(r"[^:]+://(?:[^@/]*@)?")
_ADVICE = {
    "schema": "pass Settings(schema=...) for the tables of this package, or options=-csearch_path=... for LangGraph's checkpoints",
    "search_path": "write options=-csearch_path=... for LangGraph's checkpoints; the tables of this package need none",
    "prepared_statements": "pass Settings(prepare_threshold=None)",
    "prepare_threshold": "pass Settings(prepare_threshold=...)",
    "connection_limit": "pass Settings(pool_max=...)",
    "pool_timeout": "pass Settings(connect_seconds=...)",
}
"""What to do instead of parameters that other libraries know."""


class ConnectionString(NamedTuple):
    """A connection string that libpq understands."""

    text: str
    prepares: bool
    """False where it says ``pgbouncer=true``: then no statement is prepared."""


def read_conninfo(text: object) -> ConnectionString:
    """Read a connection string; SQLAlchemy's ``postgresql+psycopg://`` and Prisma's ``?pgbouncer=true`` too.

    Raises:
        ConfigurationError: it is malformed, or has a parameter that nobody here knows; the message names the parameter, and
            no value, which may be a password.
    """
    if not is_a(text, str):
        raise ConfigurationError(f"conninfo is of type {type_name(text)}; pass a string")
    plain = _DRIVER.sub(r"\1", text.strip())
    prepares = True
    if plain.startswith(("postgresql://", "postgres://")):
        credentials = _CREDENTIALS.match(plain)
        begin = credentials.end() if credentials else 0  # a password may have a question mark
        address, _, query = plain[begin:].partition("?")
        parameters: list[str] = []
        for parameter in query.split("&"):
            name, _, value = parameter.partition("=")
            if name == "pgbouncer":
                prepares = _read_flag(value)
            elif parameter:
                _check_name(name)
                parameters.append(parameter)
        plain = plain[:begin] + address + ("?" + "&".join(parameters) if parameters else "")
    try:
        conninfo.conninfo_to_dict(plain)
    except (ProgrammingError, UnicodeError) as error:
        failure = _malformed(str(error))
    else:
        return ConnectionString(plain, prepares)
    raise failure  # outside the handler: libpq quotes the string, which may be a password alone


def _read_flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise ConfigurationError("conninfo has a parameter 'pgbouncer' that is neither true nor false")
    return value == "false"


def _check_name(name: str) -> None:
    option_names = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} | {"ssl"}
    if name not in option_names:
        raise _unknown(name)


def _unknown(name: str) -> ConfigurationError:
    shown = name[:40] if re.fullmatch(r"\w{1,40}", name) else "..."
    advice = _ADVICE.get(name, "leave it out")
    return ConfigurationError(
        f"conninfo has the parameter {shown!r}, which PostgreSQL's library does not know; {advice}"
    )


def _malformed(message: str) -> ConfigurationError:
    match = _UNKNOWN.search(message)
    if match is not None:
        return _unknown(match[1])
    return ConfigurationError("conninfo is malformed; write it as 'postgresql://user:password@host:5432/database'")
