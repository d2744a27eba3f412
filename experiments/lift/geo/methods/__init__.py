"""Geo methods: each predicts what treated geos would have done and reads the difference."""
