"""A chat model whose structured answers are given beforehand, for tests of what is made of them."""

from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import ConfigDict


class Scripted(BaseChatModel):
    """Answers are values, exceptions to raise, or functions of the messages that the model was sent."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    answers: Iterator[Any]
    prompts: list[Any] = []  # noqa: RUF012 - pydantic copies it
    model_name: str = "scripted-1"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("unused"))])

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[Any, Any]:
        def answer(messages: Any) -> Any:
            self.prompts.append(messages)
            given = next(self.answers)
            if callable(given):
                given = given(messages)
            if isinstance(given, BaseException):
                raise given
            return given

        return RunnableLambda(answer)


def entry(text: str, *messages: int, **fields: Any) -> dict[str, Any]:
    """One memory of a model's answer."""
    return {"text": text, "type": "fact", "importance": 0.7, "confidence": 0.9, "messages": list(messages)} | fields


def answer(*entries: Any) -> dict[str, Any]:
    """A model's answer."""
    return {"memories": list(entries)}
