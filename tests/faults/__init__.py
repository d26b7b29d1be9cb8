"""Faults injected for real, each against a PostgreSQL server that the tests start themselves."""
