"""Your own market: disagreeing figures explained, worlds fitted to a channel table."""
