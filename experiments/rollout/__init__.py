"""Rollout: the CPA shift that a change of tracking must bring, and which shift would be a bug."""
