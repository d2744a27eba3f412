"""The command line: `cpalab`."""
