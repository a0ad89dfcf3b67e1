"""Encodings: coordinates to features."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.encodings._base import Encoding as Encoding
    from inr.encodings._base import encodings as encodings
    from inr.encodings._bases import Basis as Basis
    from inr.encodings._bases import basis as basis
    from inr.encodings._bases import basis_smoothness as basis_smoothness
    from inr.encodings._cafe import CAFE as CAFE
    from inr.encodings._chebyshev import Chebyshev as Chebyshev
    from inr.encodings._compose import Concat as Concat
    from inr.encodings._compose import PerAxis as PerAxis
    from inr.encodings._factorised import CPGrid as CPGrid
    from inr.encodings._factorised import VMGrid as VMGrid
    from inr.encodings._fourier import Filter as Filter
    from inr.encodings._fourier import FourierFeatures as FourierFeatures
    from inr.encodings._grids import DenseGrid as DenseGrid
    from inr.encodings._grids import HashGrid as HashGrid
    from inr.encodings._harmonics import SphericalHarmonics as SphericalHarmonics
    from inr.encodings._identity import Identity as Identity
    from inr.encodings._integer import IntegerFourierFeatures as IntegerFourierFeatures
    from inr.encodings._lattice import PRIMES as PRIMES
    from inr.encodings._lattice import Lattice as Lattice
    from inr.encodings._lattice import Level as Level
    from inr.encodings._lattice import make_levels as make_levels
    from inr.encodings._learned import LearnedFourierFeatures as LearnedFourierFeatures
    from inr.encodings._oneblob import OneBlob as OneBlob
    from inr.encodings._planes import KPlanes as KPlanes
    from inr.encodings._planes import TriPlane as TriPlane
    from inr.encodings._sape import Sape as Sape
    from inr.encodings._shifted import ShiftedBasis as ShiftedBasis
    from inr.encodings._sphere import Sphere as Sphere
    from inr.encodings._table import blend_rows as blend_rows
    from inr.encodings._vertices import Corners as Corners
    from inr.encodings._vertices import grid_corners as grid_corners

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Basis": "._bases",
        "CAFE": "._cafe",
        "CPGrid": "._factorised",
        "Chebyshev": "._chebyshev",
        "Concat": "._compose",
        "Corners": "._vertices",
        "DenseGrid": "._grids",
        "Encoding": "._base",
        "Filter": "._fourier",
        "FourierFeatures": "._fourier",
        "HashGrid": "._grids",
        "Identity": "._identity",
        "IntegerFourierFeatures": "._integer",
        "KPlanes": "._planes",
        "LearnedFourierFeatures": "._learned",
        "Lattice": "._lattice",
        "Level": "._lattice",
        "OneBlob": "._oneblob",
        "PRIMES": "._lattice",
        "PerAxis": "._compose",
        "Sape": "._sape",
        "ShiftedBasis": "._shifted",
        "Sphere": "._sphere",
        "SphericalHarmonics": "._harmonics",
        "TriPlane": "._planes",
        "VMGrid": "._factorised",
        "basis": "._bases",
        "basis_smoothness": "._bases",
        "blend_rows": "._table",
        "encodings": "._base",
        "grid_corners": "._vertices",
        "make_levels": "._lattice",
    },
)
