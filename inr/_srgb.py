"""Tones of sRGB (IEC 61966-2-1) and the light that they stand for."""

import numpy as np
from jaxtyping import Float


def linear_light(tones: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Light from sRGB tones, both from 0 to 1."""
    return np.where(tones <= 0.04045, tones / 12.92, ((tones + 0.055) / 1.055) ** 2.4).astype(np.float32)


def srgb_tones(light: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """sRGB tones of light, both from 0 to 1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)
