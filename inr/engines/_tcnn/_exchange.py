"""Fields to and from tiny-cuda-nn's configurations and vectors of weights; neither direction needs the library."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.encodings import Identity
from inr.engines._tcnn._support import ACTIVATIONS, Kind, tcnn_network
from inr.engines._tcnn._weights import Layout
from inr.field import Field
from inr.signals import Domain

_NETWORKS = ("mlp", "cutlassmlp", "fullyfusedmlp", "megakernelmlp")
_ACTIVATIONS = tuple(name.lower() for name in ACTIVATIONS.values())
_MAX_LAYERS, _MAX_UNITS = 64, 8192  # of the network 'mlp'


def to_tcnn(field: Field, network: Kind = "auto") -> tuple[dict[str, Any], Float[Tensor, " parameters"]]:
    """A field as tiny-cuda-nn has it.

    Args:
        field: identity encoding, relu or sine, no biases.
        network: which of its networks; auto: FullyFusedMLP where it can, else CutlassMLP.

    Returns:
        The arguments of `tinycudann.NetworkWithInputEncoding` under the names n_input_dims, n_output_dims, encoding
        and network; and its `params`, float32. It takes the coordinates that the field takes, and gives its
        normalised values, in 16 bits.

    Raises:
        InrError: a field that tiny-cuda-nn cannot express.

    >>> signal = inr.Signal.from_array(np.zeros((8, 8, 3), np.uint8))
    >>> network = "mlp:depth=2,width=16,bias=false"
    >>> field = inr.Field.build(signal.domain, encoding="identity", activation="sine", network=network)
    >>> config, params = inr.engines.to_tcnn(field)
    >>> config["network"]["otype"], config["network"]["n_neurons"], params.shape
    ('CutlassMLP', 16, torch.Size([768]))
    """
    supported = tcnn_network(field, network)
    if isinstance(supported, str):
        raise InrError(supported)
    if type(field.encoding) is not Identity:
        raise InrError(
            f"tiny-cuda-nn has no encoding '{field.encoding.config()['name']}' as it is here; identity works"
        )
    config = {
        "n_input_dims": supported.layout.inputs,
        "n_output_dims": supported.layout.outputs,
        "encoding": {"otype": "Identity"},
        "network": supported.config,
    }
    return config, supported.layout.pack(dict(field.named_parameters()))


def from_tcnn(
    config: Mapping[str, Any],
    flat: Float[Tensor, " parameters"],
    domain: Domain,
    *,
    span: tuple[float, float] = (-1.0, 1.0),
    omega: float = 30.0,
    first_omega: float | None = None,
) -> Field:
    """A field from what tiny-cuda-nn has learnt.

    The constant inputs that it pads with act as a bias of the first layer. Where they, or the encoding's offset, do
    something the field has biases, those of the other layers 0, and otherwise none.

    Args:
        config: as `to_tcnn` gives it, or `tinycudann.NetworkWithInputEncoding` takes it: encoding (Identity, the
            default) and network.
        flat: its `params` (parameters,), float32 or float16.
        domain: of the field; has the axes and channels that config was made for.
        span: the coordinates that stand for the ends of every axis there; (0, 1) in tiny-cuda-nn's examples.
        omega, first_omega: frequencies of the field's sine layers (none: omega), taken out of the weights. They do
            not change the function, only how it goes on learning.

    Raises:
        InrError: a configuration that a field cannot express, or a vector of another size.

    Returns:
        The field, float32, on the processor.

    >>> signal = inr.Signal.from_array(np.zeros((8, 8, 3), np.uint8))
    >>> network = "mlp:depth=2,width=16,bias=false"
    >>> field = inr.Field.build(signal.domain, encoding="identity", activation="sine", network=network)
    >>> again = inr.engines.from_tcnn(*inr.engines.to_tcnn(field), signal.domain)
    >>> coords = torch.rand(5, 2)
    >>> torch.allclose(again(coords), field(coords), atol=1e-6)
    True
    """
    activation, units, depth = _network(config.get("network", {}))
    scale, offset = _input_map(config.get("encoding", {}), span)
    _check_dims(config, domain)
    spec: dict[str, Any] = {"name": activation}
    gains = [1.0] * depth
    if activation == "sine":
        spec |= {"omega": float(omega), "first_omega": float(omega if first_omega is None else first_omega)}
        gains = [spec["first_omega"]] + [spec["omega"]] * (depth - 1)
    layout = Layout(domain.in_dim, units, units, depth, domain.channels, (*gains, 1.0))
    layout.check_size(flat)
    flat = flat.detach().float().cpu()
    first = layout.places[0].matrix(flat)
    inputs = domain.in_dim
    weights = {place.name: place.weights(flat) / place.gain for place in layout.places}
    weights[layout.places[0].name] *= scale
    bias = (first[:, inputs:].sum(1) + offset * first[:, :inputs].sum(1)) / gains[0]
    return _field(domain, spec, layout, weights, bias)


def _field(domain: Domain, spec: dict[str, Any], layout: Layout, weights: dict[str, Tensor], bias: Tensor) -> Field:
    biased = bool(bias.any())
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, and replaced
        network = {"name": "mlp", "depth": layout.depth, "width": layout.width, "bias": biased}
        field = Field.build(domain, encoding="identity", activation=spec, network=network)
    with torch.no_grad():
        for name, parameter in field.named_parameters():
            parameter.copy_(weights[name] if name in weights else torch.zeros_like(parameter))
        if biased:
            field.get_parameter("network.layers.0.bias").copy_(bias)
    return field


def _network(config: Mapping[str, Any]) -> tuple[str, int, int]:
    """Activation as it is named here, width and depth; tiny-cuda-nn's own defaults where they are not given."""
    otype, activation, output = (
        config.get(key, default)
        for key, default in (("otype", "MLP"), ("activation", "ReLU"), ("output_activation", "None"))
    )
    if str(otype).lower() not in _NETWORKS:
        raise InrError(f"network {otype!r} is not known here; CutlassMLP and FullyFusedMLP are")
    if str(activation).lower() not in _ACTIVATIONS:
        raise InrError(f"fields have no activation {activation!r}; Sine and ReLU work")
    if str(output).lower() != "none":
        raise InrError(f"the last layer of a field is linear: output_activation {output!r} is not None")
    units = _integer(config.get("n_neurons", 128), "n_neurons", _MAX_UNITS)
    return str(activation).lower(), units, _integer(config.get("n_hidden_layers", 5), "n_hidden_layers", _MAX_LAYERS)


def _integer(value: Any, name: str, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise InrError(f"{name} of a field is a whole number from 1 to {most}, got {value!r}")
    return value


def _input_map(config: Mapping[str, Any], span: tuple[float, float]) -> tuple[float, float]:
    """Factor and offset from coordinates in [-1, 1] to what the first layer reads."""
    otype, scale, offset = config.get("otype", "Identity"), config.get("scale", 1.0), config.get("offset", 0.0)
    if str(otype).lower() != "identity":
        raise InrError(f"encoding {otype!r} is not the function of one here; Identity works")
    low, high = span
    return scale * (high - low) / 2, scale * (high + low) / 2 + offset


def _check_dims(config: Mapping[str, Any], domain: Domain) -> None:
    for key, count, what in (("n_input_dims", domain.in_dim, "axes"), ("n_output_dims", domain.channels, "channels")):
        if config.get(key, count) != count:
            raise InrError(f"{key} is {config[key]}, but the domain has {count} {what}")
