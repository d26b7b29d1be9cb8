"""Bringing over what another memory holds."""

from langchain_persistmem.importing.importers import (
    aimport_mem0,
    aimport_postgres_store,
    import_mem0,
    import_postgres_store,
)

__all__ = ["aimport_mem0", "aimport_postgres_store", "import_mem0", "import_postgres_store"]
