"""Pictures from what a sensor made of them: means over larger pixels, and blur."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from inr._errors import InrError
from inr.engines import Batch
from inr.field import Jet, Reads
from inr.fitting import Setup
from inr.reconstruction._blur import Blur, read_kernel
from inr.reconstruction._classical import by_discrepancy, enlarged, richardson_lucy, root_mean_square, wiener
from inr.reconstruction._inputs import from_unit, plain_picture
from inr.reconstruction._noise import estimate_noise
from inr.reconstruction._problem import Classical, Problem
from inr.reconstruction._setups import smooth_grid
from inr.reconstruction._terms import check_prior, prior_facts
from inr.reconstruction._total_variation import mean_variation
from inr.signals import GridSignal, gauss_points, grid_coords

_VALUES = Reads()  # no derivatives
_WINDOW = 96  # pixels a side, of a larger picture, whose blur a step looks at
_STEP_POINTS = 16_384  # of a step of super-resolution
_STEPS = 800
_SUPERRESOLUTION = 1e-2  # strength of total variation
_DEBLURRING = 0.5, 1.3  # the same, as a factor and a power of the noise of normalised values
_OVER_MANY_POINTS = ("tv", "none")  # priors


@dataclass
class CellMeans:
    """Pixels that are means over their cells of a field, looked at in windows.

    Attributes:
        signal: the pixels.
        factor: how many pixels a side a pixel becomes.
        strength: of the total variation, of differences between neighbouring places: a grid may be flat at places and
            steep between them, which a prior of derivatives there does not see.
        side: of a window, in the signal's pixels.
        reads: values alone.
    """

    signal: GridSignal
    factor: int
    strength: float
    side: int
    reads: Reads = _VALUES

    def coords(self, batch: Batch) -> Float[Tensor, "n 2"]:
        """Places in the cells of a window, as many as the pixels that these become, or a few more; row after row."""
        height, width = self.signal.array.shape[:2]
        down, across = window(batch, (height, width), self.side)
        ys, xs = self._places(down, height), self._places(across, width)
        return torch.stack((xs.expand(len(ys), -1), ys[:, None].expand(-1, len(xs))), -1).flatten(0, 1)

    def total(self, jet: Jet, batch: Batch) -> Float[Tensor, ""]:
        """The mean squared distance of means from pixels, and the prior."""
        down, across = window(batch, self.signal.array.shape[:2], self.side)
        given = torch.from_numpy(self.signal.grid_values[down, across])
        a_side = len(self._offsets())
        places = jet.values.reshape(given.shape[0] * a_side, given.shape[1] * a_side, -1)
        means = places.unflatten(1, (-1, a_side)).unflatten(0, (-1, a_side)).mean((1, 3))
        return (means - given).square().mean() + variation(places, self.strength)

    def _offsets(self) -> list[float]:
        """From the centre of a cell along an axis, in cells."""
        return gauss_points(math.ceil(self.factor / 2))

    def _places(self, pixels: slice, size: int) -> Float[Tensor, " places"]:
        """Coordinates along an axis."""
        centres = torch.arange(pixels.start, pixels.stop, dtype=torch.float64) + 0.5
        offsets = torch.tensor(self._offsets(), dtype=torch.float64)
        return ((centres[:, None] + offsets) * (2 / size) - 1).flatten().float()


@dataclass
class BlurredWindows:
    """Pixels that are a blur of a field's, looked at in windows.

    Attributes:
        signal: the blurred pixels.
        blur: how they came about.
        strength: of the total variation, of differences between pixels, as that of `CellMeans`.
        side: of a window, in pixels.
        reads: values alone.
    """

    signal: GridSignal
    blur: Blur
    strength: float
    side: int
    reads: Reads = _VALUES

    def coords(self, batch: Batch) -> Float[Tensor, "n 2"]:
        """The pixels that a window's are means of, row after row."""
        rows, across = self.blur.rows_and_columns(window(batch, self.blur.shape, self.side))
        cells = rows[:, None] * self.blur.shape[1] + across
        return grid_coords(self.blur.shape, torch.from_numpy(cells.ravel()))

    def total(self, jet: Jet, batch: Batch) -> Float[Tensor, ""]:
        """The mean squared distance of blurred pixels from the given ones, and the prior."""
        down, across = window(batch, self.blur.shape, self.side)
        reach = self.blur.reach
        height, width = down.stop - down.start + 2 * reach[0], across.stop - across.start + 2 * reach[1]
        sharp = jet.values.reshape(height, width, -1)
        given = torch.from_numpy(self.signal.grid_values[down, across])
        return (self.blur.gather(sharp) - given).square().mean() + variation(sharp, self.strength)


def window(batch: Batch, shape: Sequence[int], side: int) -> tuple[slice, slice]:
    """A window around the first pixel of a batch, moved into the picture.

    Args:
        batch: of pixels.
        shape: of the picture, (h, w).
        side: of the window, in pixels.

    Returns:
        Its rows and columns.
    """
    found = []
    for centre, size in zip(divmod(int(batch.indices[0]), shape[1]), shape, strict=True):
        start = min(max(centre - side // 2, 0), max(size - side, 0))
        found.append(slice(start, min(start + side, size)))
    return found[0], found[1]


def variation(values: Float[Tensor, "h w c"], strength: float) -> Float[Tensor, ""] | float:
    """The total variation of a lattice's values, by channels, times its strength."""
    return strength * mean_variation(values.movedim(-1, 0) / math.sqrt(values.shape[-1])) if strength else 0.0


def superresolve(given: Any, *, factor: int = 2, prior: str = "tv", strength: float | None = None) -> Problem:
    """A picture of more pixels, whose means over the given ones' cells these are.

    Args:
        given: a picture.
        factor: how many pixels a side a pixel becomes.
        prior: "tv" or "none".
        strength: of the prior, in normalised values, which span 2, by the pixels that are wanted.

    Raises:
        InrError: a factor below 2.
    """
    if not 2 <= factor <= 16:
        raise InrError(f"a factor is a whole number from 2 to 16, got {factor}")
    picture, domain = plain_picture(given)
    chosen = _strength(prior, _SUPERRESOLUTION if strength is None else strength)
    signal = GridSignal(np.ascontiguousarray(picture), replace(domain, sampling="area"))
    shape = picture.shape[0] * factor, picture.shape[1] * factor
    wanted = replace(domain, sampling="area").resampled(shape)
    setup = _windows(shape, _STEPS)

    def by(kind: Image.Resampling) -> np.ndarray:
        return enlarged(picture, factor, kind)

    side = max(math.isqrt(_STEP_POINTS) // (2 * math.ceil(factor / 2)), 8)
    objective = CellMeans(signal, factor, chosen, side)
    return Problem(
        "superresolve", signal, objective, setup, wanted, picture.astype(np.float32),
        [
            Classical("bicubic", lambda: by(Image.Resampling.BICUBIC)),
            Classical("Lanczos", lambda: by(Image.Resampling.LANCZOS)),
        ],
        [
            f"a pixel is the mean over its cell, {factor} x {factor} pixels of the reconstruction",
            *prior_facts(prior, chosen),
        ],
    )  # fmt: skip


def deblur(
    given: Any,
    *,
    kernel: Any,
    noise: float | None = None,
    prior: str = "tv",
    strength: float | None = None,
) -> Problem:
    """A picture without a blur that is known.

    Args:
        given: a picture.
        kernel: the point spread function: the standard deviation of a Gaussian in pixels, a picture, or an array.
        noise: the standard deviation of the noise in the picture's units; estimated where None.
        prior: "tv" or "none".
        strength: of the prior, in normalised values, which span 2, and by pixels.

    Raises:
        InrError: a kernel of even sides, or without weights.
    """
    picture, domain = plain_picture(given)
    blur = Blur(read_kernel(kernel), picture.shape[:2])
    unit = (domain.values.normalise(picture) + 1) / 2
    spread = domain.values.data_range
    # numbers that are rounded have the noise of that at least
    rounding = 1 / math.sqrt(12) / spread if domain.dtype.startswith(("uint", "int")) else 1e-5
    sigma = max(estimate_noise(unit) if noise is None else noise / spread, rounding)
    chosen = _strength(prior, _DEBLURRING[0] * (2 * sigma) ** _DEBLURRING[1] if strength is None else strength)
    domain = replace(domain, sampling="point")
    signal = GridSignal(np.ascontiguousarray(picture), domain)
    side = max(picture.shape[:2]) if max(picture.shape[:2]) <= 128 else _WINDOW
    setup = _windows(picture.shape[:2], 2 * _STEPS)
    objective = BlurredWindows(signal, blur, chosen, side)

    def filtered() -> np.ndarray:
        def left(balance: float) -> float:
            return root_mean_square(blur(wiener(unit, blur, balance)) - unit)

        return from_unit(wiener(unit, blur, by_discrepancy(left, sigma, 1e-8, 1e2)), domain)

    def iterated() -> np.ndarray:
        return from_unit(richardson_lucy(unit, blur, sigma)[0], domain)

    facts = [
        f"noise {'estimated' if noise is None else 'given'}: σ = {sigma * spread:.4g}",
        f"a kernel of {blur.kernel.shape[1]} x {blur.kernel.shape[0]} pixels, edges mirrored",
        *prior_facts(prior, chosen),
    ]
    return Problem(
        "deblur", signal, objective, setup, domain, picture.astype(np.float32),
        [Classical("Wiener", filtered, "leaves the noise"), Classical("Richardson-Lucy", iterated, "until the noise")],
        facts,
    )  # fmt: skip


def _strength(prior: str, strength: float) -> float:
    """The weight of the total variation; 0 where there is none."""
    check_prior(prior, strength, _OVER_MANY_POINTS)
    return 0.0 if prior == "none" else strength


def _windows(shape: Sequence[int], steps: int) -> Setup:
    """Parts for a picture (h, w) that is wanted, of which a step looks at the window around one pixel."""
    return replace(smooth_grid(shape, finer=1.0, steps=steps, batch=1), teacher="uniform", lattice_only=True)
