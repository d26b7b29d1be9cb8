"""Databases of before are brought to the present form."""
