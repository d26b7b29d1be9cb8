"""A chat history of LangChain's, as memory learns from it."""

from langchain_core.chat_history import InMemoryChatMessageHistory


class OtherHistory(InMemoryChatMessageHistory):
    """The class itself is deprecated and warns; a history derived from it does not."""
