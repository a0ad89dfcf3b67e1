"""Encodings: coordinates to features."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.encodings._base import Encoding as Encoding
    from inr.encodings._base import encodings as encodings
    from inr.encodings._fourier import FourierFeatures as FourierFeatures
    from inr.encodings._grids import DenseGrid as DenseGrid
    from inr.encodings._grids import HashGrid as HashGrid
    from inr.encodings._identity import Identity as Identity
    from inr.encodings._lattice import PRIMES as PRIMES
    from inr.encodings._lattice import Level as Level
    from inr.encodings._sape import Sape as Sape

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "DenseGrid": "._grids",
        "Encoding": "._base",
        "FourierFeatures": "._fourier",
        "HashGrid": "._grids",
        "Identity": "._identity",
        "Level": "._lattice",
        "PRIMES": "._lattice",
        "Sape": "._sape",
        "encodings": "._base",
    },
)
