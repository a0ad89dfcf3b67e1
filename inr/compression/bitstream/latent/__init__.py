"""The format of pictures coded as pyramids of integer latents: all that a decoder needs, in exact integers."""
