"""Which fields tiny-cuda-nn can express, and as what; or why not, and the nearest thing that works."""

from dataclasses import dataclass
from typing import Any, Literal

import torch

from inr.activations import ReLU, Sine
from inr.encodings import DenseGrid, HashGrid, Identity
from inr.engines._tcnn._weights import Layout, padded
from inr.field import Field
from inr.networks import MLP, Affine

Kind = Literal["auto", "fullyfused", "cutlass"]

# what tiny-cuda-nn calls the activations that it has
ACTIVATIONS: dict[type, str] = {ReLU: "ReLU", Sine: "Sine"}
_FUSED_WIDTHS = (16, 32, 64, 128)
# bytes of shared memory that every card with FullyFusedMLP can give a block
_SHARED_MEMORY = 64 * 1024


@dataclass(frozen=True)
class TcnnNetwork:
    """A field's network in tiny-cuda-nn's words.

    Attributes:
        config: tiny-cuda-nn's network configuration.
        layout: its vector of weights.
        note: why the encoding runs in PyTorch, None where there is nothing to run.
    """

    config: dict[str, Any]
    layout: Layout
    note: str | None


def tcnn_network(field: Field, kind: Kind = "auto") -> TcnnNetwork | str:
    """What `field` is for tiny-cuda-nn, or the reason, in one line, why it is nothing.

    Args:
        kind: which of its networks; auto: FullyFusedMLP where it can, else CutlassMLP.
    """
    reason = _refused(field)
    if reason is not None:
        return reason
    network = field.network
    assert isinstance(network, MLP)
    chosen = _network(network, kind)
    if isinstance(chosen, str):
        return chosen
    otype, units = chosen
    gains = [network.activation.constants(network.position(index)).get("omega", 1.0) for index in range(network.depth)]
    return TcnnNetwork(
        config={
            "otype": otype,
            "activation": ACTIVATIONS[type(network.activation)],
            "output_activation": "None",
            "n_neurons": units,
            "n_hidden_layers": network.depth,
        },
        layout=Layout(network.in_dim, network.width, units, network.depth, network.out_dim, (*gains, 1.0)),
        note=_note(field),
    )


def _refused(field: Field) -> str | None:
    network, activation = field.network, field.network.activation
    if type(network) is not MLP:
        return f"tiny-cuda-nn has no network '{network.config()['name']}'; mlp:bias=false works"
    if type(activation) not in ACTIVATIONS:
        return f"tiny-cuda-nn has no activation '{activation.config()['name']}'; sine and relu work"
    if any(type(layer) is not Affine for layer in network.layers):
        return "its layers are not plain matrices"
    if any(layer.bias is not None for layer in network.layers):
        return "tiny-cuda-nn's layers add no biases; mlp:bias=false works"
    if any(parameter.dtype != torch.float32 for parameter in field.parameters()):
        return "its weights are not float32"
    return None


def _network(network: MLP, kind: Kind) -> tuple[str, int] | str:
    """tiny-cuda-nn's network and the width it has there."""
    cutlass = "CutlassMLP", padded(network.width)
    fused = next((width for width in _FUSED_WIDTHS if width >= network.width), None)
    if kind == "cutlass":
        return cutlass
    if type(network.activation) is Sine:  # its derivative cannot be had from what the fused kernel keeps
        return cutlass if kind == "auto" else "FullyFusedMLP has no sine; tcnn:network=cutlass works"
    if fused is None:
        wide = f"FullyFusedMLP is at most {_FUSED_WIDTHS[-1]} wide, not {network.width}; tcnn:network=cutlass works"
        return cutlass if kind == "auto" else wide
    if kind == "auto" and _first_layer_bytes(network.in_dim, fused) > _SHARED_MEMORY:
        return cutlass
    return "FullyFusedMLP", fused


def _first_layer_bytes(inputs: int, width: int) -> int:
    """Shared memory of the fused kernel's first layer, whose 16-bit weights lie there together with 16 points."""
    return 0 if padded(inputs) == width else 2 * (width + 16) * (padded(inputs) + 8)


def _note(field: Field) -> str | None:
    if type(field.encoding) is Identity:
        return None
    name = field.encoding.config()["name"]
    if isinstance(field.encoding, DenseGrid | HashGrid):
        # beyond the last vertex theirs read on, from the next row or another entry of the table, where ours hold it;
        # and resolutions are rounded up from powers in float32, which may give theirs one vertex more
        why = "tiny-cuda-nn's grids are another function at the far edges"
    else:
        why = "tiny-cuda-nn has no such features"
    return f"engine 'tcnn' runs the network alone, and encoding '{name}' in PyTorch: {why}"
