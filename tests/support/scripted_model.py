"""A chat model that says what a test tells it to, token by token, and keeps what it was asked."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from tests.support.material import turns_in


def call(name: str, id: str | None = None, **arguments: Any) -> dict[str, Any]:
    """A tool call, for :class:`Scripted`."""
    return {"name": name, "args": arguments, "id": id or f"call-{name}", "type": "tool_call"}


class Scripted(BaseChatModel):
    """Says ``answers`` in turn: a text, a list of tool calls, or an exception; afterwards "Certainly."."""

    answers: list[Any] = Field(default_factory=list)
    requests: list[list[BaseMessage]] = Field(default_factory=list)
    tools: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Runnable[Any, Any]:
        self.tools = [convert_to_openai_tool(tool) for tool in tools]
        return self

    def _next(self, messages: list[BaseMessage]) -> AIMessage:
        self.requests.append(messages)
        answer = self.answers.pop(0) if self.answers else "Certainly."
        if isinstance(answer, Exception):
            raise answer
        return AIMessage(answer) if isinstance(answer, str) else AIMessage("", tool_calls=answer)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> Iterator[ChatGenerationChunk]:
        answer = self._next(messages)
        calls = [
            tool_call_chunk(name=each["name"], args=json.dumps(each["args"]), id=each["id"], index=index)
            for index, each in enumerate(answer.tool_calls)
        ]
        words = re.findall(r"\s*\S+", str(answer.content)) or [""]
        for place, word in enumerate(words):
            last = place == len(words) - 1
            message = AIMessageChunk(
                word, tool_call_chunks=calls if last else [], chunk_position="last" if last else None
            )
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk


class Extractor(Scripted):
    """Extraction that makes one memory of each message, after thinking aloud in tokens of its own."""

    def with_structured_output(self, schema: Any, **_: Any) -> Runnable[Any, Any]:
        return self | _extracted

    def _next(self, messages: list[BaseMessage]) -> AIMessage:
        self.requests.append(messages)
        found = turns_in(str(messages[-1].content))
        memory = {"type": "fact", "importance": 0.5, "confidence": 0.9}
        return AIMessage(
            json.dumps({"memories": [{**memory, "text": f"Learnt: {text}", "messages": [n]} for n, _, text in found]})
        )


def _extracted(answer: BaseMessage) -> Any:
    return json.loads(str(answer.content))
