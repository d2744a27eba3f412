"""Formats: touches, conversions, costs and counted paths, read from and written to files and data frames."""
