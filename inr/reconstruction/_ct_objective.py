"""What is minimised where a field is to agree with what was measured along rays."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from inr.engines import Batch
from inr.field import Jet, Reads
from inr.reconstruction._ct_filter import Ramp
from inr.reconstruction._projector import Projector
from inr.reconstruction._projector_quadrature import Quadrature
from inr.signals import ValueMap, grid_range


class Projections:
    """A field's line integrals, over its values on a lattice, should be the measured ones.

    The loss is a mean squared error of normalised values, as far as the views see it, see `Ramp`, plus the prior:
    `tv` times the mean length of the differences from sample to sample.

    Args:
        projector: of the rays, over the lattice.
        ramp: weighs the residuals.
        measured: float32 (*projector.measured).
        values: the map from the field's values to the units of the integrals.
        tv: strength of the total variation.
        parts: samples of the lattice, along an axis, for each of the picture's, to which differences are taken.

    What only some of the views see, as the corners of a square, is drawn to 0: nothing else is known of it.

    Attributes:
        derivative_order: 0; the prior takes differences.
    """

    derivative_order = 0
    reads = Reads()

    def __init__(
        self,
        projector: Projector,
        ramp: Ramp,
        measured: Float32[np.ndarray, "..."],
        values: ValueMap,
        tv: float,
        parts: int = 1,
    ) -> None:
        self._projector, self._ramp, self._values, self._tv, self._parts = projector, ramp, values, tv, parts
        coverage = projector.adjoint(np.ones(projector.measured, np.float32))
        unseen = 1 - np.minimum(coverage / np.float32(0.9 * np.median(coverage)), 1)
        self._unseen = torch.from_numpy(unseen) if unseen.any() else None
        self._measured = torch.from_numpy(measured)
        self._coords = grid_range(projector.shape, 0, int(np.prod(projector.shape)))

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """The samples of the lattice."""
        return self._coords.to(batch.indices.device)

    def total(self, jet: Jet, batch: Batch) -> Float[Tensor, ""]:
        """The loss."""
        picture = jet.values[:, 0].reshape(self._projector.shape)
        restored = self._values.restore(picture)
        loss = self._ramp.form(self._projector.project(restored) - self._measured.to(picture.device))
        if self._unseen is not None:
            loss = loss + (self._unseen.to(picture.device) * restored.square()).mean()
        loss = loss / (self._values.data_range / 2) ** 2
        return loss + self._tv * self._parts * mean_variation(picture[None]) if self._tv else loss


class RayIntegrals:
    """A field's line integrals, by quadrature on the rays themselves, should be the measured ones.

    For rays that lie anyhow. A batch is some of the rays; the loss is the mean squared error of their integrals,
    divided by their lengths within the box, of normalised values.

    Args:
        rays: two points of every ray, float (n, 2, d).
        extent: side of the box round the origin.
        points: pieces of a ray.
        measured: float32 (n,).
        values: the map from the field's values to the units of the integrals.
    """

    derivative_order = 0
    reads = Reads()

    def __init__(
        self,
        rays: Float[np.ndarray, "n 2 d"],
        extent: float,
        points: int,
        measured: Float32[np.ndarray, " n"],
        values: ValueMap,
    ) -> None:
        self._rays, self._extent, self._points, self._values = rays, extent, points, values
        self._measured = torch.from_numpy(measured)
        self._last: tuple[Tensor, Quadrature] | None = None

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """The points on the batch's rays."""
        return self._quadrature(batch).coords.to(batch.indices.device)

    def total(self, jet: Jet, batch: Batch) -> Float[Tensor, ""]:
        """The loss."""
        quadrature = self._quadrature(batch)
        integrals = quadrature.project(self._values.restore(jet.values[:, 0]))
        measured = self._measured[batch.indices.cpu()].to(integrals)
        reach = quadrature.lengths.to(integrals)[:, 0] * self._points
        seen = reach > 0
        missed = (integrals - measured)[seen] / reach[seen]
        return missed.square().sum() / len(reach) / (self._values.data_range / 2) ** 2

    def _quadrature(self, batch: Batch) -> Quadrature:
        """Made once a step, which asks for the points and then for the integrals."""
        if self._last is None or self._last[0] is not batch.indices:
            rays = self._rays[batch.indices.cpu().numpy()]
            self._last = batch.indices, Quadrature(rays, self._extent, self._points)
        return self._last[1]


def mean_variation(channels: Float[Tensor, "c *shape"], softness: float = 1e-3) -> Float[Tensor, ""]:
    """The mean over samples of the length of the differences to the next ones, of all channels and axes at once.

    Args:
        channels: samples of every channel on a lattice.
        softness: what the length of no difference counts as, so that there is a slope everywhere.

    Returns:
        A scalar.
    """
    squared = torch.zeros_like(channels[0])
    for axis in range(1, channels.ndim):
        inner = channels.diff(dim=axis).square().sum(0)
        shape = list(inner.shape)
        shape[axis - 1] = 1
        squared = squared + torch.cat((inner, inner.new_zeros(shape)), axis - 1)
    return (squared + softness * softness).sqrt().mean()
