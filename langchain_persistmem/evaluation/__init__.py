"""Evaluation of recall on conversations with questions and gold answers; the command is ``persistmem eval``."""
