"""Memory as tools of an agent."""

from langchain_persistmem.tools.memory_tools import memory_tools

__all__ = ["memory_tools"]
