"""Designs by user: ads withheld from some people, cookies or log-ins."""
