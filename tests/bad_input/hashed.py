"""Vectors for tests of what is stored: what is asked of the embedding model there is only that it answers."""

import hashlib

from langchain_core.embeddings import Embeddings

from langchain_persistmem import Settings


class Hashed(Embeddings):
    """Vectors out of a hash: fast, and the same for the same text, whatever is in it."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        digest = hashlib.shake_256(text.encode(errors="surrogatepass")).digest(384)
        return [byte - 127.5 for byte in digest]


def settings(**more: object) -> Settings:
    """The name under which the test database knows its vectors, so that none has to be made anew."""
    name = "LocalEmbeddings:all-MiniLM-L6-v2-int8:384"
    return Settings(**{"embedding_model": name, "worker": False, **more})  # type: ignore[arg-type]
