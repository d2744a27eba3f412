"""Answers over an ensemble: one question put to every world that fits, and the range of what they say."""
