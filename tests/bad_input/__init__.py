"""Input that nobody means well, as data; and every door that it can come through."""
