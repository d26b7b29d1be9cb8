"""What becomes of a statement in the light of what is known: which are the same, what is decided, and carrying it out."""
