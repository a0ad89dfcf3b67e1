"""Encodings: coordinates to features."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.encodings._base import Encoding, encodings
    from inr.encodings._fourier import FourierFeatures
    from inr.encodings._grids import DenseGrid, HashGrid
    from inr.encodings._identity import Identity
    from inr.encodings._lattice import PRIMES, Level
    from inr.encodings._sape import Sape

__all__ = [
    "PRIMES",
    "DenseGrid",
    "Encoding",
    "FourierFeatures",
    "HashGrid",
    "Identity",
    "Level",
    "Sape",
    "encodings",
]
__getattr__, _ = lazy_exports(
    __name__,
    {
        "DenseGrid": "._grids",
        "Encoding": "._base",
        "FourierFeatures": "._fourier",
        "HashGrid": "._grids",
        "Identity": "._identity",
        "Level": "._lattice",
        "Sape": "._sape",
        "encodings": "._base",
        "PRIMES": "._lattice",
    },
)
