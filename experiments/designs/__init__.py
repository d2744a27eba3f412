"""Designs: lift tests put into a world, run there and read there, each beside its truth."""
