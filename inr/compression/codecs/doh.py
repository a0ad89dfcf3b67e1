"""The codec "doh": all weights of a network are random projections of one short code, which is all that is stored.

Payload: the numbers of sine layers, of units in each and of numbers in the code, as varints; the seed, uint32, and the
code's step, float16, both little-endian; then the code's integers, as `encode_integers` makes them.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.integers import decode_integers
from inr.compression.bitstream.network import MAX_LAYERS, MAX_UNITS, sine_network, with_weights
from inr.compression.bitstream.random_projection import Projection, signs_of
from inr.compression.bitstream.stream import Cursor
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.container import varint
from inr.field import Field, Spec
from inr.signals import Domain, GridSignal

# Most signs of a projection, as many as are made in about ten seconds, and most numbers of a code.
MAX_SIGNS, _MAX_NUMBERS = 1 << 31, 1 << 20
_FIXED = struct.Struct("<Ie")


@codecs.register(
    "doh",
    source="D'OH: Decoder-Only Random Hypernetworks, ACCV 2024",
    formula="vec(W_l) = s_l P_l z, P_l random from a seed, z coded",
    limits="slow to fit: every step generates all weights",
)
class DohCodec(Codec):
    """The network of "mlp" with weights that are fixed random projections of one code, which alone is learned.

    The weights of every layer, and its biases, are s P z with signs P drawn from a seed and one s a tensor, by which z
    of unit variance gives them a suitable variance: in hidden layers that of a sine network's initial weights. Signs
    are made by a counter-based generator and products are sums of integers, so the same weights come out on every
    machine. The network has half as many weights again as the code has numbers. The last two fifths of the steps are
    computed with a rounded code, whose step is as small as the bytes allow; gradients pass straight through.

    On small pictures it is 0.3 to 1.3 dB below "mlp" at equal bytes: rounding a number disturbs the whole network.
    The code has at most 36,000 numbers (2^31 signs): beyond about 22,000 bytes it only gets finer.
    """

    def __init__(
        self,
        *,
        sphere: Annotated[bool, "whether x and y are longitude and latitude, once around the globe"] = False,
    ) -> None:
        self._sphere = sphere

    def steps(self, signal: GridSignal) -> int:
        """As many as codec "mlp" has."""
        from inr.compression.encoder.network_size import step_count

        return step_count(signal)

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
        """One section: what is said in `inr.compression.codecs.doh`."""
        from inr.compression.encoder.hypernetwork import LEARNING_RATE, Code, fit_code, hypernetwork_size
        from inr.compression.encoder.integers import encode_integers
        from inr.compression.encoder.network_size import batch_size
        from inr.fitting import Setup

        left = max_bytes - _FIXED.size
        depth, width, latent = hypernetwork_size(signal.domain, left, MAX_SIGNS, sphere=self._sphere)
        parts = sine_network(signal.domain, depth, width, sphere=self._sphere)
        setup = Setup(*parts, batch_size(signal), steps, learning_rate=LEARNING_RATE, lattice_only=True)
        preface = varint(depth) + varint(width) + varint(latent)
        code = Code(latent, seed, left - len(preface))
        fit_code(signal, setup, code, engine=engine, seed=seed, fits=fits or FitSeries())
        return [Payload("base", preface + _FIXED.pack(seed, code.step) + encode_integers(code.rounded()))]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`. Refuses what takes more than 2^31 signs as well, so that damaged files end soon."""
        cursor = Cursor(payloads["base"])
        depth, width, latent = cursor.varint(), cursor.varint(), cursor.varint()
        if not (1 <= depth <= MAX_LAYERS and 1 <= width <= MAX_UNITS and 1 <= latent <= _MAX_NUMBERS):
            raise InrError(f"it announces a network of {depth} layers of {width} units made of {latent} numbers")
        seed, step = _FIXED.unpack(cursor.take(_FIXED.size))
        if not 0 < step < math.inf:
            raise InrError(f"the step of its numbers is {step}")
        parts = sine_network(domain, depth, width, sphere=self._sphere)
        count = parts.build(domain, "meta").parameter_count
        if 4 * count > max_bytes:
            raise InrError(f"its weights take {4 * count} bytes, more than the limit of {max_bytes}")
        if signs_of(count, latent) > MAX_SIGNS:
            raise InrError(f"{count} weights made of {latent} numbers would take too long")
        integers = decode_integers(cursor.rest(), latent, max_bytes=max_bytes).astype(np.int64)
        field = parts.build(domain)
        return with_weights(field, Projection(field, seed, latent).weights(integers, step))
