"""The command `persistmem`: one module for each subcommand."""
