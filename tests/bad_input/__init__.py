"""Input that nobody means well, as data; and every entry point that it can come through."""
