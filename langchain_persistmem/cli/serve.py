"""`persistmem serve`: the inspector, HTTP and MCP on this machine."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from langchain_persistmem.cli import values
from langchain_persistmem.cli.opening import chat_model, open_memory
from langchain_persistmem.cli.parser import Subcommands, add_command, add_owner, owner_of
from langchain_persistmem.cli.terminal import note, out
from langchain_persistmem.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from langchain_persistmem.server.access import Caller

SERVER_KEY = "PERSISTMEM_SERVER_KEY"
NEEDS_SERVER = 'this needs FastAPI, uvicorn and mcp; run: pip install "langchain-persistmem[server]"'
_PORT = 8765
_HIGHEST_PORT = 65_535
_SECONDS_TO_END = 3
"""Streams that clients hold open are cut after so long."""


def add(subcommands: Subcommands) -> None:
    """Describe the subcommand."""
    parser = add_command(
        subcommands,
        "serve",
        "look at memory in a browser, and reach it over HTTP and MCP, until Ctrl-C",
        "persistmem serve\n  persistmem serve --user maya --read-only",
    )
    parser.add_argument(
        "--host", metavar="ADDRESS", type=values.name, default="127.0.0.1", help="address to listen at (127.0.0.1)"
    )
    parser.add_argument(
        "--port",
        type=values.number(0, _HIGHEST_PORT),
        default=_PORT,
        metavar="N",
        help=f"port; 0 takes a free one ({_PORT})",
    )
    parser.add_argument("--read-only", action="store_true", help="nobody may change anything")
    add_owner(parser, required=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve, and print the address that opens a session: for an operator, or for the person that the options name."""
    try:
        import uvicorn
        from starlette.middleware.trustedhost import TrustedHostMiddleware

        from langchain_persistmem.server import Caller, memory_app
    except ImportError as error:
        raise MissingDependencyError(NEEDS_SERVER) from error
    owner = owner_of(options)
    caller = Caller(**owner) if owner else Caller(is_operator=True)
    key = os.environ.get(SERVER_KEY)
    if key is None and not _is_local(options.host):
        raise ConfigurationError(
            f"--host {options.host} is not this machine alone; set {SERVER_KEY}, by which tokens are signed, and put a proxy "
            "with TLS before it"
        )
    with (
        open_memory(options, set_up=not options.read_only, model=chat_model(options)) as memory,
        _listen(options) as listener,
    ):
        app = memory_app(memory, key=key or secrets.token_urlsafe(32), read_only=options.read_only)
        if _is_local(options.host):
            # Another site could make its own name point here, and have a browser ask under that name.
            app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
        base = _base(options.host, listener.getsockname()[1])

        def login() -> str:
            return base + app.state.service.authentication.logins.login_path(caller)

        note(f"the inspector at {base}/, HTTP at {base}/v1, MCP at {base}/mcp; Ctrl-C ends it")
        _print_address(login(), caller)
        config = uvicorn.Config(
            _Announcement(app, lambda: _print_address(login(), caller)),
            log_level="warning",
            access_log=False,  # a login's token stands in its address
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_END,
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the block as Ctrl-C does
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            note("ended")
    return 0


class _Announcement:
    """Prints another address when the one before was used, since each opens one session."""

    def __init__(self, app: ASGIApp, announce: Callable[[], None]) -> None:
        self._app = app
        self._announce = announce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_announce(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start" and message["status"] == 303 and scope["path"] == "/login":  # noqa: PLR2004
                self._announce()

        await self._app(scope, receive, send_and_announce)


def _print_address(address: str, caller: Caller) -> None:
    role = "an operator, who sees everybody" if caller.is_operator else "the person named"
    note(f"opens one session within 15 minutes, as {role}:")
    out().print(address, soft_wrap=True)


def _listen(options: argparse.Namespace) -> socket.socket:
    """A socket on the port.

    Raises:
        ConfigurationError: it is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"{options.host}, port {options.port}: {error.strerror}; choose another with --port or --host"
        ) from error


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
