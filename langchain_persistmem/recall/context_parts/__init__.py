"""The parts of a context: what fits, its words, what stands always, the journal, complete lists, the check by the chat model."""
