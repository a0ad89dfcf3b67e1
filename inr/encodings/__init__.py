"""Encodings: coordinates to features."""
