"""The systems that record: each claims actions by its own published rules."""
