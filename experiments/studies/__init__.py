"""Studies: what only `make study` runs; nothing imports it."""
