"""Diagnosis of a database."""
