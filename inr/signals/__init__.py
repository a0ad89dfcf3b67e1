"""Signals: reading them, sampling them, writing them back, and measuring how well they are reproduced."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.signals._arrays import usual_values as usual_values
    from inr.signals._compact import from_compact as from_compact
    from inr.signals._compact import to_compact as to_compact
    from inr.signals._continuous import CUBIC as CUBIC
    from inr.signals._continuous import QUADRATIC as QUADRATIC
    from inr.signals._continuous import SINC as SINC
    from inr.signals._continuous import SINC_STEPS as SINC_STEPS
    from inr.signals._continuous import Interpolant as Interpolant
    from inr.signals._continuous import axis_weights as axis_weights
    from inr.signals._continuous import sinc_table as sinc_table
    from inr.signals._domain import Axis as Axis
    from inr.signals._domain import Domain as Domain
    from inr.signals._domain import SamplingModel as SamplingModel
    from inr.signals._domain import ValueMap as ValueMap
    from inr.signals._formats import SUPPORTED as SUPPORTED
    from inr.signals._formats import ShapeAs as ShapeAs
    from inr.signals._grid import Box as Box
    from inr.signals._grid import block_ranges as block_ranges
    from inr.signals._grid import grid_coords as grid_coords
    from inr.signals._grid import grid_range as grid_range
    from inr.signals._grid import row_block as row_block
    from inr.signals._lossless import LosslessSize as LosslessSize
    from inr.signals._lossless import SourceSize as SourceSize
    from inr.signals._lossless import lossless_bytes as lossless_bytes
    from inr.signals._lossless import lossless_size as lossless_size
    from inr.signals._lossless import source_size as source_size
    from inr.signals._measure import band_limited as band_limited
    from inr.signals._measure import gauss_points as gauss_points
    from inr.signals._measure import measured_places as measured_places
    from inr.signals._metrics import psnr as psnr
    from inr.signals._metrics import snr as snr
    from inr.signals._metrics import ssim as ssim
    from inr.signals._missing import missing_at as missing_at
    from inr.signals._missing import nan_samples as nan_samples
    from inr.signals._missing import pack_missing as pack_missing
    from inr.signals._missing import unpack_missing as unpack_missing
    from inr.signals._motion import MOTION_BLOCK as MOTION_BLOCK
    from inr.signals._motion import VideoInterpolant as VideoInterpolant
    from inr.signals._motion import estimate_motion as estimate_motion
    from inr.signals._ms_ssim import ms_ssim as ms_ssim
    from inr.signals._open import as_signal as as_signal
    from inr.signals._open import is_store as is_store
    from inr.signals._open import open as open
    from inr.signals._open import shape_source as shape_source
    from inr.signals._oriented import OrientedSignal as OrientedSignal
    from inr.signals._picture import colour_profile as colour_profile
    from inr.signals._picture import has_alpha as has_alpha
    from inr.signals._picture import metadata_bytes as metadata_bytes
    from inr.signals._picture import without_story as without_story
    from inr.signals._pool import PointPool as PointPool
    from inr.signals._pool import Points as Points
    from inr.signals._shape import POINTS_OF_A_BLOCK as POINTS_OF_A_BLOCK
    from inr.signals._shape import ShapeSignal as ShapeSignal
    from inr.signals._shape_files import from_mesh as from_mesh
    from inr.signals._shape_files import from_points as from_points
    from inr.signals._shape_source import ShapeSource as ShapeSource
    from inr.signals._signal import GridSignal as GridSignal
    from inr.signals._signal import ScatteredSignal as ScatteredSignal
    from inr.signals._signal import Signal as Signal
    from inr.signals._signal import from_array as from_array
    from inr.signals._signal import from_samples as from_samples
    from inr.signals._silhouettes import from_mask as from_mask
    from inr.signals._silhouettes import from_outline as from_outline
    from inr.signals._sort import Sort as Sort
    from inr.signals._sort import sort_of as sort_of
    from inr.signals._wavelet_maxima import ModulusMaxima as ModulusMaxima
    from inr.signals._wavelet_maxima import modulus_maxima as modulus_maxima
    from inr.signals._write import cast_samples as cast_samples
    from inr.signals._write import default_suffix as default_suffix
    from inr.signals._write import file_format as file_format
    from inr.signals._write import rescaled_range as rescaled_range
    from inr.signals._write import write as write
    from inr.signals._xarray import Described as Described
    from inr.signals._xarray import described as described
    from inr.signals._xarray import from_dataarray as from_dataarray
    from inr.signals._xarray import indices_along as indices_along

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Axis": "._domain",
        "Box": "._grid",
        "CUBIC": "._continuous",
        "Described": "._xarray",
        "Domain": "._domain",
        "GridSignal": "._signal",
        "Interpolant": "._continuous",
        "LosslessSize": "._lossless",
        "MOTION_BLOCK": "._motion",
        "ModulusMaxima": "._wavelet_maxima",
        "OrientedSignal": "._oriented",
        "PointPool": "._pool",
        "Points": "._pool",
        "QUADRATIC": "._continuous",
        "SINC": "._continuous",
        "SINC_STEPS": "._continuous",
        "SUPPORTED": "._formats",
        "SamplingModel": "._domain",
        "ScatteredSignal": "._signal",
        "ShapeAs": "._formats",
        "POINTS_OF_A_BLOCK": "._shape",
        "ShapeSignal": "._shape",
        "ShapeSource": "._shape_source",
        "Signal": "._signal",
        "Sort": "._sort",
        "SourceSize": "._lossless",
        "ValueMap": "._domain",
        "VideoInterpolant": "._motion",
        "as_signal": "._open",
        "axis_weights": "._continuous",
        "band_limited": "._measure",
        "block_ranges": "._grid",
        "cast_samples": "._write",
        "colour_profile": "._picture",
        "default_suffix": "._write",
        "described": "._xarray",
        "estimate_motion": "._motion",
        "file_format": "._write",
        "from_array": "._signal",
        "from_compact": "._compact",
        "from_dataarray": "._xarray",
        "from_mask": "._silhouettes",
        "from_mesh": "._shape_files",
        "from_outline": "._silhouettes",
        "from_points": "._shape_files",
        "from_samples": "._signal",
        "gauss_points": "._measure",
        "grid_coords": "._grid",
        "grid_range": "._grid",
        "has_alpha": "._picture",
        "indices_along": "._xarray",
        "is_store": "._open",
        "lossless_bytes": "._lossless",
        "lossless_size": "._lossless",
        "measured_places": "._measure",
        "metadata_bytes": "._picture",
        "missing_at": "._missing",
        "modulus_maxima": "._wavelet_maxima",
        "ms_ssim": "._ms_ssim",
        "nan_samples": "._missing",
        "open": "._open",
        "pack_missing": "._missing",
        "psnr": "._metrics",
        "rescaled_range": "._write",
        "row_block": "._grid",
        "shape_source": "._open",
        "sinc_table": "._continuous",
        "snr": "._metrics",
        "sort_of": "._sort",
        "source_size": "._lossless",
        "ssim": "._metrics",
        "to_compact": "._compact",
        "unpack_missing": "._missing",
        "usual_values": "._arrays",
        "without_story": "._picture",
        "write": "._write",
    },
)
