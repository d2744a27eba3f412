"""Optimising: budgets moved again and again by what a signal says, and the real orders that brings."""
