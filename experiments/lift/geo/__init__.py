"""Geo tests: lift and cost per incremental conversion from regions that saw different advertising."""
