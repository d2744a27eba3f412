"""Predicted incrementality: what a campaign causes, foretold from attributed figures after many experiments (conversions)."""
