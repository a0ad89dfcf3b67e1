"""Fitting pictures as pyramids of integer latents: what only the encoder needs."""
