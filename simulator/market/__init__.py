"""The market: everything people share, as a SimPy model."""
