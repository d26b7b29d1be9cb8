"""Index and expiry of a store: checks of LangGraph's ``index=`` and ``ttl=``; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_args

from langgraph.store.base import TTLConfig
from langgraph.store.base.embed import EmbeddingsLambda

from langchain_persistmem.errors import ConfigurationError
from langchain_persistmem.runtime.models.model_names import Models, embeddings_of, name_of_embeddings
from langchain_persistmem.settings import Settings
from langchain_persistmem.store.ops import MAX_MINUTES
from langchain_persistmem.types.representation import is_a, plain, represent
from langchain_persistmem.types.validation import plain_dict
from langchain_persistmem.types.vectors import MAX_DIMENSIONS, Distance

T = TypeVar("T")


Config = Mapping[str, Any]
"""LangGraph's ``IndexConfig``, ``PostgresIndexConfig`` or ``TTLConfig``: dicts with known keys."""

_DISTANCES: tuple[Distance, ...] = get_args(Distance)
_INDEX_KEYS = ("dims", "embed", "fields", "distance_type", "ann_index_config", "hybrid")
_ANN_NUMBERS = ("m", "ef_construction", "nlist", "lists")
_ANN_CHOICES = {"kind": ("hnsw", "ivfflat", "flat"), "vector_type": ("vector", "halfvec", "bit")}
_YEAR = 527_040
_TTL_NUMBERS = {"default_ttl": MAX_MINUTES, "sweep_interval_minutes": _YEAR}  # at most so many minutes
_TTL_SWITCHES = ("refresh_on_read", "omit_expired")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreIndex:
    """The index of a store: paths of the texts, dimensions, distance."""

    fields: tuple[str, ...] = ("$",)
    """Paths of the embedded texts, such as ``text`` or ``tags[*]``; ``$`` is the whole value."""
    dims: int | None = None
    """The dimensions of the vectors, according to the caller; setup() compares them with the model's."""
    distance: Distance = "cosine"
    hybrid: bool = False
    """True if a query also uses full-text search."""


def index_of(config: Config | None) -> StoreIndex:
    """Check ``config`` and return it without its model.

    Raises:
        ConfigurationError: it has an unknown key, or a value that cannot be; the message names it.
    """
    options = _options(config)
    _check_ann(options.get("ann_index_config"))
    dims: object = options.get("dims")
    if dims is not None and (is_a(dims, bool) or not is_a(dims, int) or not 1 <= dims <= MAX_DIMENSIONS):
        raise ConfigurationError(
            f"index['dims'] is {represent(dims)}; pass a whole number from 1 to {MAX_DIMENSIONS:,}"
        )
    distance: Distance = _one_of(options.get("distance_type", "cosine"), "index['distance_type']", _DISTANCES)
    hybrid = _switch(options.get("hybrid", False), "index['hybrid']")
    if hybrid and distance != "cosine":
        raise ConfigurationError(f"index['hybrid'] weighs cosines against words; leave out distance_type={distance!r}")
    return StoreIndex(fields=_fields(options.get("fields")), dims=dims, distance=distance, hybrid=hybrid)


def models_of_index(config: Config | None, settings: Settings, *, blocking: bool) -> Models:
    """Return the embedding model of ``config``; none if there is no config.

    Raises:
        ConfigurationError: ``embed`` or ``dims`` is missing or of no use, or ``embed`` is an async function and the
            store blocks.
        MissingDependencyError: ``embed`` is a ``"provider:model"`` string, and an extra is not installed.
    """
    if config is None:
        return Models(embeddings=None, embedding_name=None, chat=None, chat_name=None)
    index_of(config)
    options = _options(config)
    for key in ("dims", "embed"):
        if key not in options:
            raise ConfigurationError(
                f"index has no {key!r}; pass dims=, the vectors' dimensions, and embed=, the model"
            )
    embeddings = embeddings_of(options["embed"])
    # LangGraph's wrapper of a function has ``func`` for a plain function and only ``afunc`` for an async one.
    if blocking and isinstance(embeddings, EmbeddingsLambda) and not hasattr(embeddings, "func"):
        raise ConfigurationError("index['embed'] is an async function, and this store blocks; use AsyncPersistMemStore")
    name = settings.embedding_model or name_of_embeddings(options["embed"], embeddings)
    return Models(embeddings=embeddings, embedding_name=name, chat=None, chat_name=None)


def without_model(config: Config | None) -> Config:
    """Return ``config`` for a store that takes the model of its backend.

    Raises:
        ConfigurationError: it has a model of its own.
    """
    options = _options(config)
    if "embed" in options:
        raise ConfigurationError(
            "the index of memory.store has its model from open(); pass embeddings= there, not 'embed'"
        )
    return options


def ttl_of(config: Config | None) -> TTLConfig | None:
    """Check ``config`` and return a copy.

    Raises:
        ConfigurationError: it has an unknown key, or a value that cannot be; the message names it.
    """
    if config is None:
        return None
    options = _check_keys(config, "ttl", (*_TTL_NUMBERS, *_TTL_SWITCHES))
    for key, at_most in _TTL_NUMBERS.items():
        if key in options:
            minutes(options[key], f"ttl[{key!r}]", at_most=at_most)
    for key in _TTL_SWITCHES:
        if key in options:
            _switch(options[key], f"ttl[{key!r}]")
    return cast("TTLConfig", options)


def minutes(number: object, where: str, *, at_most: float = _YEAR) -> float:
    """Return ``number`` if it is a number of minutes, more than 0.

    Raises:
        ConfigurationError: it is something else, or too long.
    """
    number = plain(number)
    if is_a(number, bool) or not (is_a(number, int) or is_a(number, float)) or not 0 < number <= at_most:
        raise ConfigurationError(f"{where} is {represent(number)}; pass minutes, more than 0 and at most {at_most:.0f}")
    return float(number)


def _fields(fields: object) -> tuple[str, ...]:
    if fields is None:
        return ("$",)
    # By its own type: an object of another class may fail at the question if it is empty.
    if is_a(fields, str):
        return (fields,) if fields else ("$",)
    if is_a(fields, list) or is_a(fields, tuple):
        items = cast("Sequence[object]", fields)
        if not items:
            return ("$",)
        paths = tuple(item for item in items if is_a(item, str))
        if len(paths) == len(items):
            return paths
    raise ConfigurationError("index['fields'] is not usable; pass a list of paths such as ['text', 'tags[*]']")


def _check_ann(ann_index_config: object) -> None:
    """Check the options of upstream's approximate index, which this store does not need."""
    if ann_index_config is None:
        return
    where = "index['ann_index_config']"
    config = _check_keys(ann_index_config, where, (*_ANN_CHOICES, *_ANN_NUMBERS))
    for key, choices in _ANN_CHOICES.items():
        if key in config:
            _one_of(config[key], f"{where}[{key!r}]", choices)
    for key in _ANN_NUMBERS:
        number: object = config.get(key)
        if number is not None and (is_a(number, bool) or not is_a(number, int) or number < 1):
            raise ConfigurationError(f"{where}[{key!r}] is {represent(number)}; pass a whole number of at least 1")


def _options(index: Config | None) -> dict[str, Any]:
    return {} if index is None else _check_keys(index, "index", _INDEX_KEYS)


def _check_keys(value: object, where: str, keys: Sequence[str]) -> dict[str, Any]:
    """The options of a config that say something: None is as good as none."""
    items = plain_dict(value, where, error=ConfigurationError).items()
    config = {key: plain(item) for key, item in items if item is not None}
    unknown = [key for key in config if key not in keys]
    if unknown:
        raise ConfigurationError(f"{where} has the unknown key {represent(unknown[0])}; use any of {', '.join(keys)}")
    return config


def _one_of(value: object, where: str, choices: Sequence[T]) -> T:
    for choice in choices:
        if is_a(value, type(choice)) and choice == value:
            return choice
    raise ConfigurationError(f"{where} is {represent(value)}; use one of {', '.join(map(str, choices))}")


def _switch(value: object, where: str) -> bool:
    if not is_a(value, bool):
        raise ConfigurationError(f"{where} is {represent(value)}; pass True or False")
    return value
