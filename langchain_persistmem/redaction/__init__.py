"""Taking personal data and secrets out of text: what is found, what is put in its place, and in which records; pure."""

from langchain_persistmem.redaction.policy import Redaction
from langchain_persistmem.redaction.spans import CATEGORIES, Category, Detector, Span

__all__ = ["CATEGORIES", "Category", "Detector", "Redaction", "Span"]
