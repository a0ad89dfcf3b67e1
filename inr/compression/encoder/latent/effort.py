"""How long fits of codec "latent" take, how complex their networks are, and what memory encoding takes."""

import math
from typing import NamedTuple

from inr._errors import InrError
from inr._memory import usable_memory
from inr.signals import Signal

# Seconds on two processor cores for a picture of 768 x 512.
SECONDS = {"fast": 60.0, "default": 240.0, "best": 900.0}
_PIXELS = 768 * 512
# By how much the seconds grow and shrink with the number of pixels, at most.
_MOST, _LEAST = 8.0, 1 / 20
# A bit per pixel and dB at a weight of 1e-3, as means over the Kodak pictures, and how they change with it: published
# points of Cool-Chic 5.0.1.
_BPP, _PSNR, _POWER, _DB_PER_DECADE = 0.482, 34.5, -0.52, 5.9
# Bytes of a component below which networks of a complexity cost more than they bring, and the seconds, for 768 x 512,
# and steps below which larger ones are not learned.
_FEW_BYTES = {"lop": 2_500, "mop": 7_000}
_FEW_SECONDS, _FEW_STEPS = 40.0, 1_000
# Bytes a pixel that encoding takes at most, while a file is finished; measured 620 at 1.5 megapixels.
_BYTES_A_PIXEL = 620


class PresetSeconds(NamedTuple):
    """Seconds of fitting.

    Attributes:
        seconds: of a picture.
        capped: whether so large a picture would take more, and gets no more.
    """

    seconds: float
    capped: bool


def preset_seconds(preset: str, signal: Signal) -> PresetSeconds:
    """The seconds of fitting that a preset means: 60, 240 or 900 for 768 x 512, in proportion to the pixels.

    At least a twentieth, and at most 8 times as many.

    Args:
        preset: "fast", "default" or "best".
        signal: of which only the size matters.

    Raises:
        InrError: no such preset.

    >>> inr.compression.preset_seconds("fast", inr.open("photo.png"))
    PresetSeconds(seconds=3.0, capped=False)
    """
    if preset not in SECONDS:
        raise InrError(f"a preset is one of {', '.join(SECONDS)}, not {preset!r}")
    share = signal.size / _PIXELS
    return PresetSeconds(SECONDS[preset] * min(max(share, _LEAST), _MOST), share > _MOST)


def expected_bytes(pixels: int, weight: float) -> float:
    """Bytes that a photograph comes to at a weight of the rate."""
    return _BPP * (weight / 1e-3) ** _POWER * pixels / 8


def expected_weight(psnr: float) -> float:
    """The weight of the rate at which a photograph comes to so many dB, of samples from 0 to 1."""
    return min(max(1e-3 * 10 ** ((_PSNR - psnr) / _DB_PER_DECADE), 1e-7), 1.0)


def suited_networks(pixels: int, size: float, seconds: float, steps: int) -> str:
    """The preset of networks for a component: simple ones for small files and short fits.

    Args:
        pixels: of the picture.
        size: bytes that the component may take, or is expected to.
        seconds: of the fit; infinite where steps decide.
        steps: of the fit; 0 where seconds decide.
    """
    if size < _FEW_BYTES["lop"]:
        return "lop"
    short = seconds * _PIXELS / pixels < _FEW_SECONDS if math.isfinite(seconds) else 0 < steps < _FEW_STEPS
    return "mop" if size < _FEW_BYTES["mop"] or short else "hop"


def check_memory(pixels: int) -> None:
    """Refuse a picture that would take more memory than there is: systems end such a process without a word.

    Args:
        pixels: of the picture.

    Raises:
        InrError: it would.
    """
    needed, there = _BYTES_A_PIXEL * pixels, usable_memory()
    if there is not None and needed > there:
        raise InrError(
            f"encoding {pixels / 1e6:.3g} megapixels takes about {needed / 1e9:.2g} GB of memory, and this machine has "
            f"{there / 1e9:.2g}: cut or shrink the picture, or take another codec, as mlp"
        )
