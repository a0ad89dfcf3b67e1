"""Weights of sine layers within bounds."""

from collections.abc import Mapping

import torch
from torch import Tensor

from inr._errors import InrError
from inr.activations import Sine
from inr.engines import Plan
from inr.field import Field
from inr.fitting._parametrisation import PlainWeights
from inr.networks import MLP


class BoundedWeights(PlainWeights):
    """The field's own parameters, of which those that sines read keep to |ω W| <= limit: a soft limit of the band.

    A sine of Σ wᵢ sin(kᵢ x) holds every frequency Σ aᵢ kᵢ, with an amplitude of at most Π (|wᵢ|/2)^|aᵢ|/|aᵢ|!: what is
    bounded keeps multiples of the first frequencies small (Novello et al., Tuning the frequencies, CVPR 2025). After a
    step that leads beyond, a weight is put back on the bound. The first layer of a network on coordinates, which holds
    the frequencies themselves, is free, and so is the last one.

    Args:
        limit: of the weights of hidden layers, as they multiply what a sine reads; below 2.

    Raises:
        InrError: a limit that is not positive; when it is bound: a field whose network is no mlp of sines.

    >>> signal = inr.open("photo.png")
    >>> bounded = inr.fitting.BoundedWeights(0.2)
    >>> fitter = inr.fitting.make_fitter(
    ...     signal, encoding="integer-fourier", activation="sine", budget=inr.Budget(steps=20), parametrisation=bounded
    ... )
    >>> [*fitter.run()][-1].reason
    'steps'
    """

    def __init__(self, limit: float) -> None:
        if not limit > 0:
            raise InrError(f"the limit of weights must be positive, got {limit}")
        self.limit = limit

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        super().bind(field, plan)
        network = field.network
        if not (isinstance(network, MLP) and isinstance(network.activation, Sine)):
            raise InrError("weights are bounded in an mlp of sines")
        free = int(network.in_dim == network.coord_dim)
        self._bounds = {
            f"network.layers.{index}.weight": self.limit / network.activation.frequency(network.position(index))
            for index in range(free, network.depth)
        }

    def recipe(self) -> dict[str, float | None]:
        """The limit."""
        return {"limit": self.limit}

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """The leaves, put back on their bounds."""
        return self.weights()

    def weights(self) -> Mapping[str, Tensor]:
        """See `materialise`."""
        with torch.no_grad():
            for name, bound in self._bounds.items():
                self.leaves[name].clamp_(-bound, bound)
        return self.leaves
