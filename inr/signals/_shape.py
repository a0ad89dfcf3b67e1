"""Shapes as signals: distances to a surface, or what is inside of it, at points drawn around it."""

import functools
from collections.abc import Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from inr._errors import InrError
from inr._tensor import Tensor
from inr.geometry import FARTHEST, space_filling
from inr.signals._domain import Axis, Domain, ValueMap
from inr.signals._formats import ShapeAs
from inr.signals._grid import block_ranges
from inr.signals._signal import Signal
from inr.signals._solid import Solid

FILLED = 0.9  # of half the box's side, which half of the longest side of a shape takes
POINTS_OF_A_BLOCK = 1 << 13  # that are drawn together
# Shares of the points, and the standard deviation of their distance from the surface along each axis; others are
# anywhere.
_MIXTURE = ((0.5, 0.01), (0.3, 0.003), (0.1, 0.06))


def shape_domain(
    low: Float[np.ndarray, " d"],
    high: Float[np.ndarray, " d"],
    represents: ShapeAs,
    source: str = "the shape",
    *,
    coloured: bool = False,
) -> tuple[Domain, Float[np.ndarray, " d"], float]:
    """The domain of a shape, which has one scale for all axes and for distances.

    Args:
        low, high: the shape's own box, in own units.
        represents: what the field's values are: signed distances ("sdf"), the logit of being outside ("occupancy"), or
            distances that are learned from points alone ("eikonal"). All are negative inside.
        source: what is said to be at fault.
        coloured: whether red, green and blue, from 0 to 255, are three more channels.

    Returns:
        The domain; the centre of its box, and half its side, in own units.

    Raises:
        InrError: a box without an extent.
    """
    farthest = float(max(np.abs(low).max(), np.abs(high).max()))
    if not farthest <= FARTHEST:
        raise InrError(f"{source} reaches as far as {farthest:.3g}: scale it, to {FARTHEST:g} at most")
    half = float((high - low).max()) / 2 / FILLED
    if not half > 0:
        raise InrError(f"{source} has no extent: all of it lies at one point")
    centre = (high + low) / 2
    axes = tuple(Axis(name, None, "", float(c - half), float(c + half)) for name, c in zip("xyz", centre, strict=False))
    scale = 1.0 if represents == "occupancy" else half
    colours = ((0.0,) * 3, (255.0,) * 3) if coloured else ((), ())
    values = ValueMap((-scale, *colours[0]), (scale, *colours[1]))
    return Domain("shape", axes, len(values.low), values, meta={"represents": represents}), centre, half


class ShapeSignal(Signal):
    """A solid, told by values at points around its surface, which are drawn when they are first asked for.

    Coordinates are those of a box with equal sides around the shape, and distances are in units of half its side, so
    that their gradient has length 1. Values are negative inside. Coloured solids have four channels: signed distances,
    and the colour of the closest point of the surface.

    Args:
        solid: in [-1, 1]^d.
        domain: as `shape_domain` gives it, of "sdf" or "occupancy".
        size: points of the pool.
        seed: of the points.

    Attributes:
        solid: as given.
        notes: what was found in the source, and what was done about it, in words.
    """

    def __init__(self, solid: Solid, domain: Domain, *, size: int = 1 << 20, seed: int = 0) -> None:
        super().__init__(np.zeros((1, 1), np.float32), domain)
        self.solid, self.notes = solid, solid.notes
        self._size, self._seed = size, seed

    @property
    def represents(self) -> Literal["sdf", "occupancy"]:
        """What the values are."""
        found: Literal["sdf", "occupancy"] = self.domain.meta["represents"]
        return found

    @property
    def size(self) -> int:
        """Number of points of the pool."""
        return self._size

    @property
    def pool(self) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n c"]]:
        """Coordinates and normalised values of all points, float32."""
        self._draw_up_to(self._size)
        return self._points

    @functools.cached_property
    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((self._size, self.in_dim), np.float32), np.zeros((self._size, self.channels), np.float32)

    @property
    def blocks_of_points(self) -> int:
        """How many blocks the pool is drawn and renewed in."""
        return -(-self._size // POINTS_OF_A_BLOCK)

    @functools.cached_property
    def _generations(self) -> Int[np.ndarray, " blocks"]:
        """How often each block has been renewed; -1 where it has not been drawn."""
        return np.full(self.blocks_of_points, -1)

    def renew(self, block: int, generation: int) -> None:
        """Draw a block of the pool anew, unless it is the one that is asked for.

        Args:
            block: which, from 0 on.
            generation: how often it has been renewed then; equal ones give equal points.
        """
        if self._generations[block] == generation:
            return
        coords, values = self._points
        part = slice(block * POINTS_OF_A_BLOCK, (block + 1) * POINTS_OF_A_BLOCK)
        coords[part], values[part] = self._drawn(len(coords[part]), block, generation)
        self._generations[block] = generation
        self._copies.clear()

    def _draw_up_to(self, size: int) -> None:
        """See to it that the first points of the pool are there."""
        for block in np.flatnonzero(self._generations[: -(-size // POINTS_OF_A_BLOCK)] < 0):
            self.renew(int(block), 0)

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """See `Signal.sources`: what the points are drawn around, and how."""
        return (*self.solid.sources, np.array([self._size, self._seed]))

    def _drawn(self, count: int, block: int, generation: int) -> tuple[np.ndarray, np.ndarray]:
        draw = np.random.default_rng((self._seed, block, generation))
        spreads = np.concatenate([np.full(int(share * count), spread) for share, spread in _MIXTURE])
        # those of the surface come in the order of its faces, of which each has all of the mixture
        points, values = self.solid.around(len(spreads), draw.permutation(spreads)[:, None], draw)
        anywhere = draw.uniform(-1, 1, (count - len(spreads), self.in_dim))
        points = np.concatenate((points, anywhere))
        values = np.concatenate((values, self.solid.values(anywhere)))
        values = np.sign(values) if self.represents == "occupancy" else values
        # neighbours in the pool are neighbours in space, as engines like it
        order = space_filling(points)
        return points[order], values[order]

    @property
    def _coords(self) -> Tensor:
        import torch

        return torch.from_numpy(self._points[0])

    @property
    def _targets(self) -> Tensor:
        import torch

        return torch.from_numpy(self._points[1])

    @property
    def array(self) -> np.ndarray:
        """Values of the pool in own units, (n, c)."""
        return self.domain.values.restore(self.pool[1])

    def coords(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """Coordinates of points of the pool, float32 (n, d); those up to the last of them are drawn first."""
        self._draw_for(indices)
        return self._on(indices.device, "_coords").index_select(0, indices)

    def values(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n c"]:
        """Values of points of the pool, float32 (n, c)."""
        self._draw_for(indices)
        return self._on(indices.device, "_targets").index_select(0, indices)

    def _draw_for(self, indices: Int[Tensor, " n"]) -> None:
        if len(indices) and self._generations[-1] < 0:
            self._draw_up_to(int(indices.max()) + 1)

    def blocks(self, block: int = 65_536) -> Iterator[tuple[Float[Tensor, "n d"], Float[Tensor, "n c"]]]:
        """All points of the pool in order; see `Signal.blocks`."""
        for start, stop in block_ranges(self.size, block):
            self._draw_up_to(stop)
            yield self._coords_of(start, stop), self._targets[start:stop].clone()

    def _coords_of(self, start: int, stop: int) -> Float[Tensor, "n d"]:
        self._draw_up_to(stop)
        return self._coords[start:stop].clone()
