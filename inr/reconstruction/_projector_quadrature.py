"""Line integrals of a field itself, without samples on a lattice in between."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from inr._errors import InrError


class Quadrature:
    """Integrals along rays as sums over points that lie on them, where they cross a square or a cube.

    Each ray's part within the box, and between its two points, is cut into equal pieces, and a piece counts with the
    value at its middle: the error falls with the square of a piece's length where the field is smooth.

    Args:
        rays: two points of every ray, float (n, 2, d), d being 2 or 3; they end there.
        extent: side of the box round the origin, in the unit of the rays.
        points: pieces of a ray.

    Attributes:
        coords: of the points, float32 (n · points, d), in [-1, 1], as of a field whose domain is the box: the second
            column counts downwards.
        lengths: of the pieces, float32 (n, 1), in the unit of the rays; 0 of rays that miss the box.

    Raises:
        InrError: rays of another shape, or no points.

    >>> rays = inr.reconstruction.Scan([0.0], detectors=1).rays().reshape(-1, 2, 2)
    >>> quadrature = inr.reconstruction.Quadrature(rays, extent=1.0, points=4)
    >>> quadrature.coords[:, 1].tolist(), quadrature.project(torch.ones(4)).tolist()
    ([0.75, 0.25, -0.25, -0.75], [1.0])
    """

    coords: Float32[Tensor, "m d"]
    lengths: Float32[Tensor, "n 1"]

    def __init__(self, rays: Float[np.ndarray, "n 2 d"], extent: float, points: int) -> None:
        if rays.ndim != 3 or rays.shape[1] != 2 or rays.shape[2] not in (2, 3):
            raise InrError(f"rays are two points each, (n, 2, 2) or (n, 2, 3), not {tuple(rays.shape)}")
        if points < 1:
            raise InrError(f"a ray is cut into at least 1 piece, not {points}")
        first, last = _crossings(rays, extent / 2)
        fractions = (np.arange(points) + 0.5) / points
        along = first[:, None] + (last - first)[:, None] * fractions
        start, direction = rays[:, :1], rays[:, 1:] - rays[:, :1]
        places = (start + along[..., None] * direction) / (extent / 2)
        places[..., 1] *= -1
        lengths = (last - first) * np.linalg.norm(direction[:, 0], axis=1) / points
        self.coords = torch.from_numpy(places.reshape(-1, rays.shape[2]).astype(np.float32))
        self.lengths = torch.from_numpy(lengths[:, None].astype(np.float32))

    def project(self, values: Float[Tensor, " m"]) -> Float[Tensor, " n"]:
        """The integrals of values at the points; differentiable by them.

        Args:
            values: at `coords`, in this order.

        Returns:
            One for each ray.
        """
        lengths = self.lengths.to(values)
        return (values.reshape(len(lengths), -1) * lengths).sum(1)

    def adjoint(self, integrals: Float[Tensor, " n"]) -> Float[Tensor, " m"]:
        """The transpose of `project`."""
        lengths = self.lengths.to(integrals)
        return (integrals[:, None] * lengths).expand(-1, len(self.coords) // len(lengths)).reshape(-1)


def _crossings(rays: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray]:
    """Where rays enter and leave a box, as fractions of the way between their points; equal where they miss it."""
    start, direction = rays[:, 0], rays[:, 1] - rays[:, 0]
    if not np.isfinite(rays).all() or not direction.any(1).all():
        raise InrError("a ray is given by two different points, of finite coordinates")
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack(((-half - start) / direction, (half - start) / direction))
    level = direction == 0  # along a face: within the slab or outside of it all the way
    inside = np.abs(start) <= half
    low = np.where(level, np.where(inside, -np.inf, np.inf), ends.min(0)).max(1)
    high = np.where(level, np.where(inside, np.inf, -np.inf), ends.max(0)).min(1)
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    return low, np.maximum(low, high)
