"""The truth: what ads caused, from twin worlds."""
