"""Tests of documentation, notebooks and words."""
