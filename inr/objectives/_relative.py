"""The relative squared error."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from inr._parts import Range
from inr.objectives._base import Ops, PointwiseObjective, objectives
from inr.signals import Signal


@objectives.register(
    "relative",
    source="Lehtinen et al., Noise2Noise, ICML 2018; RelativeL2 of Müller et al., SIGGRAPH 2022",
    formula="(v − w)² / (v² + ε), v prediction and w target as shares of the largest magnitude of the value range",
    limits="has a meaning where zero is the absence of what is measured",
)
class RelativeError(PointwiseObjective):
    """Relative squared error: dark values count as much as bright ones that are off by the same share.

    For signals of high dynamic range: radiance, densities, amplitudes. Values are compared in the signal's own units,
    where zero is zero, as shares of the largest magnitude that its value range holds: of a picture in [0, 1] they
    are the values themselves. The gradient does not go through the denominator, which holds the prediction: it would
    reward predictions for being large.

    Args:
        signal: what is to be represented.

    >>> signal = inr.Signal.from_array(np.array([[0, 255]], np.uint8), kind="image")
    >>> objective, batch = inr.objectives.RelativeError(signal, epsilon=0.25), inr.engines.Batch(torch.arange(2))
    >>> missed = objective.residuals(torch.zeros(2, 1), batch)  # predicts 1/2 for 0, and for 1
    >>> objective.loss(missed, batch).item()  # 1/4 / (1/4 + 1/4)
    0.5
    """

    uses_values = True

    def __init__(
        self,
        signal: Signal,
        *,
        epsilon: Annotated[
            float, Range(0, above=True), "added to the squared prediction; bounds how much dark values count"
        ] = 0.01,
    ) -> None:
        super().__init__(signal)
        self._epsilon = epsilon

    def constants(self) -> Mapping[str, float | Sequence[float]]:
        """What turns normalised values into shares, a scale and a shift for each channel, and epsilon."""
        values = self.signal.domain.values
        low, high = np.asarray(values.low, np.float64), np.asarray(values.high, np.float64)
        largest = np.maximum(np.abs(low), np.abs(high))
        per_channel = {"scale": (high / 2 - low / 2) / largest, "shift": (high / 2 + low / 2) / largest}
        channels = self.signal.channels
        spread = {name: np.broadcast_to(numbers, channels).tolist() for name, numbers in per_channel.items()}
        return {**spread, "epsilon": self._epsilon}

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """The square of the scaled residual over that of the scaled value, plus epsilon."""
        error, share = constants["scale"] * residual, constants["scale"] * value + constants["shift"]
        return error * error / (share * share + constants["epsilon"])
