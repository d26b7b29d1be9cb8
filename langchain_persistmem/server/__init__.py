"""The inspector, HTTP and MCP in one ASGI application, which an application of any framework can mount: extra ``[server]``."""

from langchain_persistmem.server.access import AccessDeniedError, Caller
from langchain_persistmem.server.app import memory_app
from langchain_persistmem.server.request_limits import Limits
from langchain_persistmem.server.signed_tokens import bearer_token

__all__ = ["AccessDeniedError", "Caller", "Limits", "bearer_token", "memory_app"]
