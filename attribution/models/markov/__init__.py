"""Markov models: conversions lost when a channel is removed from the chain of touches."""
