"""Compiled kernels of a step of the codec "latent"; `inr.compression.encoder.latent.eager` is what they compute."""
