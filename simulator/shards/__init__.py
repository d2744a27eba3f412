"""A market's people spread over processes and machines: pinned shards, rounds of ticks, and where tasks run."""
