"""Experiments: the questions asked of a simulated market, from truth and lift tests to the comparison of CPAs."""
