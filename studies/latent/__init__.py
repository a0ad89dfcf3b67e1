"""Studies of the codec latent."""
