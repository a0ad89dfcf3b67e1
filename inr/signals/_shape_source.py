"""What a file says of a shape, before anything is measured of it."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from inr.signals._domain import Domain
from inr.signals._formats import ShapeAs
from inr.signals._signal import Signal

Holds = Literal["mesh", "points", "outline"]


class ShapeSource(NamedTuple):
    """A mesh, points of a surface, or an outline, as it was read.

    Attributes:
        holds: which of them.
        arrays: of a mesh vertices (n, 3) and faces (m, 3), of points positions (n, 3), and, where they are known,
            colours (n, 3) and normals (n, 3) of these; of an outline the points (n, 2) of all curves and the ends (k,)
            of each among them.
        as_shape: what is learned of it, see `from_mesh`.
        name: what is said to be at fault.
        rule: of what is inside of an outline, see `from_outline`.
    """

    holds: Holds
    arrays: Mapping[str, np.ndarray]
    as_shape: ShapeAs | None = None
    name: str = "the shape"
    rule: str = "evenodd"

    @classmethod
    def of_points(
        cls, positions: np.ndarray, normals: np.ndarray | None, as_shape: ShapeAs | None, name: str
    ) -> "ShapeSource":
        """Points of a surface."""
        return cls(
            "points", {"positions": positions} | ({} if normals is None else {"normals": normals}), as_shape, name
        )

    @classmethod
    def of_curves(cls, curves: Sequence[np.ndarray], rule: str, as_shape: ShapeAs | None, name: str) -> "ShapeSource":
        """Closed curves in the plane."""
        points = np.concatenate([np.zeros((0, 2)), *curves])
        return cls(
            "outline", {"points": points, "ends": np.cumsum([len(each) for each in curves])}, as_shape, name, rule
        )

    @property
    def domain(self) -> Domain:
        """The domain of its signal; raises InrError for what no signal can be made of, as far as that is told at once.

        Whether an outline encloses anything takes a search, which is left to `signal`.
        """
        if self.holds == "outline":
            return self._maker.boxed_outline(self._curves, self.rule, self.as_shape, self.name)[-1]
        boxed = self._maker.boxed_mesh if self.holds == "mesh" else self._maker.boxed_points
        return boxed(*self._given, self.as_shape, self.name)[-1]

    def signal(self, seed: int = 0) -> Signal:
        """The signal.

        Args:
            seed: of the points that are drawn around the surface.

        Raises:
            InrError: as `from_mesh`, `from_points` and `from_outline` do.
        """
        options = {"as_shape": self.as_shape, "seed": seed, "source": self.name}
        if self.holds == "outline":
            return self._maker.from_outline(self._curves, rule=self.rule, **options)
        make = self._maker.from_mesh if self.holds == "mesh" else self._maker.from_points
        return make(*self._given, **options)

    @property
    def _maker(self) -> Any:
        return importlib.import_module(f"inr.signals.{'_silhouettes' if self.holds == 'outline' else '_shape_files'}")

    @property
    def _given(self) -> list[np.ndarray | None]:
        names = ("vertices", "faces", "colours") if self.holds == "mesh" else ("positions", "normals")
        return [self.arrays.get(name) for name in names]

    @property
    def _curves(self) -> list[np.ndarray]:
        return np.split(self.arrays["points"], self.arrays["ends"][:-1])
