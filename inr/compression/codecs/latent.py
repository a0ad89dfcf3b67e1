"""The codec "latent": a pyramid of integers, a model of their probabilities and a small network that makes a picture.

Files are read without torch by `inr.compression.latent_files`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

from inr._errors import InrError
from inr.compression.bitstream.latent.component_table import check_domain
from inr.compression.bitstream.latent.components import decode_samples
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.fit_series import FitSeries
from inr.compression.rate_control import Target
from inr.field import Field, SampledField, Spec
from inr.signals import Domain, GridSignal


@codecs.register(
    "latent",
    source="Ladune et al., ICCV 2023; Cool-Chic 5.0.1",
    formula="ŷ_i = round(y_i), P(ŷ_i | what is decoded) = Laplace(μ, b), x = synthesis(upsample(ŷ))",
    limits="pictures of 1 to 4 channels and maps of 1; a fit per file, of minutes",
)
class LatentCodec(Codec):
    """Pictures and maps as a pyramid of integer grids, from which a small network makes the pixels.

    Grids, up-sampling filters, the network, and the model of the grids' probabilities are fitted to the one picture.
    Alpha has grids and networks of its own, or is packed without loss where that is smaller; colours of pixels that
    are not seen, and missing samples, do not count. Samples are decoded by exact arithmetic, equal on every machine.
    Between them, a decoded field is the interpolant of the signal's sampling model.

    Sections run from coarse to fine: any beginning of a file that holds "base" decodes. See
    `inr.compression.bitstream.latent.component_table` for what they hold.
    """

    keeps_sampling = True
    saved_as_read = True
    finds_rate = True

    def __init__(
        self,
        *,
        preset: Annotated[
            Literal["auto", "lop", "mop", "hop"], "complexity of the networks: 475, 1,027 or 1,931 products a pixel"
        ] = "auto",
    ) -> None:
        self._preset = preset

    def steps(self, signal: GridSignal) -> int:
        """As many as the seconds allow."""
        return 0

    def seconds(self, signal: GridSignal, preset: str | None) -> float:
        """See `Codec.seconds`, and `inr.compression.preset_seconds`."""
        from inr.compression.encoder.latent.effort import preset_seconds

        return preset_seconds(preset or "default", signal).seconds

    def check(self, domain: Domain) -> None:
        """See `Codec.check`."""
        check_domain(domain)

    def stored(self) -> "LatentCodec":
        """The codec without a preset: each component tells its own."""
        return LatentCodec()

    def outline(self, max_bytes: int) -> Sequence[Payload]:
        """A base and two enhancement sections."""
        third = max_bytes // 3
        sizes = {"base": max_bytes - 2 * third, "g0": third, "g1": third}
        return [Payload(name, bytes(size), name == "base") for name, size in sizes.items()]

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
        """See `Codec.encode`."""
        from inr.compression.encoder.latent.picture import PictureEncoder

        encoder = PictureEncoder(signal, self._preset, steps, engine, seed, fits or FitSeries())
        return encoder.of_bytes(max_bytes, lambda sections: b"".join(section.data for section in sections))

    def encode_target(
        self,
        signal: GridSignal,
        target: Target,
        pack: Callable[[Sequence[Payload]], bytes],
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        fits: FitSeries,
    ) -> bytes:
        """See `Codec.encode_target`. One fit; for a largest error a few, with corrections where it is exceeded."""
        from inr.compression.encoder.latent.largest_error import within_error
        from inr.compression.encoder.latent.picture import PictureEncoder

        encoder = PictureEncoder(signal, self._preset, steps, engine, seed, fits)
        if target.max_error is not None:
            return within_error(encoder, target.max_error, pack, fits)

        def sections() -> Sequence[Payload]:
            if target.bytes is not None:
                return encoder.of_bytes(target.bytes, pack)
            if target.psnr is not None:
                return encoder.of_psnr(target.psnr)
            assert target.weight is not None
            return encoder.of_weight(target.weight)

        return fits.kept("latent", lambda: pack(sections()))

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """See `Codec.decode`. The field is a `SampledField`: between samples it is their interpolant."""
        samples, told = decode_samples(domain, payloads, max_bytes=max_bytes)
        if samples.dtype.name != domain.dtype:
            raise InrError(f"it holds samples of {samples.dtype}, not {domain.dtype}")
        return SampledField(GridSignal(samples, told))
