"""Turn any sampled signal into a small continuous function: fit, render, differentiate and save neural fields."""

__version__ = "0.1.0"
