"""Search for the nearest vectors of one namespace."""
