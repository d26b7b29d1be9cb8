"""Texts as search knows them, stored and asked alike: their spelling, their tokens, the words of a query, and the scripts that models may not read."""
