"""Regressions: models that fit conversions to touches and time, and what they are built on."""
