"""The models: names and objects, calls with retries, the cache of vectors, the re-ranker, the local embedding model."""
