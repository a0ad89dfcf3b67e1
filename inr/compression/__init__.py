"""Signals and fields as few bytes: codecs, quantisers, entropy coding; enters the coding "integers" of sections."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports
from inr.compression import integer_sections  # noqa: F401  enters the coding with the container

if TYPE_CHECKING:
    from inr.compression.api import Compressed as Compressed
    from inr.compression.api import Quality as Quality
    from inr.compression.api import check_compression as check_compression
    from inr.compression.api import compress as compress
    from inr.compression.api import compress_and_measure as compress_and_measure
    from inr.compression.api import decode as decode
    from inr.compression.api import decompress as decompress
    from inr.compression.api import default_codec as default_codec
    from inr.compression.api import recompress as recompress
    from inr.compression.api import sample as sample
    from inr.compression.bitstream.integers import decode_integers as decode_integers
    from inr.compression.bounded import pack_bounded as pack_bounded
    from inr.compression.bounded import unpack_bounded as unpack_bounded
    from inr.compression.codecs import Codec as Codec
    from inr.compression.codecs import Payload as Payload
    from inr.compression.coding import fit as fit
    from inr.compression.encoder.integers import encode_integers as encode_integers
    from inr.compression.encoder.latent.effort import preset_seconds as preset_seconds
    from inr.compression.files import build_any_field as build_any_field
    from inr.compression.finishing import Finished as Finished
    from inr.compression.finishing import finish as finish
    from inr.compression.fit_options import FitOptions as FitOptions
    from inr.compression.fit_options import check_unstepped as check_unstepped
    from inr.compression.fit_series import FitSeries as FitSeries
    from inr.compression.integer_sections import CODING as CODING
    from inr.compression.integer_sections import codable as codable
    from inr.compression.keeping import Coding as Coding
    from inr.compression.keeping import Keeping as Keeping
    from inr.compression.keeping import coding_of as coding_of
    from inr.compression.reference_weights import UnknownWeights as UnknownWeights
    from inr.compression.reference_weights import checksum_name as checksum_name
    from inr.compression.stored_fields import halve as halve
    from inr.compression.stored_fields import sampled as sampled

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "CODING": ".integer_sections",
        "Codec": ".codecs",
        "Coding": ".keeping",
        "Compressed": ".api",
        "FitSeries": ".fit_series",
        "FitOptions": ".fit_options",
        "Finished": ".finishing",
        "Keeping": ".keeping",
        "Payload": ".codecs",
        "Quality": ".api",
        "UnknownWeights": ".reference_weights",
        "build_any_field": ".files",
        "check_compression": ".api",
        "check_unstepped": ".fit_options",
        "checksum_name": ".reference_weights",
        "codable": ".integer_sections",
        "coding_of": ".keeping",
        "compress": ".api",
        "compress_and_measure": ".api",
        "decode": ".api",
        "default_codec": ".api",
        "decode_integers": ".bitstream.integers",
        "decompress": ".api",
        "encode_integers": ".encoder.integers",
        "finish": ".finishing",
        "fit": ".coding",
        "halve": ".stored_fields",
        "pack_bounded": ".bounded",
        "preset_seconds": ".encoder.latent.effort",
        "recompress": ".api",
        "sample": ".api",
        "sampled": ".stored_fields",
        "unpack_bounded": ".bounded",
    },
)
