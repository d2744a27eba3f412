"""Observational methods: what a channel's ads caused, read off people whom nobody assigned (conversions)."""
