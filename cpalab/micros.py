"""Money as integers: micros, millionths of a currency unit, as in the ad platforms' own APIs."""

MICROS = 1_000_000  # per currency unit
