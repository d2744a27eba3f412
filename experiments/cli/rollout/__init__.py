"""The commands about a change of tracking: rollout and faults."""
