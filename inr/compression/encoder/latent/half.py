"""The picture at half its resolution, on which a fit begins: there a step takes a quarter of the time.

Each grid of the halved picture is the next coarser one of the whole picture, and has the same networks around it; the
whole picture's finest grid comes in later.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent.steps import LatentStep

# Fits of pictures with a shorter side begin at full resolution.
_LEAST_SIDE = 32


@dataclass(frozen=True)
class HalfLayout(Layout):
    """Grids and networks of a halved picture, which has one grid fewer that the synthesis sees."""

    whole_levels: int

    @property
    def levels(self) -> int:
        """All levels of the whole picture but its finest one."""
        return self.whole_levels - 1


def half_layout(whole: Layout) -> HalfLayout | None:
    """The layout on which the fit of a picture begins; None: it is too small."""
    if min(whole.height, whole.width) < _LEAST_SIDE:
        return None
    return HalfLayout(-(-whole.height // 2), -(-whole.width // 2), whole.channels, whole.preset, whole.levels)


def halved(planes: Float[np.ndarray, "c height width"]) -> Float[np.ndarray, "c height2 width2"]:
    """Means of 2 x 2 pixels; the last row and column are repeated where their number is odd."""
    height, width = planes.shape[1:]
    padded = np.pad(planes, ((0, 0), (0, height % 2), (0, width % 2)), "edge")
    return padded.reshape(len(planes), padded.shape[1] // 2, 2, padded.shape[2] // 2, 2).mean((2, 4), dtype=np.float32)


class HalfStep:
    """A step on the halved picture, with the whole picture's vector of parameters.

    A bit is to count a quarter there: there are four times as many for each pixel.

    Args:
        step: on the halved picture, of a `HalfLayout`.
        whole: the layout of the picture.

    Attributes:
        step: its latents and moments are those of the halved picture.
        weight_share: what the weight of a bit is to be multiplied by.
    """

    weight_share = 0.25

    def __init__(self, step: LatentStep, whole: Layout) -> None:
        self.step = step
        half = step.layout
        grids = {(grid.level, grid.hyper): grid for grid in whole.grids}
        places = [np.arange(grids[each.level + 1, each.hyper].start, grids[each.level + 1, each.hyper].stop)
                  for each in half.grids]  # fmt: skip
        self._latents = torch.from_numpy(np.concatenate(places)).to(step.device)
        own, theirs = _same_numbers(half, whole, finest=False)
        self._own, self._theirs = own.to(step.device), theirs.to(step.device)
        finest, next_finest = _same_numbers(whole, whole, finest=True)
        self._finest, self._next_finest = finest.to(step.device), next_finest.to(step.device)

    @torch.no_grad()
    def take(self, parameters: Tensor) -> None:
        """Set the parameters to those of the whole picture, (parameters,)."""
        self.step.parameters[self._own] = parameters[self._theirs]

    def gradient(self, like: Tensor) -> Tensor:
        """The last step's gradient by the whole picture's parameters, (parameters,); 0 for those without a part."""
        found = torch.zeros_like(like)
        found[self._theirs] = self.step.gradient[self._own]
        return found

    @torch.no_grad()
    def lift(self, latents: Tensor) -> None:
        """Set the whole picture's latents, (latents,), to these; the finest grid to 0."""
        latents.zero_()
        latents[self._latents] = self.step.latents

    @torch.no_grad()
    def begin_finest(self, parameters: Tensor) -> None:
        """Let the networks begin with the whole picture's finest grid as they ended with the next one."""
        parameters[self._finest] = parameters[self._next_finest]


def _same_numbers(layout: Layout, whole: Layout, *, finest: bool) -> tuple[Tensor, Tensor]:
    """Which of one layout's parameters do, a level lower, what some of the whole picture's do.

    Args:
        layout: of the halved picture, or of the whole one.
        whole: of the whole picture.
        finest: whether only those that the finest grid of `layout` has for itself count.

    Returns:
        Their places in the vectors of both, int64.
    """
    own: list[np.ndarray] = []
    theirs: list[np.ndarray] = []

    def add(name: str, other: str, columns: list[int] | None = None, others: list[int] | None = None) -> None:
        own.append(_places(layout, name, columns))
        theirs.append(_places(whole, other, others))

    for name in layout.tensors:
        part, level, *rest = name.split(".")
        if part in ("prefilter", "upsampling", "features"):
            other = ".".join([part, str(int(level) + 1), *rest])
            if other not in whole.tensors or (finest and level != "0"):
                continue
            if rest != ["weight"]:
                add(name, other)
                continue
            read = {(grid.level, grid.hyper): column for column, grid in enumerate(whole.coarser(int(level) + 1))}
            keys = [(grid.level + 1, grid.hyper) for grid in layout.coarser(int(level))]
            shared = [column for column, key in enumerate(keys) if key in read]
            add(name, other, shared, [read[keys[column]] for column in shared])
        elif name in ("synthesis.0.weight", "synthesis.linear"):
            columns = list(range(1 if finest else layout.levels))
            add(name, name, columns, [column + 1 for column in columns])
        elif not finest:
            add(name, name)
    return torch.from_numpy(np.concatenate(own)), torch.from_numpy(np.concatenate(theirs))


def _places(layout: Layout, name: str, columns: list[int] | None) -> np.ndarray:
    """Where a tensor's numbers, or those of some of its columns, are in the vector of all parameters."""
    part = layout.slices[name]
    numbers = np.arange(part.start, part.stop)
    return numbers if columns is None else numbers.reshape(layout.tensors[name])[:, columns].ravel()
