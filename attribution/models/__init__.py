"""The built-in attribution models, one idea per file."""
