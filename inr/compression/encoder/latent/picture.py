"""Encoding a whole picture by codec "latent": its components, one after the other, and the sections of the file."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inr._cores import usable_cores
from inr.compression.bitstream.latent import component_table as form
from inr.compression.bitstream.latent.components import decode_part
from inr.compression.bitstream.latent.parameters import QuantisedParameters
from inr.compression.codecs.base import Payload
from inr.compression.encoder.latent.components import (
    SMALL_LOSSLESS,
    Part,
    flags_of,
    is_binary,
    parts_of,
    without_loss,
)
from inr.compression.encoder.latent.effort import check_memory, expected_bytes, expected_weight, suited_networks
from inr.compression.encoder.latent.finishing import finish
from inr.compression.encoder.latent.fit import FIT_SHARE, fit_component
from inr.compression.encoder.latent.network_coding import encode_parameters
from inr.compression.encoder.latent.rate import Goal
from inr.compression.encoder.latent.write import encode_latents
from inr.compression.fit_series import FitSeries
from inr.field import Spec
from inr.signals import GridSignal

Pack = Callable[[Sequence[Payload]], bytes]
# The share of the bytes, and of the seconds, that alpha takes at most, where it takes a fit.
_ALPHA_BYTES, _ALPHA_SECONDS = 0.2, 0.25
# Base holds pieces up to this share of all; a section is worth its name, length and checksum from so many bytes on.
_BASE_SHARE, _LEAST_SECTION = 0.05, 400
# How many dB more than asked for a fit aims at, and the variance of rounding to whole numbers.
_DB_TO_SPARE, _ROUNDING = 0.02, 1 / 12


@dataclass(frozen=True)
class Coded:
    """A coded component: what the table tells of it, its pieces, and whether it took a fit."""

    component: form.Component
    pieces: tuple[bytes, ...] = ()
    fitted: bool = False

    @property
    def size(self) -> int:
        """Bytes, without those of the table."""
        return len(self.component.networks) + sum(map(len, self.pieces))


@dataclass(frozen=True)
class Landing:
    """Bytes that a whole file may have, and what makes it of coded colour."""

    limit: int
    file: Callable[[Coded], bytes]


class PictureEncoder:
    """Encodes one picture, as often as it takes.

    Args:
        signal: picture or map.
        preset: of the networks, or "auto".
        steps: of the fit of colour; 0: as many as the seconds allow.
        engine: what runs the fits.
        seed: of the networks' first values.
        fits: runs the fits.

    Raises:
        InrError: there is not enough memory for so large a picture.
    """

    def __init__(self, signal: GridSignal, preset: str, steps: int, engine: Spec, seed: int, fits: FitSeries) -> None:
        check_memory(math.prod(signal.array.shape[:2]))
        self.signal = signal
        self._preset, self._steps, self._engine, self._seed, self._fits = preset, steps, engine, seed, fits
        self._parts = parts_of(signal)
        self._flags = flags_of(signal)

    @property
    def pixels(self) -> int:
        """How many the grid has."""
        return math.prod(self.signal.array.shape[:2])

    def of_bytes(self, limit: int, pack: Pack) -> list[Payload]:
        """Sections whose file has at most so many bytes, as far as there are files so small.

        Args:
            limit: bytes of the file.
            pack: makes a file of sections.
        """
        apart = [Payload("base", self._table(self._constants())), Payload("g0", b"", False), Payload("g1", b"", False)]
        room = max(limit - len(pack(apart)), 1)
        alpha = self._alpha(room * _ALPHA_BYTES, Goal(bytes=max(int(room * _ALPHA_BYTES), 1)))
        left = max(room - (alpha.size if alpha else 0), 1)
        landing = Landing(limit, lambda colour: pack(self._sections(colour, alpha)))
        found = self._colour(left, Goal(bytes=left), alpha, landing)
        # networks take some hundred bytes: below, there are flat components
        if len(landing.file(found)) > limit:
            found = self._flat(0)
            if alpha is not None and len(landing.file(found)) > limit:
                alpha = self._flat(1)
        return self._sections(found, alpha)

    def of_weight(self, weight: float) -> list[Payload]:
        """Sections at a weight of the rate.

        Args:
            weight: of a bit per pixel, in mean squared error of samples from 0 to 1.
        """
        expected = expected_bytes(self.pixels, weight)
        alpha = self._alpha(expected * _ALPHA_BYTES, Goal(weight=weight))
        return self._sections(self._colour(expected, Goal(weight=weight), alpha), alpha)

    def of_psnr(self, psnr: float) -> list[Payload]:
        """Sections that decode to so many dB over the range of the signal's values, or as near as there are."""
        wanted = self.signal.domain.values.data_range**2 * 10 ** (-(psnr + _DB_TO_SPARE) / 10)
        if all(self._flat_error(index) <= wanted for index in range(len(self._parts))):
            return self.flat()
        expected = expected_bytes(self.pixels, expected_weight(self._level(self._parts[0], 0, wanted)))
        start = self._parts[0].component.channels
        alpha = None
        if len(self._parts) > 1:
            alpha = self._alpha(expected * _ALPHA_BYTES, Goal(psnr=self._level(self._parts[1], start, wanted)))
            assert alpha is not None
            wanted = self._left(wanted, alpha)
        goal = Goal(psnr=self._level(self._parts[0], 0, wanted))
        return self._sections(self._colour(expected, goal, alpha), alpha)

    def flat(self) -> list[Payload]:
        """Sections of the smallest file there is: one colour, and one alpha."""
        colour, *alpha = (self._flat(index) for index in range(len(self._parts)))
        return self._sections(colour, *alpha)

    def _level(self, part: Part, start: int, error: float) -> float:
        """PSNR in dB of samples from 0 to 1 at which a mean squared error is reached, in own units, once rounded."""
        if not part.fitted:
            return 100.0
        span = float(max(form.ranges_of(part.component, self.signal.domain, start)[1]))
        if part.samples.dtype.kind != "f":
            error = max(error - _ROUNDING, error / 2)
        return -10 * math.log10(error / span**2)

    def _left(self, wanted: float, alpha: Coded) -> float:
        """The mean squared error that is left for colour, where alpha's is known."""
        colour, other = self._parts
        counts = [
            (self.pixels if part.importance is None else np.count_nonzero(part.importance)) * part.component.channels
            for part in (colour, other)
        ]
        if other.component.coding == form.CONSTANT or alpha.component.coding == form.LOSSLESS:
            errors = 0.0
        else:
            errors = self._error_of(1, alpha)
        return max((sum(counts) * wanted - counts[1] * errors) / max(counts[0], 1), wanted / 2)

    def _error_of(self, index: int, coded: Coded) -> float:
        """Mean squared error of a component coded as latents, in own units."""
        part, start = self._parts[index], index * self._parts[0].component.channels
        views = [memoryview(piece) for piece in coded.pieces]
        decoded = np.empty(part.samples.shape, part.samples.dtype)
        decode_part(coded.component, self.signal.domain, views, start, decoded, usable_cores())
        there = slice(None) if part.importance is None else part.importance > 0
        difference = decoded[there].astype(np.float64) - part.samples[there]
        return float(np.square(difference).mean())

    def _alpha(self, expected: float, goal: Goal) -> Coded | None:
        """The coded alpha, if there is one: as latents, or without loss where that is smaller."""
        if len(self._parts) < 2:
            return None
        part = self._parts[1]
        if not part.fitted:
            return Coded(part.component)
        packed = without_loss(part)
        exact = Coded(form.Component(1, form.LOSSLESS, pieces=1), (packed,))
        if self._fits.stopped or len(packed) <= SMALL_LOSSLESS or (is_binary(part) and len(packed) <= expected):
            return exact
        found = self._fitted(part, expected, goal, _ALPHA_SECONDS, preset="lop")
        return replace(exact, fitted=True) if exact.size <= found.size else found

    def _colour(self, expected: float, goal: Goal, alpha: Coded | None, landing: Landing | None = None) -> Coded:
        part = self._parts[0]
        if not part.fitted:
            return Coded(part.component)
        taken = _ALPHA_SECONDS if alpha is not None and alpha.fitted else 0.0
        late = self._fits.stopped
        found = self._fitted(part, expected, goal, 1 - taken, preset=self._preset, landing=landing)
        if not self._fits.stopped:
            return found
        if late:
            self._fits.remark("its colour had not been fitted yet")
        # a fit that had hardly begun is worse than one colour
        return self._flat(0) if self._error_of(0, found) > self._flat_error(0) else found

    def _counted(self, index: int) -> np.ndarray:
        """Samples of a component's pixels that count, float64 (pixels, channels)."""
        part = self._parts[index]
        there = slice(None) if part.importance is None else part.importance > 0
        return part.samples[there].reshape(-1, part.component.channels).astype(np.float64)

    def _mean(self, index: int) -> np.ndarray:
        """The mean of a component's pixels, in the samples' type."""
        mean = self._counted(index).mean(0)
        samples = self._parts[index].samples
        return (mean if samples.dtype.kind == "f" else np.rint(mean)).astype(samples.dtype)

    def _flat_error(self, index: int) -> float:
        """The mean squared error of a component that is flat, in own units."""
        if self._parts[index].component.coding == form.CONSTANT:
            return 0.0
        return float(np.square(self._counted(index) - self._mean(index)).mean())

    def _flat(self, index: int) -> Coded:
        """A component as its mean."""
        part = self._parts[index]
        if part.component.coding == form.CONSTANT:
            return Coded(part.component)
        little = self._mean(index).astype(part.samples.dtype.newbyteorder("<")).tobytes()
        return Coded(form.Component(part.component.channels, form.CONSTANT, constant=little))

    def _fitted(
        self, part: Part, expected: float, goal: Goal, share: float, *, preset: str, landing: Landing | None = None
    ) -> Coded:
        """The coded component of a fit; with `landing`, the whole file counts instead of the goal when it ends."""
        budget = self._fits.budget(self._steps or None, share)
        if preset == "auto":
            preset = suited_networks(self.pixels, expected, budget.seconds or math.inf, self._steps)
        fitted = fit_component(
            part.picture, part.importance, preset, goal, steps=budget.steps, seconds=budget.seconds, seed=self._seed,
            engine=self._engine, fits=self._fits,
        )  # fmt: skip

        def coded(parameters: QuantisedParameters, latents: np.ndarray) -> Coded:
            pieces = encode_latents(fitted.layout, parameters, latents)
            networks = encode_parameters(parameters)
            component = replace(part.component, preset=preset, networks=networks, pieces=len(pieces))
            return Coded(component, tuple(pieces), fitted=True)

        def write(parameters: QuantisedParameters, latents: np.ndarray) -> bytes:
            found = coded(parameters, latents)
            return b"".join([found.component.networks, *found.pieces]) if landing is None else landing.file(found)

        parameters, latents = finish(
            part.picture, part.importance, fitted, goal if landing is None else Goal(bytes=landing.limit), write=write,
            seed=self._seed, engine=self._engine,
            seconds=None if budget.seconds is None else (1 - FIT_SHARE) * budget.seconds,
            stopped=lambda: self._fits.stopped, stage=self._fits.stage,
        )  # fmt: skip
        self._fits.stage("coding")
        return coded(parameters, latents)

    def _constants(self) -> list[Coded]:
        """Components as the table tells them, without networks."""
        return [Coded(replace(part.component, preset="lop" if part.fitted else "")) for part in self._parts]

    def _table(self, coded: Sequence[Coded], pieces: Sequence[int] = (1, 1, 1)) -> bytes:
        return form.write_table(form.Table(self._flags, tuple(each.component for each in coded), tuple(pieces)))

    def _sections(self, colour: Coded, alpha: Coded | None = None) -> list[Payload]:
        coded = [colour] if alpha is None else [colour, alpha]
        order = form.piece_order([each.component for each in coded])
        pieces = [coded[component].pieces[number] for component, number in order]
        sections = shared_out(pieces)
        base = self._table(coded, [len(each) for each in sections]) + form.write_pieces(sections[0])
        others = [Payload(f"g{index}", form.write_pieces(each), base=False) for index, each in enumerate(sections[1:])]
        return [Payload("base", base), *others]


def shared_out(pieces: Sequence[bytes]) -> list[list[bytes]]:
    """Pieces by section, base first: it has the first one, and all after it that are small.

    Args:
        pieces: of the file, in order.
    """
    total = sum(map(len, pieces))
    sections: list[list[bytes]] = [[]]
    for piece in pieces:
        size = sum(map(len, sections[-1]))
        if len(sections) == 1:
            new = sections[0] and size + len(piece) > max(_BASE_SHARE * total, _LEAST_SECTION)
        else:
            new = size >= _LEAST_SECTION
        if new:
            sections.append([])
        sections[-1].append(piece)
    return sections
