"""The engines: ways to advance a population under one law."""
