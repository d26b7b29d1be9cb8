"""Connections: the connection string, pools, time limits, forks of the process, and the embedded server."""
