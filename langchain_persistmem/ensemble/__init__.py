"""The session, memory and one's own documents as one list."""

from langchain_persistmem.ensemble.labelled import format_labelled
from langchain_persistmem.ensemble.retriever import PersistMemEnsembleRetriever

__all__ = ["PersistMemEnsembleRetriever", "format_labelled"]
