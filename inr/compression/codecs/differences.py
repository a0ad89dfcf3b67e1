"""The codec "differences": what the weights of a field differ by from those that similar signals taught."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.network import Parts, decode_field, with_weights
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.compression.reference_weights import LearnedWeights, UnknownWeights
from inr.field import Field, Spec
from inr.signals import Domain, GridSignal

# A name begins with a letter, for hexadecimal digits might be a number in a spec.
_LETTER = "b"
# Of the steps that codec mlp takes, what fits take that begin from a base, and their rate: a large one leaves what was
# learned far behind before anything is rounded.
_SHARE_OF_STEPS, _LEARNING_RATE = 1 / 4, 1e-3


@codecs.register(
    "differences",
    source="after He et al., RECOMBINER, ICLR 2024, whose weights have learned means and spreads",
    formula="W = W₀ + Δ_l round((W - W₀) / Δ_l); each integer coded under the spread that was learned for its weight",
    limits="needs the file of the base, of method trunk, maml or reptile, when it decodes",
)
class DifferencesCodec(Codec):
    """The field's parts and a start are those of a base (`inr.learn`); coded are the differences from the start.

    How large the difference of a weight is to be expected, was learned from fields of similar signals. Weights that
    hardly differed between those take next to no bits, and while the field is fitted with rounded weights, bits count
    beside the loss by this very measure, so that the fit moves what is cheap to move.
    """

    def __init__(
        self, *, base: Annotated[str, "name of the base, which `reference` of `inr.compress` sets"] = ""
    ) -> None:
        self.reference_name = base
        self._base: LearnedWeights | None = None

    @property
    def base_name(self) -> str:
        """The SHA-256 of the base, as it names itself."""
        return self.reference_name.removeprefix(_LETTER)

    def counting_from(self, reference: Field | LearnedWeights) -> "DifferencesCodec":
        """See `Codec.counting_from`."""
        if isinstance(reference, Field):
            raise InrError("codec 'differences' counts from a base (inr learn), and a field was given; mlp takes those")
        if self.base_name not in ("", reference.name):
            raise UnknownWeights(
                f"it needs the base of SHA-256 {self.base_name[:12]}…, and {reference.name[:12]}… is another"
            )
        if not reference.spread.keys() <= reference.weights.keys() or not reference.spread:
            raise InrError(
                "this base knows no spread of weights, which differences are coded under: learn one by method trunk, "
                "maml or reptile (inr learn)"
            )
        found = DifferencesCodec(base=_LETTER + reference.name)
        found._base = reference
        return found

    def steps(self, signal: GridSignal) -> int:
        """A quarter of those of codec mlp: much is learned already."""
        from inr.compression.encoder.network_size import step_count

        return round(_SHARE_OF_STEPS * step_count(signal))

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
        """One section: the differences."""
        from inr.compression.encoder import network_size
        from inr.compression.encoder.qat_fit import fit_rounded
        from inr.compression.encoder.weights import encode_weights
        from inr.fitting import Setup, recommended_optimiser

        base = self._given_base()
        setup = Setup(
            *Parts(**base.parts), network_size.batch_size(signal), steps, learning_rate=_LEARNING_RATE,
            optimiser=recommended_optimiser(steps), lattice_only=True,
        )  # fmt: skip
        fits = fits or FitSeries()
        _, rounded = fit_rounded(
            signal, setup, max_bytes, engine=engine, seed=seed, fits=fits, reference=base.weights,
            start=base.start(signal), spread=self._spread(),
        )  # fmt: skip
        fits.stage("coding")
        return [Payload("base", encode_weights(rounded, self._spread()))]

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`."""
        base = self._given_base()
        base.check(domain)
        field = decode_field(
            domain, Parts(**base.parts), payloads["base"], max_bytes=max_bytes, reference=base.weights,
            spread=self._spread(),
        )  # fmt: skip
        learned = {name for name, _ in field.named_parameters()}
        return with_weights(field, {name: each for name, each in base.weights.items() if name not in learned})

    def _given_base(self) -> LearnedWeights:
        if self._base is None:
            raise UnknownWeights(
                f"it needs the base of SHA-256 {self.base_name[:12]}…: give its file, --base FILE (Python: "
                'reference="FILE")'
                if self.reference_name
                else "codec 'differences' needs a base: give --base FILE (Python: reference=\"FILE\")"
            )
        return self._base

    def _spread(self) -> dict[str, np.ndarray]:
        return {name: each.numpy() for name, each in self._given_base().spread.items()}
