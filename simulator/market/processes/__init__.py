"""Processes that come with cpalab: rules by which platforms and teams act on a running market, one idea per file."""
