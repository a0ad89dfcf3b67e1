"""Whether kernels can be used: for this objective, and with tensors of these shapes, beyond which they would read."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.engines._batch import Batch
from inr.engines._objectives import AnyObjective, Pointwise


def pointwise(objective: AnyObjective | None) -> Pointwise | None:
    """The objective if it is the mean of one formula, which is what kernels are generated from; else None.

    A class that takes over a formula and computes its loss in another way is none.
    """
    if not isinstance(objective, Pointwise) or objective.derivative_order:
        return None
    first = next(name for cls in type(objective).__mro__ for name in ("formula", "loss") if name in vars(cls))
    return objective if first == "formula" else None


def weight_of(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    """An effective weight. Raises InrError if it is not there in this shape."""
    found = tensors.get(name)
    if found is None or found.shape != shape:
        raise InrError(
            f"the weights lack '{name}' of shape {shape}" + ("" if found is None else f", it is {tuple(found.shape)}")
        )
    return found


def importance_of(batch: Batch, channels: int) -> Float[Tensor, "n k"] | None:
    """The weights of a batch as (n, 1) or (n, c); None where there are none. Raises InrError for other shapes."""
    if batch.weights is None:
        return None
    count = len(batch.indices)
    weights = batch.weights if batch.weights.ndim == 2 else batch.weights[:, None]
    if weights.shape not in ((count, 1), (count, channels)):
        raise InrError(
            f"weights of {count} samples must have shape ({count},) or ({count}, {channels}), "
            f"got {tuple(batch.weights.shape)}"
        )
    return weights
