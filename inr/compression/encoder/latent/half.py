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
        own, theirs = _same_numbers(half, whole, "half")
        self._own, self._theirs = own.to(step.device), theirs.to(step.device)
        finest, next_finest = _same_numbers(whole, whole, "finest")
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


def _same_numbers(layout: Layout, whole: Layout, kind: str) -> tuple[Tensor, Tensor]:
    """Which of one layout's parameters do a level lower what some of the whole picture's do; int64 places of both.

    Args:
        layout: of the halved picture.
        whole: of the whole one.
        kind: "half": of all parameters; "finest": `layout` is the whole picture's as well, and only those of its
            finest grid count.
    """
    finest = kind == "finest"
    own, theirs = [], []

    def add(name: str, other: str, columns: list[int], other_columns: list[int]) -> None:
        for vector, place, tensor, chosen in ((own, layout, name, columns), (theirs, whole, other, other_columns)):
            part = place.slices[tensor]
            numbers = np.arange(part.start, part.stop)
            shape = place.tensors[tensor]
            vector.append(numbers.reshape(shape[0], -1)[:, chosen].ravel() if chosen else numbers)

    for name in layout.tensors:
        kind_of, level, *rest = name.split(".")
        if kind_of in ("prefilter", "upsampling", "features"):
            other = ".".join([kind_of, str(int(level) + 1), *rest])
            if other not in whole.tensors or (finest and level != "0"):
                continue
            if rest == ["weight"]:
                theirs_by = {(grid.level, grid.hyper): i for i, grid in enumerate(whole.coarser(int(level) + 1))}
                shared = [
                    (i, theirs_by[grid.level + 1, grid.hyper])
                    for i, grid in enumerate(layout.coarser(int(level)))
                    if (grid.level + 1, grid.hyper) in theirs_by
                ]
                if shared:
                    add(name, other, *(list(each) for each in zip(*shared, strict=True)))
            else:
                add(name, other, [], [])
        elif name in ("synthesis.0.weight", "synthesis.linear"):
            count = 1 if finest else layout.levels
            add(name, name, list(range(count)), list(range(1, count + 1)))
        elif not finest:
            add(name, name, [], [])
    return torch.from_numpy(np.concatenate(own)), torch.from_numpy(np.concatenate(theirs))
