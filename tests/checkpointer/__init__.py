"""Tests of checkpointer."""
