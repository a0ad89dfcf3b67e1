"""The loss of what is inside of a surface and what is outside."""

from typing import Any

from inr.objectives._base import Ops, PointwiseObjective, objectives

# of log(1 + u) = 2 artanh(u / (2 + u)) for u up to 1: the first term left out is below 1e-7
_TERMS = 6


@objectives.register(
    "occupancy",
    source="Mescheder et al., Occupancy Networks: Learning 3D Reconstruction in Function Space, CVPR 2019",
    formula="log(1 + exp f(x)) − f(x) (1 + y(x)) / 2, y = −1 inside, 1 outside",
    limits="the field is a logit: how far the surface is, it does not say",
)
class Occupancy(PointwiseObjective):
    """Binary cross-entropy with logits; a field that is negative inside is the logit of being outside.

    Args:
        signal: what is to be represented, with targets of -1 and 1.

    >>> signal = inr.Signal.from_array(np.array([[0, 255]], np.uint8), kind="image")
    >>> objective, batch = inr.objectives.Occupancy(signal), inr.engines.Batch(torch.arange(2))
    >>> round(objective.loss(objective.residuals(torch.zeros(2, 1), batch), batch).item(), 5)  # log 2
    0.69315
    """

    uses_target = True

    @staticmethod
    def formula(ops: Ops, residual: Any, value: Any, **constants: Any) -> Any:
        """The cross-entropy of one value."""
        target = constants["target"]
        logit = target + residual
        tail = ops.exp(-ops.abs(logit))
        share = tail * ops.reciprocal(2 + tail)
        series: Any = 2 / (2 * _TERMS + 1)
        for term in range(_TERMS - 1, -1, -1):
            series = series * share * share + 2 / (2 * term + 1)
        return ops.relu(logit) + share * series - logit * (1 + target) / 2
