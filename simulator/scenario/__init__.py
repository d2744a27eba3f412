"""The scenario: everything that is assumed about a market, validated before anything runs."""
