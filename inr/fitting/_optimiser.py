"""What an optimiser is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from inr.engines import RowSparse

Gradients = Mapping[str, Tensor | RowSparse]
LearningRates = Mapping[str, float]


@dataclass
class Group:
    """Parameters that share a learning rate and Adam's constants.

    Attributes:
        name: the part's, "network" or "encoding", or the name of parameters that have `learning_rates` in the network.
        parameters: by their names in the field; tensors that an optimiser changes in place.
        learning_rate: of the next step.
        betas: decay of the first and the second moment. eps: what is added to the root of the second.
        share: of the part's learning rate, where the part is composed of several.
    """

    name: str
    parameters: Mapping[str, Tensor]
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    share: float = 1.0


class Optimiser(ABC):
    """Moves groups of parameters by their gradients.

    What it keeps between steps is laid out in memory as `restore` lays it out, so that a resumed fit goes on bit for
    bit on every processor.

    Args:
        groups: of all parameters that it moves.
    """

    def __init__(self, groups: list[Group]) -> None:
        self.groups = groups

    def set_learning_rates(self, learning_rates: LearningRates, factor: float) -> None:
        """Set the learning rate of every group.

        Args:
            learning_rates: by the names of the groups.
            factor: of a schedule, that they are multiplied by.
        """
        for group in self.groups:
            group.learning_rate = learning_rates[group.name] * factor * group.share

    def prepare(self) -> float:
        """Compile or load what the first step would otherwise wait for.

        Returns:
            Seconds that it took.
        """
        return 0.0

    @abstractmethod
    def step(self, grads: Gradients) -> None:
        """Move all parameters.

        Args:
            grads: by the names of the parameters, and of their shapes.
        """

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """What later steps depend on, by parameter: "layers.0.weight/exp_avg", "…/exp_avg_sq", "…/step"."""

    @abstractmethod
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""


def dense(grad: Tensor | RowSparse) -> Tensor:
    """All of a gradient as an ordinary tensor.

    Args:
        grad: a gradient of any shape, or that of a table (entries, features) of which few rows were touched.

    Returns:
        The tensor itself, or the table's whole gradient; neither is a copy.
    """
    return grad.to_dense() if isinstance(grad, RowSparse) else grad
