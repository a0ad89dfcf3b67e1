"""How codec `latent` spends its time, and what its fits gain by."""
