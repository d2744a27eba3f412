"""`cpalab attribute` and what only it needs."""
