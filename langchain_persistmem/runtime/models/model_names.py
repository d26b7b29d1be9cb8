"""The objects behind ``embeddings=``, ``model=`` and ``reranker=``, by name or as they are."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langgraph.store.base import ensure_embeddings
from langgraph.store.base.embed import EmbeddingsFunc, EmbeddingsLambda

from langchain_persistmem.errors import ConfigurationError, MissingDependencyError
from langchain_persistmem.runtime.models.reranker import Reranker, reranker_of
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.extraction_schema import Shape, shape_of
from langchain_persistmem.types.representation import is_a, quote, type_name

LOCAL = "local"
"""``embeddings="local"``: the model that comes with the extra ``[local]`` and needs no network."""

_LONGEST_REASON = 300
"""Characters of LangChain's error, which goes on to list all its providers."""


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one PersistMem, with the names under which the database knows them."""

    embeddings: Embeddings | None
    """None for a store that searches by filters only."""
    embedding_name: str | None
    chat: BaseChatModel | None
    chat_name: str | None
    shape: Shape | None = None
    """The application's own shape of what the chat model extracts."""
    reranker: Reranker | None = None
    """The application's own order of what was found."""


def models_of(
    embeddings: Embeddings | str,
    chat: BaseChatModel | str | None,
    settings: Settings,
    schema: object = None,
    reranker: BaseDocumentCompressor | None = None,
) -> Models:
    """Objects and names for what was given to ``open()``.

    Raises:
        ConfigurationError: one of them is no model, or the provider does not know the name; or no model can be asked
            for ``schema``; or the re-ranker is none.
        MissingDependencyError: an extra is not installed.
    """
    shape = shape_of(schema)
    if shape is not None and chat is None:
        raise ConfigurationError("schema needs a chat model, which fills it; pass model= as well")
    # Mistakes are reported before anything is opened.
    embedder = embeddings_of(embeddings)
    chat_model = chat_model_of(chat)
    return Models(
        embeddings=embedder,
        embedding_name=settings.embedding_model or name_of_embeddings(embeddings, embedder),
        chat=chat_model,
        chat_name=None if chat_model is None else (_provider_name(chat_model) or type(chat_model).__name__),
        shape=shape,
        reranker=reranker_of(reranker, settings.rerank_seconds),
    )


def embeddings_of(value: object) -> Embeddings:
    """The embeddings object, or what a function, a ``"provider:model"`` string or ``"local"`` stands for.

    Raises:
        ConfigurationError: it is none of these, or the provider does not know the name.
        MissingDependencyError: an extra is not installed.
    """
    if isinstance(value, Embeddings):
        return value
    if is_a(value, str) and str.__eq__(value, LOCAL):
        from langchain_persistmem.runtime.models.local_embeddings import LocalEmbeddings  # its packages are an extra

        return LocalEmbeddings()
    if callable(value) and not isinstance(value, type):  # a class is an object that somebody forgot to make
        return ensure_embeddings(cast("EmbeddingsFunc", value))
    expected = "any LangChain Embeddings, 'provider:model', or 'local'"
    return _make_with_langchain("embeddings", value, expected, "langchain.embeddings", "init_embeddings")


def chat_model_of(value: BaseChatModel | str | None) -> BaseChatModel | None:
    """The chat model, or the one that a ``"provider:model"`` string names.

    Raises:
        ConfigurationError: it is neither, or the provider does not know the name.
        MissingDependencyError: an extra is not installed.
    """
    if value is None or isinstance(value, BaseChatModel):
        return value
    expected = "a LangChain chat model or 'provider:model'"
    return _make_with_langchain("model", value, expected, "langchain.chat_models", "init_chat_model")


def name_of_embeddings(value: object, embedder: Embeddings) -> str:
    """The name that is stored with every vector: the string that was given, the function's name, or the class and its model."""
    if is_a(value, str) and not str.__eq__(value, LOCAL):
        return str.__str__(value)
    if isinstance(embedder, EmbeddingsLambda):  # its module would be another name for a script, "__main__"
        function: object = getattr(embedder, "func", None) or getattr(embedder, "afunc", None)
        return str(getattr(function, "__qualname__", type(function).__qualname__))
    parts = [type(embedder).__name__, _provider_name(embedder)]
    dimensions = getattr(embedder, "dimensions", None)
    if isinstance(dimensions, int):
        parts.append(str(dimensions))
    return ":".join(part for part in parts if part)


def _provider_name(model: object) -> str | None:
    """The provider's name of a model, under whichever attribute its class keeps it."""
    for attribute in ("model_name", "model", "model_id"):
        name = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return name
    return None


def _make_with_langchain(field: str, name: object, expected: str, module: str, function: str) -> Any:
    """The model that ``function`` of langchain's ``module`` makes of ``name``; langchain is an extra."""
    if not is_a(name, str) or not name:
        raise ConfigurationError(f"{field} is of type {type_name(name)}; pass {expected}")
    try:
        make = getattr(import_module(module), function)
    except ImportError as error:
        raise MissingDependencyError(
            f'{field}={quote(name)} needs the package langchain; run: pip install "langchain-persistmem[agents]"'
        ) from error
    name = str.__str__(name)
    try:
        return make(name)
    except ImportError as error:
        raise MissingDependencyError(f"{field}={quote(name)}: {error}") from error
    except ValueError as error:
        reason = str(error).replace(repr(name), quote(name))[:_LONGEST_REASON]
    # Outside the handler: LangChain's error quotes the name at whatever length.
    raise ConfigurationError(f"{field}={quote(name)}: {reason}")
