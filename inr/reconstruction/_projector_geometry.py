"""Where the rays of a scan ran: parallel and fan beams round a picture, cone beams round a volume."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from inr._errors import InrError

Beam = Literal["parallel", "fan", "cone"]


@dataclass(frozen=True, eq=False)
class Scan:
    """The geometry of a scan.

    Lengths are all in one unit, of the caller's choice. The axis of rotation is the origin, in the middle of the
    picture; x points to the right and y up, z (cone beams) along the axis of rotation. At angle θ the detector lies
    along u = (cos θ, sin θ), and rays run along v = (-sin θ, cos θ): at 0 degrees they go upwards, through the columns
    of the picture, and a larger θ turns both counter-clockwise. Bin i of n of the detector has its centre at
    (i - (n - 1)/2) · pitch + offset along u. A parallel beam then measures the integrals over x cos θ + y sin θ = s
    at these s, as `skimage.transform.radon` does, whose sinograms are the transpose. A fan has its source at
    -source · v, and its flat detector at +detector · v.

    Args:
        angles: of the views, in degrees, (views,); kept as float64.
        detectors: bins of the detector (of one of its rows, with cone beams).
        beam: how rays run.
        pitch: from one bin to the next, on the detector.
        offset: of the detector's middle from where the ray through the axis of rotation meets it.
        source: from the source to the axis of rotation; fan and cone only.
        detector: from the axis of rotation to the detector; fan and cone only.
        rows: of a cone's detector, along z, from low to high z.
        row_pitch: from one row to the next; the pitch where None.

    Raises:
        InrError: numbers that are no geometry, or a fan without its distances.

    >>> scan = inr.reconstruction.Scan(np.arange(0, 180, 9), detectors=128)
    >>> scan.shape, scan.fov
    ((20, 128), 128.0)
    """

    angles: Any
    detectors: int
    beam: Beam | str = "parallel"
    pitch: float = 1.0
    offset: float = 0.0
    source: float | None = None
    detector: float | None = None
    rows: int = 1
    row_pitch: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", np.atleast_1d(np.asarray(self.angles, np.float64)))
        if self.beam not in ("parallel", "fan", "cone"):
            raise InrError(f"a beam is parallel, fan or cone, not '{self.beam}'")
        if self.angles.ndim != 1 or not len(self.angles) or not np.isfinite(self.angles).all():
            raise InrError("angles are one row of finite numbers, in degrees")
        if self.detectors < 1 or self.rows < 1 or not 0 < self.pitch < math.inf or not math.isfinite(self.offset):
            raise InrError(
                f"a detector has bins, a positive pitch and a finite offset, not {self.detectors}, {self.pitch:g} and "
                f"{self.offset:g}"
            )
        if self.row_pitch is not None and not 0 < self.row_pitch < math.inf:
            raise InrError(f"the rows of a detector have a positive pitch, not {self.row_pitch:g}")
        if self.beam == "parallel":
            if self.source is not None or self.detector is not None:
                raise InrError("a parallel beam has no distances of source and detector; geometry=fan has")
            if self.rows > 1:
                raise InrError("a detector with several rows belongs to geometry=cone")
            return
        for name, distance, least in (("source", self.source, "positive"), ("detector", self.detector, "0 or more")):
            if distance is None:
                raise InrError(f"a {self.beam} beam needs the distance of its {name} from the axis of rotation: {name}")
            if not 0 <= distance < math.inf or (name == "source" and distance == 0):
                raise InrError(f"the distance of the {name} from the axis of rotation is {least}, not {distance:g}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the measurements: (views, detectors), or (views, rows, detectors) of a cone."""
        rows = (self.rows,) if self.beam == "cone" else ()
        return (len(self.angles), *rows, self.detectors)

    @property
    def magnification(self) -> float:
        """How much larger the shadow on the detector is than what throws it at the axis of rotation."""
        if self.source is None or self.detector is None:
            return 1.0
        return (self.source + self.detector) / self.source

    @property
    def fov(self) -> float:
        """The width that all views see, at the axis of rotation."""
        return self.detectors * self.pitch / self.magnification

    def rays(self) -> Float[np.ndarray, "*shape 2 d"]:
        """Two points of every ray, float64 (*shape, 2, d), d being 2, or 3 of a cone; the source first if there is one.

        Parallel rays begin and end a field of view away from the axis of rotation.
        """
        radians = np.deg2rad(self.angles)
        along = np.stack((np.cos(radians), np.sin(radians)), 1)  # u
        across = np.stack((-np.sin(radians), np.cos(radians)), 1)  # v
        places = (np.arange(self.detectors) - (self.detectors - 1) / 2) * self.pitch + self.offset
        if self.beam == "parallel":
            feet = places[None, :, None] * along[:, None]
            reach = 2 * max(self.fov, float(np.abs(places).max())) * across[:, None]
            return np.stack((feet - reach, feet + reach), 2)
        assert self.source is not None
        assert self.detector is not None
        ends = places[None, :, None] * along[:, None] + self.detector * across[:, None]
        starts = np.broadcast_to(-self.source * across[:, None], ends.shape)
        flat = np.stack((starts, ends), 2)  # (views, detectors, 2, 2)
        if self.beam == "fan":
            return flat
        heights = (np.arange(self.rows) - (self.rows - 1) / 2) * (self.row_pitch or self.pitch)
        solid = np.zeros((*self.shape, 2, 3))
        solid[..., :2] = flat[:, None]
        solid[..., 1, 2] = heights[None, :, None]
        return solid

    def finer(self, parts: int) -> "Scan":
        """The scan by a detector whose bins are cut into parts, of a parallel beam or a fan."""
        return replace(self, detectors=self.detectors * parts, pitch=self.pitch / parts)

    def seen(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """The share of the views whose detector the rays through points meet.

        Args:
            points: (n, 2), or (n, 3) for a cone, in the unit of the scan.
        """
        total = np.zeros(len(points))
        reach = self.detectors * self.pitch / 2
        height = self.rows * (self.row_pitch or self.pitch) / 2
        for angle in np.deg2rad(self.angles):
            place = points[:, 0] * np.cos(angle) + points[:, 1] * np.sin(angle)
            grown = np.ones(len(points))
            if self.source is not None and self.detector is not None:
                depth = points[:, 1] * np.cos(angle) - points[:, 0] * np.sin(angle)
                grown = (self.source + self.detector) / np.maximum(self.source + depth, 1e-9)
            met = np.abs(place * grown - self.offset) <= reach
            total += met & (np.abs(points[:, 2] * grown) <= height) if points.shape[1] == 3 else met
        return total / len(self.angles)
