"""Measurements that decisions cite; run by hand."""
