"""Estimates: sums per arm, intervals that cannot contradict each other, and the price per conversion."""
