"""LangGraph's checkpointers in the same database: sync and async."""

from langchain_persistmem.checkpointer.async_saver import AsyncPersistMemSaver
from langchain_persistmem.checkpointer.sync_saver import PersistMemSaver

__all__ = ["AsyncPersistMemSaver", "PersistMemSaver"]
