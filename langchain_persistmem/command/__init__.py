"""The `persistmem` command: one file per subcommand."""
