"""What a codec is, and the registry that finds codecs by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from inr._errors import InrError
from inr._parts import Part, Registry
from inr.compression.fit_series import FitSeries
from inr.compression.reference_weights import LearnedWeights
from inr.field import Field, Spec
from inr.signals import Domain, GridSignal

if TYPE_CHECKING:
    from inr.compression.rate_control import Target

codecs = Registry(
    "codec",
    "inr.compression.codecs.ani",
    "inr.compression.codecs.coin",
    "inr.compression.codecs.differences",
    "inr.compression.codecs.doh",
    "inr.compression.codecs.latent",
    "inr.compression.codecs.mlp",
    "inr.compression.codecs.samples",
    "inr.compression.codecs.weights",
)


class Payload(NamedTuple):
    """A section to be.

    Attributes:
        name: of the section.
        data: its bytes.
        base: whether the file is worthless without it.
    """

    name: str
    data: bytes
    base: bool = True


class Codec(Part):
    """Turns signals on grids into few bytes, and those into fields. Its configuration is stored with them.

    Attributes:
        reference_name: the name of the reference weights that its payloads count from, see
            `inr.compression.reference_weights`; "" if there are none.
        keeps_sampling: whether its files tell what a sample measures; others reproduce points.
        saved_as_read: whether a field that was read from one of its files is saved with the file's own sections.
        finds_rate: whether it finds a file's size, or quality, by `encode_target` while it fits; for others, sizes are
            searched.
    """

    reference_name = ""
    keeps_sampling = False
    saved_as_read = False
    finds_rate = False

    def steps(self, signal: GridSignal) -> int:
        """How many steps a fit has where the user says nothing; 0 for as many as seconds allow."""
        raise NotImplementedError

    def seconds(self, signal: GridSignal, preset: str | None) -> float | None:
        """Of fitting, where the user gives no steps and no seconds; None for no limit.

        Args:
            signal: that is to be compressed.
            preset: how much time the user wants it to take, by name; None for the usual.

        Raises:
            InrError: presets that the codec has not.
        """
        if preset is not None:
            raise InrError(f"presets are codec latent's; give codec '{self.config()['name']}' steps or seconds")
        return None

    def check(self, domain: Domain) -> None:
        """Refuse signals that the codec does not take; raises InrError."""

    def stored(self) -> "Codec":
        """The codec as files name it: without what only encoding heeds."""
        return self

    def counting_from(self, reference: Field | LearnedWeights) -> "Codec":
        """This codec with weights that its payloads count from.

        Raises:
            UnknownWeights: it counts from others, by the name in its configuration.
            InrError: it counts from no other weights.
        """
        raise InrError(
            f"codec '{self.config()['name']}' takes no reference weights; mlp does, and differences of a base"
        )

    def outline(self, max_bytes: int) -> Sequence[Payload]:
        """Sections named and sized as those of `encode` may be: they tell what a file takes besides."""
        return [Payload("base", bytes(max_bytes))]

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
        """The sections of a signal, from coarse to fine, base sections first.

        Equal input gives equal bytes on one machine and number of threads.

        Args:
            signal: what is fitted.
            max_bytes: most bytes that all sections take together; as few as the codec can where that is too little.
            steps: of a fit.
            engine: what runs the fit.
            seed: of the first weights and of batches.
            fits: runs the fits, and tells, stops and resumes them; a new one if None.
        """
        raise NotImplementedError

    def encode_target(
        self,
        signal: GridSignal,
        target: "Target",
        pack: Callable[[Sequence[Payload]], bytes],
        *,
        steps: int,
        engine: Spec = "auto",
        seed: int = 0,
        fits: FitSeries,
    ) -> bytes:
        """The file that meets a target, or comes nearest, of codecs that find it while they fit.

        Args:
            signal: what is fitted.
            target: bytes of the file, or the quality of the samples it decodes to.
            pack: makes a file of sections.
            steps, engine, seed, fits: as of `encode`; steps 0 are as many as the seconds of `fits` allow.
        """
        raise NotImplementedError

    def decode(self, domain: Domain, payloads: Mapping[str, memoryview], *, max_bytes: int) -> Field:
        """The field of sections.

        Args:
            domain: of the field.
            payloads: by section name: all base ones, and those others that could be read.
            max_bytes: about how many bytes it may allocate.

        Raises:
            InrError: payloads that do not hold together.
        """
        raise NotImplementedError
