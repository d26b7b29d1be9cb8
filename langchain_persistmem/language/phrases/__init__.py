"""The parts of a language file as records, by subject; their fields are the keys of the file."""
