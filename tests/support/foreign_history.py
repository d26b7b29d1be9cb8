"""A chat history of another package, as an application may bring one."""

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage


class ForeignHistory(BaseChatMessageHistory):
    """Messages in a list; LangChain's own class for that is deprecated, its interface is not."""

    def __init__(self, messages: list[BaseMessage]) -> None:
        self.messages = messages

    def clear(self) -> None:
        self.messages = []
