"""Losses of distances to a surface."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from inr._parts import Range
from inr.objectives._base import Ops, PointwiseObjective, objectives
from inr.signals import Signal

_WHOLE = 2.0  # the range of normalised values


def is_coloured(signal: Signal) -> bool:
    """Whether red, green and blue are channels behind a distance."""
    return signal.domain.kind == "shape" and signal.channels == 4


@objectives.register(
    "mape",
    source="Müller et al., Instant neural graphics primitives with a multiresolution hash encoding, SIGGRAPH 2022",
    formula="|r| / (|y| + ε), r = f(x) − y(x); w |r| of colours",
    limits="has a meaning where zero is a place of its own, as the surface is for distances",
)
class RelativeDistance(PointwiseObjective):
    """The error as a share of the target: distances are learned the more exactly the smaller they are.

    Args:
        signal: what is to be represented.

    >>> signal = inr.Signal.from_array(np.array([[0, 255]], np.uint8), kind="image")
    >>> objective, batch = inr.objectives.RelativeDistance(signal, epsilon=1.0), inr.engines.Batch(torch.arange(2))
    >>> objective.loss(torch.tensor([[1.0], [2.0]]), batch).item()  # targets are -1 and 1
    0.75
    """

    uses_target = True

    def __init__(
        self,
        signal: Signal,
        *,
        epsilon: Annotated[
            float, Range(0, above=True), "added to the target's magnitude; from there down errors count alike"
        ] = 0.01,
        colours: Annotated[float, Range(0, above=True), "weight of errors of colours, where a shape has some"] = 1.0,
    ) -> None:
        super().__init__(signal)
        self._epsilon, self._colours = epsilon, colours

    def constants(self) -> Mapping[str, float | Sequence[float]]:
        """By what errors are divided: a share of the target, and a constant."""
        if not is_coloured(self.signal):
            return {"share": 1.0, "epsilon": self._epsilon}
        return {"share": (1.0, 0.0, 0.0, 0.0), "epsilon": (self._epsilon, *(1 / self._colours,) * 3)}

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """The magnitude of the residual over that of the target, plus epsilon."""
        return ops.abs(residual) / (constants["share"] * ops.abs(constants["target"]) + constants["epsilon"])


@objectives.register(
    "clipped",
    source="Park et al., DeepSDF: Learning Continuous Signed Distance Functions for Shape Representation, CVPR 2019",
    formula="|c(f(x)) − c(y(x))|, c(v) = min(max(v, −δ), δ)",
    limits="beyond δ only the sign is learned",
)
class ClippedDistance(PointwiseObjective):
    """The absolute error of values that are clipped: all of a field's means go to the neighbourhood of zero.

    Args:
        signal: what is to be represented.

    >>> signal = inr.Signal.from_array(np.array([[0, 255]], np.uint8), kind="image")
    >>> objective, batch = inr.objectives.ClippedDistance(signal, delta=0.5), inr.engines.Batch(torch.arange(2))
    >>> objective.loss(torch.tensor([[-3.0], [-1.0]]), batch).item()  # -4 for -1, and 0 for 1
    0.25
    """

    uses_target = True

    def __init__(
        self,
        signal: Signal,
        *,
        delta: Annotated[float, Range(0, above=True), "where values are clipped; normalised ones span 2"] = 0.1,
    ) -> None:
        super().__init__(signal)
        self._delta = delta

    def constants(self) -> Mapping[str, float | Sequence[float]]:
        """Where values are clipped; colours are not."""
        return {"delta": (self._delta, *(_WHOLE,) * 3) if is_coloured(self.signal) else self._delta}

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """The magnitude of the difference of prediction and target, both clipped."""
        delta, target = constants["delta"], constants["target"]

        def clipped(number: Any) -> Any:
            return ops.relu(number + delta) - ops.relu(number - delta)

        return ops.abs(clipped(target + residual) - clipped(target))
