"""Fields that are open, ready to be evaluated, as many as there is room for."""

import functools
import math
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32

import inr.io
from inr._errors import InrError
from inr.engines import executor, plan
from inr.field import Field
from inr.serving.views._images import FieldImage
from inr.serving.views._shapes import OpenShape
from inr.signals import Box, Domain, block_ranges, unpack_missing

_HANDLING = 4096  # multiplications that would take as long as it does to make a point, and a value into a pixel


class OpenField:
    """A field with its plan.

    Args:
        path: its file.

    Attributes:
        field: what is in the file.
        domain: its domain, which has a grid.
        bytes: that it takes in memory, about.
    """

    def __init__(self, path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sections that it can do without
            self.field: Field = inr.io.load(path)
        _, self._plan = plan(self.field)
        self._plan.prepare()
        self._execute = executor(self.field, self._plan)
        weights = sum(each.numel() * each.element_size() for each in self.field.parameters())
        self.bytes = 2 * weights + path.stat().st_size + (8 << 20)  # with its packed weights and buffers

    @property
    def domain(self) -> Domain:
        """What coordinates and values mean."""
        return self.field.domain

    @functools.cached_property
    def shape(self) -> OpenShape:
        """As a shape; raises InrError for a field of another kind."""
        return OpenShape(self.field)

    @property
    def cost(self) -> float:
        """Multiplications for one point, about."""
        network = sum(each.numel() for each in self.field.network.parameters())
        return float(network + 8 * self.field.encoding.out_dim + _HANDLING)

    def render(self, shape: tuple[int, ...], box: Box, *, seconds: float = math.inf) -> Float32[np.ndarray, "..."]:
        """Samples on a grid, as `Field.render` gives them; raises InrError where that takes more than some seconds."""
        whole = all(ends == (-1.0, 1.0) for ends in box)
        until = time.monotonic() + seconds

        def execute(coords: torch.Tensor) -> torch.Tensor:
            if time.monotonic() > until:
                raise InrError(f"{math.prod(shape):,} samples of this field take more than {seconds:g} seconds")
            return self._execute(coords)

        return self.field.render(shape, None if whole else box, block=self._plan.block, execute=execute)

    def measure(
        self, coords: Float[np.ndarray, "n d"], places: Float32[np.ndarray, "p d"]
    ) -> Float32[np.ndarray, "n c"]:
        """Samples at coordinates, each the mean over some places around it, in own units; NaN where one is missing."""
        values = np.zeros((len(coords), self.domain.channels), np.float32)
        for start, stop in block_ranges(len(coords), self._plan.block):
            for place in places:
                at = torch.from_numpy((coords[start:stop] + place).astype(np.float32))
                values[start:stop] += self._execute(at).float().cpu().numpy()
        values /= np.float32(len(places))
        self.domain.values.restore_(values)
        if self.domain.missing:
            missing = unpack_missing(self.domain.missing, self.domain.shape or ())
            values[missing[cells_at(coords, missing.shape)]] = np.nan
        return values


def cells_at(coords: Float[np.ndarray, "n d"], shape: Sequence[int]) -> tuple[np.ndarray, ...]:
    """The cells of a grid in which coordinates lie, indices by axis of the array."""
    axes = zip(reversed(coords.T), shape, strict=True)
    return tuple(np.clip(((places + 1) / 2 * size).astype(np.int64), 0, size - 1) for places, size in axes)


class OpenFields:
    """The fields that were asked for last.

    Args:
        limit: bytes that they may take, but for one that is larger alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._fields: OrderedDict[str, OpenField] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, image: FieldImage) -> OpenField:
        """A field, opened if it is not yet.

        Raises:
            InrError: its file is not there, or is damaged.
        """
        with self._lock:
            found = self._fields.get(image.sha256)
            if found is None:
                found = self._fields[image.sha256] = OpenField(image.path)
            self._fields.move_to_end(image.sha256)
            while len(self._fields) > 1 and sum(each.bytes for each in self._fields.values()) > self._limit:
                self._fields.popitem(last=False)
        return found
