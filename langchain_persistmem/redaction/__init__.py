"""Redaction of personal data and secrets in texts and in nested values; pure."""

from langchain_persistmem.redaction.policy import Redaction
from langchain_persistmem.redaction.spans import CATEGORIES, Category, Detector, Span

__all__ = ["CATEGORIES", "Category", "Detector", "Redaction", "Span"]
