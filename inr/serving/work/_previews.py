"""Pictures of a field while it is fitted: the first one early, and all of them for little of the time."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from inr._errors import InrError
from inr.field import Execute, Field
from inr.serving.work._pictures import LARGEST_SIDE, save_picture, save_pixels
from inr.serving.work._task import Task
from inr.shapes import flat_picture, implicit, picture
from inr.signals import block_ranges, grid_range

if TYPE_CHECKING:
    from inr.fitting import Fitter

_FIRST = 0.25  # seconds of fitting before the first one
_GAP, _SHARE = 0.4, 0.05  # seconds from one to the next at least, and the share of the time that they take at most
_EARLY = 0.5  # of that time, what the first ones may take before it is their turn: most is to be seen early in a fit
_SHORTEST = 1.0  # seconds; shorter jobs show their end only
_SHAPE_SIDE = 320  # pixels of shapes, of which every one takes several points: the last one is to be there in a second
_SMALLEST_SIDE = 192  # pixels; pictures grow from there as far as time allows


class Previews:
    """Draws a field into the job's folder now and then.

    Args:
        task: is told of every picture.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._side = _SMALLEST_SIDE
        self._begun = time.perf_counter()
        self._due = self._begun + _FIRST
        self._spent = 0.0

    def look(self, fitter: "Fitter", step: int) -> None:
        """Draw the field that is being fitted, if it is time to.

        Args:
            fitter: between two steps.
            step: how many it has taken.
        """
        begin = time.perf_counter()
        if begin < self._due:
            return
        planned = fitter.seconds / max(step, 1) * fitter.steps
        if planned < _SHORTEST:
            self._due = begin + _FIRST
            return
        if not self.draw(fitter.field, fitter.execute, fitter.plan.block, self._side):
            # a shape has no surface before it has learned something
            self._due = begin + _GAP if fitter.field.domain.kind == "shape" else float("inf")
            return
        now = time.perf_counter()
        cost = now - begin
        self._spent += cost
        # what they have taken is to stay within their share, of which a part is lent at the beginning
        self._due = max(now + _GAP, self._begun + (self._spent + cost) / _SHARE - _EARLY * planned)
        if 4 * cost < _SHARE * 4 * _GAP:
            self._side = min(2 * self._side, LARGEST_SIDE)

    def draw(self, field: Field, execute: Execute | None = None, block: int = 16_384, side: int = LARGEST_SIDE) -> bool:
        """Draw a field of a picture, the middle slice of a volume or video, or a shape; False if nothing is to be seen.

        Args:
            field: what is drawn.
            execute: what evaluates it.
            block: points evaluated at once.
            side: the most pixels of one side.
        """
        shape = field.domain.shape
        if field.domain.kind == "shape":
            try:
                pixels = _shape_pixels(field, execute, side)
            except InrError:
                return False
            return self._keep(lambda path: save_pixels(pixels, path))
        if field.domain.kind not in ("image", "video", "volume") or shape is None or len(shape) < 2:
            return False
        scale = min(side / max(shape[-2:]), 1.0)
        size = (*[1] * (len(shape) - 2), *(max(round(each * scale), 1) for each in shape[-2:]))
        samples = _points(field, execute or field, size, block)
        return self._keep(lambda path: save_picture(samples, field.domain, path))

    def _keep(self, save: Callable[[Path], bool]) -> bool:
        """Put a picture in the place of the last one, and say so; False where there is none."""
        temporary = self._task.folder / ".inr-preview.webp"
        try:  # without waiting for the disk: a picture that is lost costs nothing
            drawn = save(temporary)
            if drawn:
                temporary.replace(self._task.folder / "preview.webp")
                self._task.previewed()
        except OSError:  # a full disk costs pictures, not the job
            return False
        return drawn


def _shape_pixels(field: Field, execute: Execute | None, side: int) -> np.ndarray:
    """A shape, as pages show it before anybody turns it."""
    side = min(side, _SHAPE_SIDE)
    shape = implicit(field, execute=execute)
    return flat_picture(shape, side) if shape.dimensions == 2 else picture(shape, (side, side))


@torch.no_grad()
def _points(field: Field, execute: Execute, size: tuple[int, ...], block: int) -> np.ndarray:
    """The field at the points of a grid, (*size, C) in own units: means over cells, as of `render`, take far longer."""
    samples = np.empty((math.prod(size), field.domain.channels), np.float32)
    for start, stop in block_ranges(len(samples), block):
        samples[start:stop] = execute(grid_range(size, start, stop)).float().cpu().numpy()
    return field.domain.values.restore_(samples).reshape(*size, -1)
