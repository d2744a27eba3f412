"""Designs: lift tests as they are put into a scenario, run in its world and read there, each beside its truth."""
