"""Parts that LangChain and LangGraph plug in: nodes, middleware, tools, retrievers, chat history."""
