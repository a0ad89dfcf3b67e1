"""A shape as the function whose zeros are its surface, whatever evaluates it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from inr._errors import InrError
from inr.engines import DerivativePlan, executor, plan
from inr.field import Execute, Field, Reads, Spec
from inr.geometry import Clearance, Values

_SAMPLES = 10_000  # at which the slope is looked at
_MARGIN = 1.5  # by which the bound is above the largest slope that was seen
_MOVES, _HALVINGS, _ENOUGH = 4, 10, 2_000
_AT_ONCE = 1 << 16  # points that are handed at once to what evaluates a field that is fitted
_STEP = 1e-3  # of differences, in units of [-1, 1]


class NoSurface(InrError):
    """A shape that has one sign throughout its box."""


@dataclass(frozen=True)
class Implicit:
    """A function on [-1, 1]^d that is negative inside of a shape, with what is known of it.

    Attributes:
        values: float32 (n, d) to float32 (n,).
        dimensions: d, 2 or 3.
        slopes: float32 (n, d) to the gradient, float32 (n, d); None: by central differences.
        unit: the distance that a value of 1 stands for, per unit of [-1, 1]; None for an occupancy, which knows of no
            distance.
        centre: of [-1, 1]^d, in own units.
        scale: own units per unit of [-1, 1], along every axis.
        colours: float32 (n, d) to uint8 (n, 3); None for a shape without colours.
    """

    values: Values
    dimensions: int = 3
    slopes: Callable[[np.ndarray], np.ndarray] | None = None
    unit: float | None = 1.0
    centre: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    colours: Callable[[np.ndarray], np.ndarray] | None = None

    def gradients(self, points: Float[np.ndarray, "n d"], step: float = _STEP) -> Float[np.ndarray, "n d"]:
        """The gradient of the values.

        Args:
            points: float32 (n, d), in [-1, 1].
            step: of central differences, where there are no derivatives.

        Returns:
            float32 (n, d).
        """
        if self.slopes is not None:
            return self.slopes(points)
        offsets = np.eye(self.dimensions, dtype=np.float32) * np.float32(step)
        places = np.stack([points + sign * offset for offset in offsets for sign in (1, -1)], 1)
        found = self.values(places.reshape(-1, self.dimensions)).reshape(len(points), self.dimensions, 2)
        return (found[..., 0] - found[..., 1]) / np.float32(2 * step)

    def own_units(self, points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        """Points of [-1, 1]^d in own units: float32, or float64 where that would round what can be seen."""
        centre = np.array(self.centre[: self.dimensions])
        far = np.abs(centre).max() > 100 * self.scale
        return (points * np.float64(self.scale) + centre).astype(np.float64 if far else np.float32)


def implicit(field: Field, engine: Spec = "auto", *, execute: Execute | None = None) -> Implicit:
    """A field of a shape as a function of numpy arrays, run by an engine.

    Args:
        field: fitted to a shape.
        engine: a name, with options as in "cpu:threads=2"; or "auto": the fastest that can.
        execute: what evaluates the field instead, as while it is fitted.

    Returns:
        The function, with derivatives by the engine where the field has no kinks.

    Raises:
        InrError: a field of another kind, or an engine that cannot run here.
    """
    domain = field.domain
    if domain.kind != "shape":
        raise InrError(f"this field is of kind {domain.kind}, not a shape: it has no surface")
    ready = None if execute is not None else plan(field, None, engine)[1]
    run = execute if ready is None else executor(field, ready)
    assert run is not None

    @torch.no_grad()
    def evaluated(points: np.ndarray) -> torch.Tensor:
        coords = torch.from_numpy(np.ascontiguousarray(points, np.float32))
        parts = [coords] if execute is None or not len(coords) else coords.split(_AT_ONCE)
        return torch.cat([run(part).float().cpu() for part in parts])

    def values(points: np.ndarray) -> np.ndarray:
        return evaluated(points)[:, 0].numpy()

    def colours(points: np.ndarray) -> np.ndarray:
        share = evaluated(points)[:, 1:4].numpy() / 2 + 0.5
        return (share.clip(0, 1) * 255 + 0.5).astype(np.uint8)

    slopes = _slopes(field, ready) if field.smoothness >= 1 and isinstance(ready, DerivativePlan) else None
    half = (domain.axes[0].high - domain.axes[0].low) / 2
    distance = (domain.values.high[0] - domain.values.low[0]) / 2
    return Implicit(
        values, domain.in_dim, slopes,
        None if domain.meta.get("represents") == "occupancy" else distance / half,
        tuple((axis.high + axis.low) / 2 for axis in domain.axes), half,
        colours if domain.channels == 4 else None,
    )  # fmt: skip


def _slopes(field: Field, ready: DerivativePlan) -> Callable[[np.ndarray], np.ndarray]:
    """The gradient by an engine."""
    tensors = {name: each.to(ready.device) for name, each in field.named_parameters()}
    reads = Reads(first=tuple(range(field.domain.in_dim)))

    def slopes(points: np.ndarray) -> np.ndarray:
        coords = torch.from_numpy(np.ascontiguousarray(points, np.float32)).to(ready.device)
        parts = [ready.jet(tensors, part, reads).first[:, 0] for part in coords.split(ready.block)]
        return torch.cat(parts).cpu().numpy() if parts else np.zeros_like(points)

    return slopes


def clearance(shape: Implicit, seed: int = 0) -> Clearance | None:
    """How far the surface is at least, by the value of a shape's function: as far as samples tell.

    Its slope is taken to be at most 1.5 times the steepest of 40,000 samples that are as near to the surface, or
    nearer. Samples are uniform in the box, and then follow what the function says of its zeros.

    Args:
        shape: that is looked at.
        seed: of the samples.

    Returns:
        Of |f| in units of [-1, 1]; None for an occupancy, which is as steep as its fit made it.
    """
    if shape.unit is None:
        return None
    points = np.random.default_rng(seed).uniform(-1, 1, (_SAMPLES, shape.dimensions)).astype(np.float32)
    sizes, steepness = [], []
    for _ in range(_MOVES):
        slopes, values = shape.gradients(points), shape.values(points)
        lengths = np.linalg.norm(slopes, axis=1)
        sizes.append(np.abs(values))
        steepness.append(lengths)
        steps = (values / np.maximum(lengths**2, np.finfo(np.float32).tiny))[:, None] * slopes
        points = (points - np.nan_to_num(steps)).clip(-1, 1).astype(np.float32)
    size, steep = np.concatenate(sizes).astype(np.float64), np.concatenate(steepness).astype(np.float64)
    largest = max(float(size.max()), 1e-12)
    values = largest * 0.5 ** np.arange(_HALVINGS, -1, -1.0)
    steepest = np.array([steep[size <= value].max(initial=0.0) for value in values])
    few = np.array([(size <= value).sum() for value in values]) < _ENOUGH  # samples: what is said of more of them holds
    enough = int(np.argmin(few)) if not few.all() else len(values) - 1
    steepest[:enough] = steepest[enough]
    return Clearance.of_slopes(values, np.maximum(_MARGIN * steepest, 1e-6 * largest))
