"""Turns of conversations: how they are stored, become memories, and follow the statements that rest on them."""
