"""Texts as search knows them, stored and asked alike: their spelling, their tokens, and the scripts that models may not read."""
