"""The commands that judge attribution models by the truth."""
