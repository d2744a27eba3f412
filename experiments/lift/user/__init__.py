"""User-level tests: tables of users read, one or several channels at a time, and planned."""
