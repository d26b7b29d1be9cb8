"""Everything that knows words: what is said of times, persons and commands, in any language that has a data file."""
