"""The simulator: people, ads and orders in a market whose truth is known."""
