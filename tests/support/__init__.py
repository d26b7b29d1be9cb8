"""Support for tests: scripted models, corpora, ways to a person's memory."""
