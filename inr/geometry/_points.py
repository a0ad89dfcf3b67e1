"""Points with normals."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inr._errors import InrError


@dataclass(frozen=True)
class OrientedPoints:
    """Points of a surface.

    Attributes:
        positions: float64 (n, 3), in own units.
        normals: float64 (n, 3), outwards; None where they are not known.

    Raises:
        InrError: arrays of another shape.
    """

    positions: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"] | None

    def __post_init__(self) -> None:
        positions = np.ascontiguousarray(self.positions, np.float64)
        normals = None if self.normals is None else np.ascontiguousarray(self.normals, np.float64)
        if positions.ndim != 2 or positions.shape[1] != 3 or (normals is not None and normals.shape != positions.shape):
            given = "none" if normals is None else str(normals.shape)
            raise InrError(
                f"points have positions (n, 3) and normals of the same shape, not {positions.shape} and {given}"
            )
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "normals", normals)


def parse_xyz(data: bytes) -> OrientedPoints:
    """The points of a text file: x y z, or x y z nx ny nz, one in a line."""
    lines = [line.partition(b"#")[0].replace(b",", b" ").split() for line in data.splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise InrError("there are no points")
    columns = len(lines[0])
    if columns not in (3, 6) or any(len(line) != columns for line in lines):
        raise InrError("each line of an .xyz file has x y z, or x y z nx ny nz")
    numbers = np.array(lines, np.float64)
    return OrientedPoints(numbers[:, :3], numbers[:, 3:] if columns == 6 else None)
