"""Costs: what credited conversions cost and earn, per channel or segment (currency units)."""
