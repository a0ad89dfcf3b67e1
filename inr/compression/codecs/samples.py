"""The codec "samples": the samples themselves, packed without loss."""

from collections.abc import Mapping, Sequence

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.samples import decode_samples
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.field import Field, SampledField, Spec
from inr.signals import Domain, GridSignal


@codecs.register(
    "samples",
    source="the usual lossless formats",
    formula="samples, packed; between them their interpolant",
    limits="as large as the signal is without loss, whatever is asked for",
)
class SamplesCodec(Codec):
    """No network: the samples without loss, and between them the interpolator of the signal's sampling model.

    For signals that a network of so few bytes is worse at: tiny ones, flat pictures, drawings and maps. Samples are
    packed by WebP or FLAC where these take them, or by deflate or LZMA after differences along axes, whichever is
    shortest.
    """

    def steps(self, signal: GridSignal) -> int:
        """One, which does nothing."""
        return 1

    def encode(
        self,
        signal: GridSignal,
        max_bytes: int,
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        fits: FitSeries | None = None,
    ) -> Sequence[Payload]:
        """One section: see `inr.compression.bitstream.samples`."""
        from inr.compression.encoder.samples import encode_samples

        return [Payload("base", encode_samples(signal))]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`."""
        if domain.shape is None:
            raise InrError("scattered samples have no grid")
        shape = (*domain.shape, domain.channels)
        array = decode_samples(payloads["base"], shape, np.dtype(domain.dtype), max_bytes=max_bytes)
        return SampledField(GridSignal(array, domain))
