"""Measuring recall on conversations with questions whose answers are known; the command is ``persistmem eval``."""
