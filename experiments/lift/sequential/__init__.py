"""Sequential readings: tests that are read while they run."""
