"""The codec "mlp": a sine network whose weights are rounded while it is fitted, and entropy-coded."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

from torch import Tensor

from inr._errors import InrError
from inr._specs import format_spec
from inr.compression.bitstream.network import Parts, decode_field, decode_layout, encode_layout
from inr.compression.bitstream.stream import Cursor
from inr.compression.bitstream.weights import encode_weights
from inr.compression.codecs.base import Codec, OnEvent, Payload, codecs
from inr.compression.encoder.qat_fit import fit_rounded
from inr.compression.reference_weights import known_weights
from inr.field import Field, Spec
from inr.fitting import Setup, recommended_optimiser, whole_psnr
from inr.networks import MLP
from inr.signals import Domain, GridSignal

# bits of a weight under which networks of equal bytes did best, large and small ones, and bytes of a small one
_BITS, _BITS_OF_SMALL, _SMALL = 4.0, 6.2, 800
# fits of a small network to a small signal, of which the best is taken; samples of such a signal; and steps below which
# somebody is in a hurry
_FITS, _FEW, _HASTY = 4, 1 << 14, 1_000
# of the learning rate, from known weights: a large one leaves them far behind before anything is rounded
_FROM_KNOWN = 0.1


@codecs.register(
    "mlp",
    source="Strümpler et al., ECCV 2022",
    formula="W = Δ_l round(W / Δ_l), learned Δ_l; symbols by adaptive arithmetic coding",
    limits="a fit per file: seconds to minutes",
)
class MlpCodec(Codec):
    """One network for the signal; its weights are rounded while it is fitted and entropy-coded.

    The network reads sines and cosines of the coordinates (on the globe, points of the sphere), and has sine units. It
    is as wide as the bytes allow at about four bits a weight. Seven tenths of the steps are computed with rounded
    weights, and learn the bits besides the loss; which tensor is rounded how finely follows from how much the loss
    suffers, see `inr.compression.encoder.step_allocation`, instead of a width in bits for all of them as in the paper.
    No AdaRound follows: the last steps have learned the rounding. Small networks of small signals are fitted four
    times, and then rounded once more by second derivatives, see `inr.compression.encoder.refinement`.

    With initial weights, the network is as theirs, fitted from them, and coded are the differences.
    """

    def __init__(
        self,
        *,
        sphere: Annotated[bool, "whether x and y are longitude and latitude, once around the globe"] = False,
        initial: Annotated[str, "name of weights to begin from, see `inr.compression.initial_weights`"] = "",
    ) -> None:
        self._sphere, self._initial = sphere, initial

    def steps(self, signal: GridSignal) -> int:
        """Eighty passes over large signals; small ones get more, for their steps are fast."""
        return min(max(80 * signal.size // _batch(signal), 8_000), 40_000)

    def encode(
        self,
        signal: GridSignal,
        room: int,
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        on_event: OnEvent | None = None,
    ) -> Sequence[Payload]:
        """One section: depth and width, then the weights."""
        origin = self._origin(signal.domain)
        depth, width = self._layout(signal.domain, room)
        preface = encode_layout(depth, width)
        parts = self._parts(signal.domain, depth, width)
        rate = _rate(signal) if origin is None else _FROM_KNOWN * _rate(signal)
        setup = Setup(*parts, _batch(signal), steps, learning_rate=rate, optimiser=recommended_optimiser(steps))
        best, least = b"", -math.inf
        small = signal.size <= _FEW and room <= _SMALL and steps >= _HASTY and origin is None
        for other in range(_FITS if small else 1):
            field, rounded = fit_rounded(
                signal, setup, room - len(preface), engine=engine, seed=(seed + other) % 2**32, on_event=on_event,
                origin=origin,
            )  # fmt: skip
            if (found := whole_psnr(field, signal)) > least:
                best, least = encode_weights(rounded), found
        return [Payload("base", preface + best)]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, limit: int) -> Field:
        """See `Codec.decode`."""
        cursor = Cursor(payloads["base"])
        depth, width = decode_layout(cursor)
        origin = self._origin(domain)
        if origin is not None and (depth, width) != self._layout(domain, 0):
            raise InrError(f"it announces {depth} layers of {width} units, which its initial weights do not have")
        return decode_field(domain, self._parts(domain, depth, width), cursor.rest(), limit=limit, origin=origin)

    def _origin(self, domain: Domain) -> dict[str, Tensor] | None:
        """The initial weights, if there are any; raises InrError for those of another network than this codec's."""
        if not self._initial:
            return None
        field = known_weights(self._initial)
        found, wanted = field.config(), self._parts(domain, *self._layout(domain, 0)).build(domain, "meta").config()
        for part in found:
            if found[part] != wanted[part]:
                raise InrError(
                    f"initial weights are of {part} {format_spec(found[part])}, for this signal it has to be "
                    f"{format_spec(wanted[part])}: take those of a file that inr compress made of a signal as large"
                )
        return field.state_dict()

    def _parts(self, domain: Domain, depth: int, width: int) -> Parts:
        network = f"mlp:depth={depth},width={width}"
        if self._sphere:
            return Parts("sphere", "sine:omega=15", network)
        assert domain.shape is not None
        # an eighth of the samples of the longest axis is the highest frequency, in cycles
        octaves = max(math.log2(max(domain.shape) / 8), 1.0)
        frequencies = round(2 * octaves) * domain.in_dim
        return Parts(f"fourier:kind=positional,frequencies={frequencies},octaves={octaves:.3f}", "sine", network)

    def _layout(self, domain: Domain, room: int) -> tuple[int, int]:
        """Depth and width of the network that takes about so many bytes; of initial weights, theirs."""
        if self._initial:
            network = known_weights(self._initial).network
            if not isinstance(network, MLP):
                raise InrError(
                    f"initial weights are of a network {network.config()['name']}; mlp takes those of an mlp"
                )
            return network.depth, network.width
        weights = 8 * room / (_BITS if room > _SMALL else _BITS_OF_SMALL)
        depth = 3
        inside = self._features(domain)
        # weights = (depth - 1) w² + (inside + channels + depth) w + channels, the hidden layers counted with the first
        linear = inside + domain.channels + depth
        width = (math.sqrt(linear**2 + 4 * (depth - 1) * weights) - linear) / (2 * (depth - 1))
        return depth, max(int(width), 2)

    def _features(self, domain: Domain) -> int:
        return self._parts(domain, 1, 1).build(domain, "meta").encoding.out_dim


def _batch(signal: GridSignal) -> int:
    return min(signal.size, 8_192)


def _rate(signal: GridSignal) -> float:
    return 1e-3 if signal.size > 1 << 16 else 3e-3 if signal.size > _FEW else 5e-3
