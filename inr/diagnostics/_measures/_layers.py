"""What the layers of a network see, give and weigh."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr.diagnostics._embedding import stable_rank
from inr.field import Field
from inr.networks import Affine


class Layer(NamedTuple):
    """One affine map as points pass through it.

    Attributes:
        name: of the module in the network.
        inputs: (n, in), what it reads.
        outputs: (n, out), before any activation; the real parts of complex ones.
    """

    name: str
    inputs: Float[Tensor, "n i"]
    outputs: Float[Tensor, "n o"]


@torch.no_grad()
def layers_at(field: Field, coords: Float[Tensor, "n d"]) -> list[Layer]:
    """What the affine maps of a field's network read and give at points, in the order in which they are called.

    Args:
        field: any; networks without affine maps have no layers.
        coords: (n, D), float32.
    """
    seen: list[Layer] = []

    def recorder(name: str) -> Any:
        def record(module: nn.Module, inputs: Any, outputs: Any) -> None:
            seen.append(Layer(name, inputs[0], outputs[0]))

        return record

    hooks = [each.register_forward_hook(recorder(name)) for name, each in affine_maps(field)]
    try:
        field(coords)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def affine_maps(field: Field) -> list[tuple[str, nn.Module]]:
    """The affine maps of a field's network by name: those that hold a matrix of weights."""
    return [
        (name, module)
        for name, module in field.network.named_modules()
        if isinstance(module, Affine) or hasattr(module, "weight_real")
    ]


def layer_ranks(field: Field) -> dict[str, float]:
    """The stable rank |W|_F² / |W|_2² of every weight matrix: 1 for rank one, n for an orthogonal one of n rows.

    Ranks that collapse while a network is trained let it see low frequencies alone (McGinnis et al., arXiv
    2512.14366).

    Args:
        field: its network's affine maps are looked at; of complex ones the real part.

    Returns:
        Ranks by layer, in order; layers of zeros have rank 0.
    """
    found = {}
    for name, module in affine_maps(field):
        weight = next(each for key, each in module.named_parameters() if key in ("weight", "weight_real")).detach()
        found[name] = stable_rank(weight) if bool(weight.any()) and bool(weight.isfinite().all()) else 0.0
    return found


def feature_rank(features: Float[Tensor, "n f"]) -> float:
    """How much of its width a layer uses: exp of the entropy of the squared singular values, over their number.

    Roy and Vetterli, The effective rank: a measure of effective dimensionality, EUSIPCO 2007.

    Args:
        features: of a layer at points, n of at least f.

    Returns:
        Between 1 / f, where all features are one, and 1, where they are orthogonal and alike in size.

    >>> round(inr.diagnostics.feature_rank(torch.eye(8)), 6)
    1.0
    """
    squares = torch.linalg.svdvals(features.double()).square()
    if not float(squares.sum()) > 0:
        return 0.0
    shares = squares / squares.sum()
    entropy = -(shares[shares > 0] * shares[shares > 0].log()).sum()
    return float(entropy.exp()) / features.shape[1]
