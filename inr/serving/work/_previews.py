"""Pictures of a field while it is fitted: the first one early, and all of them for little of the time."""

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from inr._files import replacing
from inr.field import Execute, Field
from inr.serving.work._pictures import LARGEST_SIDE, save_picture
from inr.serving.work._task import Task
from inr.signals import block_ranges, grid_range

if TYPE_CHECKING:
    from inr.fitting import Fitter

_FIRST = 0.25  # seconds of fitting before the first one
_GAP, _SHARE = 0.5, 0.05  # seconds from one to the next at least, and the share of the time that they take at most
_SHORTEST = 1.0  # seconds; shorter jobs show their end only
_SMALLEST_SIDE = 192  # pixels; pictures grow from there as far as time allows


class Previews:
    """Draws a field into the job's folder now and then.

    Args:
        task: is told of every picture.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._side = _SMALLEST_SIDE
        self._due = time.perf_counter() + _FIRST

    def look(self, fitter: "Fitter", step: int) -> None:
        """Draw the field that is being fitted, if it is time to.

        Args:
            fitter: between two steps.
            step: how many it has taken.
        """
        begin = time.perf_counter()
        if begin < self._due:
            return
        if fitter.seconds / max(step, 1) * fitter.steps < _SHORTEST:
            self._due = begin + _FIRST
            return
        if not self.draw(fitter.field, fitter.execute, fitter.plan.block, self._side):
            self._due = float("inf")
            return
        now = time.perf_counter()
        cost = now - begin
        self._due = now + max(_GAP, cost / _SHARE)
        if 4 * cost < _SHARE * 4 * _GAP:
            self._side = min(2 * self._side, LARGEST_SIDE)

    def draw(self, field: Field, execute: Execute | None = None, block: int = 16_384, side: int = LARGEST_SIDE) -> bool:
        """Draw a field of a picture, or the middle slice of a volume or video; False where there is nothing to show.

        Args:
            field: what is drawn.
            execute: what evaluates it.
            block: points evaluated at once.
            side: the most pixels of one side.
        """
        shape = field.domain.shape
        if field.domain.kind not in ("image", "video", "volume") or shape is None or len(shape) < 2:
            return False
        scale = min(side / max(shape[-2:]), 1.0)
        size = (*[1] * (len(shape) - 2), *(max(round(each * scale), 1) for each in shape[-2:]))
        samples = _points(field, execute or field, size, block)
        with replacing(self._task.folder / "preview.webp", force=True) as temporary:
            drawn = save_picture(samples, field.domain, temporary)
        if drawn:
            self._task.previewed()
        return drawn


@torch.no_grad()
def _points(field: Field, execute: Execute, size: tuple[int, ...], block: int) -> np.ndarray:
    """The field at the points of a grid, (*size, C) in own units: means over cells, as of `render`, take far longer."""
    samples = np.empty((math.prod(size), field.domain.channels), np.float32)
    for start, stop in block_ranges(len(samples), block):
        samples[start:stop] = execute(grid_range(size, start, stop)).float().cpu().numpy()
    return field.domain.values.restore_(samples).reshape(*size, -1)
