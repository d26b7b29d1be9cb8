"""Immutable records, namespaces, and the validation of values."""
