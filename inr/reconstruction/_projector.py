"""Line integrals of sampled pictures and volumes, and their transpose."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from inr._errors import InrError
from inr.jit import Call, run
from inr.reconstruction._projector_kernels import PROJECT, PROJECT_SOLID, SPREAD, SPREAD_SOLID


class Projector:
    """The integrals of a sampled picture or volume along rays, by Joseph's method, and the exact transpose.

    Nothing is stored of the matrix. Results are the same bits for any number of threads.

    Args:
        rays: two points of every ray, (*measured, 2, d), as of `Scan.rays`; the whole lines through them count.
        shape: samples in array order: (height, width), or (depth, height, width). The first row is the uppermost
            (largest y); the first slice is that of the smallest z.
        extent: width of the picture, in the unit of the rays; its samples are squares, or cubes, round the origin.
        threads: workers; as many as torch uses, where None.

    Attributes:
        measured: shape of what is measured.
        side: of a sample, in the unit of the rays.

    Raises:
        InrError: rays of another number of coordinates than the picture, or that are no lines.

    >>> scan = inr.reconstruction.Scan([0.0, 90.0], detectors=4)
    >>> projector = inr.reconstruction.Projector(scan.rays(), (4, 4), extent=4.0)
    >>> projector(np.ones((4, 4), np.float32)).tolist()
    [[4.0, 4.0, 4.0, 4.0], [4.0, 4.0, 4.0, 4.0]]
    """

    def __init__(
        self, rays: Float[np.ndarray, "*measured 2 d"], shape: Sequence[int], extent: float, threads: int | None = None
    ) -> None:
        self.shape, self.measured = tuple(shape), rays.shape[:-2]
        dims = len(self.shape)
        if dims not in (2, 3) or rays.shape[-2:] != (2, dims):
            raise InrError(f"rays (…, 2, {dims}) go through an array of {dims} axes, not {tuple(rays.shape)}")
        self.side = extent / self.shape[-1]
        self.threads = torch.get_num_threads() if threads is None else threads
        self._table = _table(rays.reshape(-1, 2, dims), self.shape, self.side)
        sizes = dict(zip(("depth", "height", "width")[3 - dims :], self.shape, strict=True))
        forward, backward = (PROJECT, SPREAD) if dims == 2 else (PROJECT_SOLID, SPREAD_SOLID)
        self._names = ("picture", "found") if dims == 2 else ("volume", "found")
        self._forward = Call(forward, rays=self._table, **sizes)
        self._backward = Call(backward, rays=self._table, **sizes)

    def __call__(self, picture: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
        """The integrals along all rays.

        Args:
            picture: float32 of the shape (flat ones too), values per unit of length.

        Returns:
            float32 (*measured).
        """
        found = np.empty(len(self._table), np.float32)
        samples = np.ascontiguousarray(picture, np.float32).reshape(-1)
        run([self._forward.set(**dict(zip(self._names, (samples, found), strict=True)))], self.threads)
        return found.reshape(self.measured)

    def adjoint(self, values: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
        """The transpose: every ray's value is spread over the samples that its integral is made of.

        Args:
            values: float32 (*measured).

        Returns:
            float32 of the picture's shape.
        """
        picture = np.empty(self.shape, np.float32)
        given = np.ascontiguousarray(values, np.float32).reshape(-1)
        run([self._backward.set(values=given, **{self._names[0]: picture.reshape(-1)})], self.threads)
        return picture

    def project(self, picture: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """As a call, of a tensor, and differentiable by it."""
        found: Tensor = _Projection.apply(picture, self)
        return found


class _Projection(torch.autograd.Function):
    """A projector in torch's graph."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, projector: Projector) -> Tensor:
        ctx.projector, ctx.like = projector, picture
        return torch.from_numpy(projector(picture.detach().cpu().numpy())).to(picture)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        spread = torch.from_numpy(ctx.projector.adjoint(grads[0].detach().cpu().numpy()))
        return spread.reshape(ctx.like.shape).to(ctx.like), None


def _table(rays: np.ndarray, shape: tuple[int, ...], side: float) -> np.ndarray:
    """Where every ray crosses the lattice, by the columns of `_projector_kernels`."""
    dims = len(shape)
    middle = (np.array(shape[::-1]) - 1) / 2
    up = np.ones(dims)
    up[1] = -1  # rows are counted downwards
    points = rays * up / side + middle
    start, direction = points[:, 0], points[:, 1] - points[:, 0]
    if not np.isfinite(points).all() or not direction.any(1).all():
        raise InrError("a ray is given by two different points, of finite coordinates")
    axis = np.abs(direction).argmax(1)
    rows = np.arange(len(rays))
    main = direction[rows, axis]
    table = np.zeros((len(rays), 6 if dims == 3 else 4))
    table[:, 0] = axis
    table[:, 3] = side * np.linalg.norm(direction, axis=1) / np.abs(main)
    # the axes that are crossed, in the kernels' order: x before y before z
    others = np.array([[other for other in range(dims) if other != each] for each in range(dims)])[axis]
    for column, other in zip(((1, 2), (4, 5)), others.T, strict=False):
        slope = direction[rows, other] / main
        table[:, column[0]] = start[rows, other] - slope * start[rows, axis]
        table[:, column[1]] = slope
    return table
