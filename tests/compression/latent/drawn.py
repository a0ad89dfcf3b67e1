"""Networks and latents drawn at random, for the tests of the codec latent."""

import numpy as np

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.parameters import QuantisedParameters, initial_integers

SIZES = [(1, 1), (5, 7), (33, 1), (1, 40), (64, 48), (61, 37)]


def drawn_parameters(layout: Layout, seed: int, exponent: int = 9, log_scale: float = 0.0) -> QuantisedParameters:
    """Networks as fits give them, about: small weights, filters near the initial ones, pictures within [0, 1].

    Args:
        layout: of the networks.
        seed: of the draw.
        exponent: steps are 2^-exponent.
        log_scale: what ln b is about.
    """
    draw = np.random.default_rng(seed)
    integers = {}
    for name, shape in layout.tensors.items():
        deviation = 0.15 / np.sqrt(shape[-1] if len(shape) > 1 else 4)
        found = np.rint(draw.normal(0, deviation, shape) * 2**exponent).astype(np.int64)
        if name.startswith(("prefilter", "upsampling")):
            found = initial_integers(layout, name, exponent) + found // 4
        integers[name] = found
    integers["entropy.2.bias"][1] = round((4 + log_scale) * 2**exponent)
    integers["synthesis.1.bias"][:] += 2**exponent // 2
    return QuantisedParameters(layout, integers, dict.fromkeys(layout.tensors, exponent))


def drawn_latents(layout: Layout, seed: int, scale: float = 1.5, outliers: float = 0.01) -> np.ndarray:
    """Latents by Laplace's distribution, int32 (latents,), a share of them a hundred times as large."""
    draw = np.random.default_rng(seed)
    found = np.rint(draw.laplace(0, scale, layout.latents)).astype(np.int32)
    found[draw.random(layout.latents) < outliers] *= 100
    return found
