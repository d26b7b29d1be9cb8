"""From a question to ranked memories and a context for the model."""
