"""Erasure, consent, audit, export and import, row-level security."""
