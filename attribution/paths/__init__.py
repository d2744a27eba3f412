"""Paths: touches and conversions become counted paths, the only thing a model sees."""
