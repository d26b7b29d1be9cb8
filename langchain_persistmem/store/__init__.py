"""LangGraph's store over the memories: sync and async."""

from langchain_persistmem.store.async_store import AsyncPersistMemStore
from langchain_persistmem.store.sync_store import PersistMemStore

__all__ = ["AsyncPersistMemStore", "PersistMemStore"]
