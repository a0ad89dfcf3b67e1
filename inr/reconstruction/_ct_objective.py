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
from inr.reconstruction._total_variation import mean_variation
from inr.signals import ValueMap, grid_range


class Projections:
    """A field's line integrals, over its values on a lattice, should be the measured ones.

    The loss is a mean squared error of normalised values, as far as the views see it, see `Ramp`, plus the prior:
    `strength` times the mean length of the differences from sample to sample.

    Args:
        projector: over the lattice, of the rays, or of `parts` of them for each bin of the detector.
        ramp: weighs the residuals.
        measured: float32 (views, *rows, detectors).
        unseen: of every sample of the lattice, the share of the views that do not see it.
        values: the map from the field's values to the units of the integrals.
        strength: of the total variation.
        parts: samples of the lattice, along an axis, for each of the picture's, to which differences are taken.

    What only some of the views see, as the corners of a square, is drawn to 0: nothing else is known of it.
    """

    reads = Reads()

    def __init__(
        self,
        projector: Projector,
        ramp: Ramp,
        measured: Float32[np.ndarray, "*views detectors"],
        unseen: Float32[np.ndarray, "*shape"],
        values: ValueMap,
        strength: float,
        parts: int = 1,
    ) -> None:
        self._projector, self._ramp, self._values, self._strength, self._parts = (
            projector,
            ramp,
            values,
            strength,
            parts,
        )
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
        integrals = self._projector.project(restored)
        if self._parts > 1:
            integrals = integrals.unflatten(-1, (-1, self._parts)).mean(-1)
        loss = self._ramp.form(integrals - self._measured.to(picture.device))
        if self._unseen is not None:
            loss = loss + (self._unseen.to(picture.device) * restored.square()).mean()
        loss = loss / (self._values.data_range / 2) ** 2
        return loss + self._strength * self._parts * mean_variation(picture[None]) if self._strength else loss


class RayIntegrals:
    """A field's line integrals, by quadrature on the rays themselves, should be the measured ones.

    For rays that lie anyhow. A batch is some of the rays; the loss is the mean squared error of their integrals,
    divided by their lengths within the box, of normalised values.

    Args:
        rays: two points of every ray, float (n, 2, d).
        extent: side of the box round the origin.
        points: pieces of a ray.
        measured: float32 (n,).

    Attributes:
        values: the map from the field's values to the units of the integrals.
        reach: of the rays within the box, float32 (n,), in their unit.
    """

    reads = Reads()

    def __init__(
        self,
        rays: Float[np.ndarray, "n 2 d"],
        extent: float,
        points: int,
        measured: Float32[np.ndarray, " n"],
    ) -> None:
        self._rays, self._extent, self._points = rays, extent, points
        self.values = ValueMap((-1.0,), (1.0,))
        self.reach = Quadrature(rays, extent, 1).lengths[:, 0].numpy()
        self._measured = torch.from_numpy(measured)
        self._last: tuple[Tensor, Quadrature] | None = None

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """The points on the batch's rays."""
        return self._quadrature(batch).coords.to(batch.indices.device)

    def total(self, jet: Jet, batch: Batch) -> Float[Tensor, ""]:
        """The loss."""
        quadrature = self._quadrature(batch)
        integrals = quadrature.project(self.values.restore(jet.values[:, 0]))
        measured = self._measured[batch.indices.cpu()].to(integrals)
        reach = quadrature.lengths.to(integrals)[:, 0] * self._points
        seen = reach > 0
        missed = (integrals - measured)[seen] / reach[seen]
        return missed.square().sum() / len(reach) / (self.values.data_range / 2) ** 2

    def _quadrature(self, batch: Batch) -> Quadrature:
        """Made once a step, which asks for the points and then for the integrals."""
        if self._last is None or self._last[0] is not batch.indices:
            rays = self._rays[batch.indices.cpu().numpy()]
            self._last = batch.indices, Quadrature(rays, self._extent, self._points)
        return self._last[1]
