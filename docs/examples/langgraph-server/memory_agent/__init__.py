"""An agent whose memories and threads are in PostgreSQL, for LangGraph Server."""
