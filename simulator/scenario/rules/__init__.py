"""The rules a scenario must keep, beyond the range of each value."""
