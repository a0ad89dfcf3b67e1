"""Optimisers by name."""

import torch

from inr.fitting._adam import FusedAdam, TorchAdam
from inr.fitting._muon import Muon
from inr.fitting._optimiser import Group, Optimiser
from inr.fitting._soap import Soap

OPTIMISERS = ("adam", "soap", "muon")


def make_optimiser(groups: list[Group], threads: int = 1, name: str = "adam") -> Optimiser:
    """An optimiser of any tensors.

    Adam is computed by the project's own kernel for float32 parameters in main memory, by torch for others. SOAP moves
    matrices, Muon those of hidden layers, and both leave other parameters to Adam.

    Args:
        groups: the parameters.
        threads: that the optimiser may use.
        name: one of `OPTIMISERS`.

    Returns:
        The optimiser, with a state as before the first step.

    >>> weight = torch.ones(3)
    >>> optimiser = inr.fitting.make_optimiser([inr.fitting.Group("network", {"weight": weight}, learning_rate=0.5)])
    >>> optimiser.step({"weight": torch.tensor([1.0, -2.0, 0.0])})
    >>> weight
    tensor([0.5000, 1.5000, 1.0000])
    """
    fusible = all(
        parameter.device.type == "cpu" and parameter.dtype == torch.float32 and parameter.is_contiguous()
        for group in groups
        for parameter in group.parameters.values()
    )

    def adam(groups: list[Group]) -> Optimiser:
        return FusedAdam(groups, threads) if fusible else TorchAdam(groups)

    if name == "adam":
        return adam(groups)
    return Soap(groups, adam) if name == "soap" else Muon(groups, adam)
