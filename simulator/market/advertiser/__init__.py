"""The advertiser: what a process in the market sees at an hour, and what it can change."""
