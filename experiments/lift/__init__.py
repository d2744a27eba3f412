"""Lift tests: the effect of ads measured by experiment, and what an incremental conversion cost."""
