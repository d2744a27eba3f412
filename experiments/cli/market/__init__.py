"""The commands about one simulated market: run, simulate, truth, record, scenarios, check."""
