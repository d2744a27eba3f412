"""Lessons: pages on which a learner guesses, moves a report's settings, and then sees the truth of a simulated market."""
