"""Shapley models: conversions shared over every order in which channels could have come."""
