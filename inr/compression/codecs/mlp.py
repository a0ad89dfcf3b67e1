"""The codec "mlp": a sine network whose weights are rounded while it is fitted, and entropy-coded."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

from torch import Tensor

from inr._errors import InrError
from inr._specs import format_spec
from inr.compression.bitstream.network import decode_field, read_layout, sine_network, write_layout
from inr.compression.bitstream.stream import Cursor
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.compression.reference_weights import LearnedWeights, UnknownWeights, checksum_name
from inr.container import GIB
from inr.field import Field, Spec
from inr.networks import MLP
from inr.signals import Domain, GridSignal

# Fits of a small network to a small signal, of which the best is taken; with fewer steps somebody is in a hurry.
_FITS_OF_SMALL, _MIN_STEPS_OF_SEVERAL_FITS = 4, 1_000
# The share of the learning rate that is taken from reference weights: a large one leaves them far behind before
# anything is rounded.
_RATE_FROM_REFERENCE = 0.1


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

    With reference weights, the network is as theirs, fitted from them, and coded are the differences.
    """

    def __init__(
        self,
        *,
        sphere: Annotated[bool, "whether x and y are longitude and latitude, once around the globe"] = False,
        initial: Annotated[str, "name of the reference weights, which `reference` of `inr.compress` sets"] = "",
    ) -> None:
        self._sphere, self.reference_name = sphere, initial
        self._reference: Field | None = None

    def counting_from(self, reference: Field | LearnedWeights) -> "MlpCodec":
        """See `Codec.counting_from`."""
        if not isinstance(reference, Field):
            raise InrError("codec 'mlp' counts from the weights of a field, and a base was given; differences takes it")
        name = checksum_name(reference)
        if self.reference_name not in ("", name):
            raise UnknownWeights(f"it counts from the reference weights {self.reference_name}; those given are {name}")
        if not isinstance(reference.network, MLP):
            raise InrError(
                f"reference weights are of a network {reference.network.config()['name']}; mlp takes those of an mlp"
            )
        found = MlpCodec(sphere=self._sphere, initial=name)
        found._reference = reference
        return found

    def steps(self, signal: GridSignal) -> int:
        """Eighty passes over large signals; small ones get more, for their steps are fast."""
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
        """One section: depth and width, then the weights."""
        from inr.compression.encoder import network_size
        from inr.compression.encoder.qat_fit import fit_rounded
        from inr.compression.encoder.weights import encode_weights
        from inr.fitting import Setup, recommended_optimiser, whole_psnr

        reference = self._reference_for(signal.domain)
        depth, width = self._layout_of_reference() or network_size.network_size(
            signal.domain, max_bytes, sphere=self._sphere
        )
        preface = write_layout(depth, width)
        parts = sine_network(signal.domain, depth, width, sphere=self._sphere)
        rate = network_size.learning_rate(signal) * (1.0 if reference is None else _RATE_FROM_REFERENCE)
        setup = Setup(
            *parts, network_size.batch_size(signal), steps, learning_rate=rate, optimiser=recommended_optimiser(steps),
            lattice_only=True,
        )  # fmt: skip
        small = signal.size <= network_size.MAX_SAMPLES_OF_SMALL and max_bytes <= network_size.MAX_BYTES_OF_SMALL
        several = small and steps >= _MIN_STEPS_OF_SEVERAL_FITS and reference is None
        fits = fits or FitSeries()

        def weights(other: int) -> bytes:
            _, rounded = fit_rounded(
                signal, setup, max_bytes - len(preface), engine=engine, seed=(seed + other) % 2**32, fits=fits,
                reference=reference,
            )  # fmt: skip
            fits.stage("coding")
            return preface + encode_weights(rounded)

        if not several:
            return [Payload("base", weights(0))]
        found: list[bytes] = []
        with fits.until_stopped(found):
            for other in range(_FITS_OF_SMALL):
                found.append(fits.kept(f"{max_bytes} bytes, fit {other}", partial(weights, other)))

        def quality(data: bytes) -> float:
            field = self.decode(signal.domain, {"base": memoryview(data)}, max_bytes=GIB)
            return whole_psnr(field, signal)

        return [Payload("base", max(found, key=quality) if len(found) > 1 else found[0])]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`."""
        cursor = Cursor(payloads["base"])
        depth, width = read_layout(cursor)
        reference = self._reference_for(domain)
        if reference is not None and (depth, width) != self._layout_of_reference():
            raise InrError(f"it announces {depth} layers of {width} units, which its reference weights do not have")
        parts = sine_network(domain, depth, width, sphere=self._sphere)
        return decode_field(domain, parts, cursor.rest(), max_bytes=max_bytes, reference=reference)

    def _layout_of_reference(self) -> tuple[int, int] | None:
        """Depth and width of the reference's network, if there is one."""
        if self._reference is None:
            return None
        network = self._reference.network
        assert isinstance(network, MLP)
        return network.depth, network.width

    def _reference_for(self, domain: Domain) -> dict[str, Tensor] | None:
        """The reference weights, if there are any.

        Raises:
            UnknownWeights: they were not given.
            InrError: they are of another network than this codec's for this domain.
        """
        if not self.reference_name:
            return None
        layout = self._layout_of_reference()
        if self._reference is None or layout is None:
            raise UnknownWeights(
                f"it counts from the reference weights {self.reference_name}: give their file, inr decompress "
                '--initial FILE (Python: inr.decompress(data, reference="FILE"))'
            )
        found = self._reference.config()
        wanted = sine_network(domain, *layout, sphere=self._sphere).build(domain, "meta").config()
        for part in found:
            if found[part] != wanted[part]:
                raise InrError(
                    f"reference weights are of {part} {format_spec(found[part])}, for this signal it has to be "
                    f"{format_spec(wanted[part])}: take those of a file that inr compress made of a signal as large"
                )
        return self._reference.state_dict()
