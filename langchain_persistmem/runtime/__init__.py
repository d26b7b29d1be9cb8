"""The `Backend` that flows await, embedding and chat models, setup, the identity of a run."""
