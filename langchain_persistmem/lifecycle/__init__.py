"""Upkeep of memories: retention, compression, habits."""
