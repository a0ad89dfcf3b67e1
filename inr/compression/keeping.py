"""How the weights of a fit are kept, chosen by what is asked for and by the signal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from inr._errors import InrError, MissingExtra
from inr._specs import parse_spec
from inr.compression.encoder.coded_weights import CodedWeights, Rate
from inr.compression.integer_sections import codable
from inr.compression.stored_fields import file_size, sampled
from inr.encodings import HashGrid
from inr.field import Spec
from inr.fitting import default_setup
from inr.signals import GridSignal, LosslessSize, Signal, lossless_bytes, metadata_bytes

Coding = Literal["exact", "coded", "half", "samples"]
Source = Path | LosslessSize | None
# Shares of the lossless file that a coded one takes at most, and of the loss that rounding may add below that.
MAX_SHARE, GROWTH = 0.9, 0.01
# Signals whose lossless form takes less are kept as their samples where nothing is asked for: networks of so few bytes
# are poor at them, and at screens and flat pictures, whose samples take less than so many bits in that form. So are
# maps, of which coding loses metres.
_MIN_LOSSLESS_BYTES, _MIN_LOSSLESS_BITS = 16_000, 0.75
# Rows of a hash grid's finest levels for a byte of the file: about two bits a number are best for pictures and volumes,
# and six for sounds, of which more decibels are kept. And log2 of the fewest rows.
_ROWS_A_BYTE, _ROWS_A_BYTE_OF_SOUND, _MIN_LOG2_SIZE = 0.45, 0.19, 8
# Bytes of a header that names what is not usual, for the first bound of what weights may take.
_HEADER = 300
# A profile or EXIF in a header is text, which takes at most a part in so many more than the bytes that a source holds.
_TEXT_OVERHEAD = 32
# How many standard deviations of errors the largest is, for a first guess.
_LARGEST_ERROR = 5.0


def coding_of(wishes: Mapping[str, Any]) -> Coding | None:
    """How weights are to be kept, by options of which each stands for one way.

    Args:
        wishes: by the name of a coding, something that is true where it is asked for; other names do not matter.

    Returns:
        The coding; None where none is asked for.

    Raises:
        InrError: several are asked for.
    """
    asked = [coding for coding in get_args(Coding) if wishes.get(coding)]
    if len(asked) > 1:
        raise InrError(f"--{asked[0]} and --{asked[1]} contradict each other; give one")
    return asked[0] if asked else None


@dataclass(frozen=True)
class Keeping:
    """How the weights of a fit are kept.

    Args:
        coding: "coded" (rounded while they are fitted, and entropy-coded), "half" (16-bit floats) or "exact" (float32);
            or "samples", which takes no weights at all, see `SampledField`. None: coded if bytes are given; `suited`
            chooses for a signal.
        bytes: most bytes of the file; None: a share of the signal's lossless form.
        psnr: dB that the smallest file is to have; None: no target.
        max_error: the largest error that a sample of the smallest file may have, in own units; None: no bound.
        learned: whether a network is wanted in any case, because something of it or of its fit was asked for.

    Raises:
        InrError: an unknown coding, bytes that make no sense, or bytes of what is not coded.
        MissingExtra: coding is asked for, and the library for it is not installed.
    """

    coding: Coding | None = None
    bytes: int | None = None
    psnr: float | None = None
    learned: bool = False
    max_error: float | None = None

    def __post_init__(self) -> None:
        if self.coding not in (None, "coded", "half", "exact", "samples"):
            raise InrError(f"a field is kept coded, half, exact or as samples, not {self.coding!r}")
        if self.bytes is not None and self.bytes < 1:
            raise InrError(f"a file has at least 1 byte, got {self.bytes}")
        if self.bytes is not None and self.coding in ("half", "exact", "samples"):
            raise InrError(f"a number of bytes is kept by coding weights, which {self.coding} ones are not; give one")
        if self.max_error is not None:
            self._check_bound()
        if self.codes and not codable():
            raise MissingExtra("constriction", "compress", "entropy coding")

    def _check_bound(self) -> None:
        if not (self.max_error is not None and 0 < self.max_error < math.inf):
            raise InrError(f"a largest error must be a positive number, got {self.max_error}")
        if self.psnr is not None or self.bytes is not None:
            raise InrError("give one of bytes, a PSNR and a largest error")
        if self.coding in ("half", "exact"):
            raise InrError(f"a largest error is kept by coding weights, which {self.coding} ones are not; give one")

    @property
    def codes(self) -> bool:
        """Whether weights are coded."""
        return self.coding == "coded" or self.bytes is not None

    @property
    def smallest(self) -> bool:
        """Whether the smallest file is looked for that has some PSNR, or no larger error than some."""
        return (self.psnr is not None and self.bytes is None) or self.max_error is not None

    def level(self, signal: Signal) -> float | None:
        """The PSNR that is aimed at, in dB: that of errors of which the largest allowed is some standard deviations."""
        if self.max_error is None:
            return self.psnr
        return 20 * math.log10(_LARGEST_ERROR * signal.domain.values.data_range / self.max_error)

    def suited(self, signal: Signal, source: Source = None) -> "Keeping":
        """The same, with a coding that suits a signal where none is asked for.

        Args:
            signal: what is fitted.
            source: the file that it was read from, if there is one; or what the signal takes without loss, if known.

        Returns:
            Coded weights for grids of enough information, where the library for it is installed. The samples themselves
            for others, where these take no more than the signal's lossless form and no network is wanted. Exact weights
            for all else. Where a PSNR or a largest error is asked for, coded weights of any grid: the smallest file
            that has it.

        Raises:
            InrError: a largest error of scattered samples.
        """
        if self.max_error is not None and not isinstance(signal, GridSignal):
            raise InrError(
                "a largest error is kept of samples on grids; scattered ones are fitted to a PSNR, or as exact"
            )
        if self.coding is not None or self.bytes is not None:
            return self
        if not isinstance(signal, GridSignal):
            return replace(self, coding="exact")
        if self.smallest:
            return replace(self, coding="coded" if codable() else "exact")
        size = lossless_bytes(signal, source)
        metadata = metadata_bytes(signal.domain)
        pixels = size - metadata
        enough = pixels >= _MIN_LOSSLESS_BYTES and 8 * pixels >= _MIN_LOSSLESS_BITS * signal.size
        enough = enough and signal.domain.sampling != "point"
        if not (enough or self.learned) and file_size(sampled(signal)) <= size + metadata // _TEXT_OVERHEAD:
            return replace(self, coding="samples")
        return replace(self, coding="coded" if codable() and (enough or not self.learned) else "exact")

    def parametrisation(
        self, signal: Signal, source: Source, objective: Any, *, continuous: bool = True
    ) -> CodedWeights | None:
        """What a fit takes its weights from; None for its own."""
        if not self.codes:
            return None
        learned = objective is None or parse_spec(objective)["name"] == "squared"
        # rounding many bits a number needs few steps to be learned, and few bits need more
        start = 0.7 if self.bytes is None and not self.smallest else 0.5
        rate = self.rate(signal, source)
        return CodedWeights(signal, rate, start=start, bits_learned=learned, continuous=continuous)

    def table(self, signal: Signal, source: Source) -> Spec | None:
        """The default encoding with as many rows as the bytes are worth, where that is fewer than suit the signal.

        Args:
            signal: what is fitted.
            source: the file that it was read from, if there is one; or what the signal takes without loss, if known.

        Returns:
            A hash grid; None where the usual encoding will do.
        """
        if default_setup(signal).encoding != "hash":
            return None
        expected = max(float(self.most_bytes(signal, source) - metadata_bytes(signal.domain)), 1.0)
        if self.smallest:  # bytes halve by some 4 dB, and 45 dB take nearly all of them
            level = self.level(signal) or 0.0
            expected *= 2.0 ** min((level - 45) / 4, 0) if signal.domain.kind == "image" else 1.0
        sound = signal.domain.sampling == "band"
        rows = expected * (_ROWS_A_BYTE_OF_SOUND if sound else _ROWS_A_BYTE)
        size = max(round(math.log2(rows + 1)), _MIN_LOG2_SIZE)
        if size >= HashGrid.suited(signal)["log2_size"]:
            return None
        return f"hash:log2_size={size}" + (",levels=8" if sound else "")

    def rate(self, signal: Signal, source: Source) -> Rate:
        """How many bytes coded weights are to take."""
        most = self.most_bytes(signal, source)
        if self.smallest:
            most = max(most, 4 * signal.array.nbytes)
        growth = GROWTH if self.bytes is None else None
        return Rate(max(most - _HEADER - metadata_bytes(signal.domain), 1), growth, self.level(signal))

    def most_bytes(self, signal: Signal, source: Source) -> int:
        """Most bytes of the whole file, where it is not the smallest with some PSNR that is looked for."""
        return int(MAX_SHARE * lossless_bytes(signal, source)) if self.bytes is None else self.bytes
