"""Multilayer perceptrons by fused kernels as operators of PyTorch, for any model: `fused_mlp`.

First derivatives come from kernels; higher ones from the eager network, which is differentiated in their stead.
"""

import functools
import json
import threading
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.activations import activations
from inr.engines._formulas import Untranslatable
from inr.engines._triton import _library
from inr.engines._triton._precision import OPERANDS
from inr.networks import MLP, Network, networks

_BUSY = threading.Lock()  # a runner holds one set of weights at a time


def fused_mlp(network: MLP, features: Float[Tensor, "n f"], *, precision: str = "float16") -> Float[Tensor, "n c"]:
    """What `network(features)` gives, by fused kernels where that is float32 on a GPU with Triton.

    Differentiable any number of times in the features and in the parameters, deterministic, and known to
    `torch.compile`. Where there are no kernels for it, the network is called as it is.

    Args:
        network: float32, from f features to c values.
        features: (n, f), float32, on the device of the network.
        precision: operands of the hidden layers' products: float16, bfloat16, tf32 or float32; sums, and the first
            layer, are float32.

    Returns:
        Values (n, c), float32.

    Raises:
        InrError: features that are not (n, f), with the network's f, or an unknown precision.

    >>> network = inr.networks.MLP(2, 3, inr.activations.Sine(), width=64)
    >>> inr.engines.fused_mlp(network, torch.rand(100, 2)).shape
    torch.Size([100, 3])
    """
    if features.ndim != 2 or features.shape[1] != network.in_dim:
        raise InrError(f"features must have shape (n, {network.in_dim}), got {tuple(features.shape)}")
    if precision not in OPERANDS:
        raise InrError(f"precision must be one of {', '.join(OPERANDS)}, got {precision!r}")
    weights = list(network.parameters())
    where = "cpu" if _library.interpreting() else "cuda"
    known = all(t.dtype == torch.float32 and t.device.type == where for t in (features, *weights))
    spec = _spec(network, precision) if known else ""
    return torch.ops.inr.mlp(features, weights, spec) if spec else network(features)


@torch.compiler.assume_constant_result
def _spec(network: Network, precision: str) -> str:
    """What the kernels are made from, in words; "" where there are none."""
    if type(network) is not MLP or _library.problem() is not None:
        return ""
    activation = network.activation.config()
    if not _translatable(json.dumps(activation)):
        return ""
    return json.dumps([network.config(), activation, network.in_dim, network.out_dim, precision])


@functools.cache
def _translatable(activation: str) -> bool:
    from inr.engines._triton._activations import functions

    built = activations.build(json.loads(activation))
    try:
        return all(functions(built, planes) is not None for planes in {1, built.planes})
    except Untranslatable:
        return False


def _network(spec: str) -> MLP:
    config, activation, in_dim, out_dim, _ = json.loads(spec)
    with torch.random.fork_rng(devices=[]):  # its initial weights are never read
        return networks.build(config, in_dim, out_dim, activations.build(activation))


@functools.lru_cache(maxsize=16)
def _runner(spec: str, device: torch.device) -> Any:
    from inr.engines._triton._network import Runner

    return Runner(_network(spec), None, json.loads(spec)[-1], device)


def _loaded(features: Tensor, weights: list[Tensor], spec: str) -> Any:
    """The runner of a network with its weights, in the order of its parameters."""
    runner = _runner(spec, features.device)
    runner.weights.load(dict(zip(runner.weights.names, weights, strict=True)))
    return runner


@torch.library.custom_op("inr::mlp", mutates_args=(), schema="(Tensor features, Tensor[] weights, str spec) -> Tensor")
def _mlp(features: Tensor, weights: list[Tensor], spec: str) -> Tensor:
    with _BUSY:
        return _loaded(features, weights, spec).values(features.detach().contiguous())


@_mlp.register_fake
def _(features: Tensor, weights: list[Tensor], spec: str) -> Tensor:
    return features.new_empty(features.shape[0], json.loads(spec)[3])


@torch.library.custom_op(
    "inr::mlp_backward",
    mutates_args=(),
    schema="(Tensor grad, Tensor features, Tensor[] weights, str spec, bool of_features) -> Tensor[]",
)
def _backward(grad: Tensor, features: Tensor, weights: list[Tensor], spec: str, of_features: bool) -> list[Tensor]:
    """Gradients of the features (empty where they are not wanted), then of all weights."""
    with _BUSY:
        runner = _loaded(features, weights, spec)
        # the largest becomes 1 to 2, whatever mean over however many points it comes from: 16-bit numbers hold that
        scale = torch.exp2(-grad.abs().amax().clamp(1e-30, 1e30).log2().floor()) if grad.numel() else grad.new_ones(())
        learned = runner.learn(
            features.detach().contiguous(), grad.detach() * scale, None,
            task="backward", scale=1.0, factor=1.0, of_features=of_features,
        )  # fmt: skip
        found = [learned.feature_gradients, *(learned.gradient(name) for name in runner.weights.names)]
        return list(torch._foreach_div(found, scale))


@_backward.register_fake
def _(grad: Tensor, features: Tensor, weights: list[Tensor], spec: str, of_features: bool) -> list[Tensor]:
    return [
        features.new_empty(features.shape if of_features else (0, features.shape[1])),
        *map(torch.empty_like, weights),
    ]


def _keep(ctx: Any, inputs: tuple, output: Any) -> None:
    *tensors, weights, spec = inputs if isinstance(inputs[-1], str) else inputs[:-1]
    ctx.save_for_backward(*tensors, *weights)
    ctx.spec, ctx.count = spec, len(weights)


def _once(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    features, *weights = ctx.saved_tensors
    of_features = ctx.needs_input_grad[0]
    found = torch.ops.inr.mlp_backward(grad, features, weights, ctx.spec, of_features)
    return found[0] if of_features else None, found[1:], None


def _twice(ctx: Any, grads: list[Tensor]) -> tuple[Any, ...]:
    """The derivative of `_backward`: of the eager network's, which autograd can go on to differentiate."""
    higher = torch.is_grad_enabled()
    with torch.enable_grad():
        grad, features, *weights = [
            tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
            for tensor in ctx.saved_tensors
        ]
        network = _network(ctx.spec)
        names = [name for name, _ in network.named_parameters()]
        values = torch.func.functional_call(network, dict(zip(names, weights, strict=True)), (features,))
        first = torch.autograd.grad(values, [features, *weights], grad, create_graph=True)
        given = [
            given if given.numel() else torch.zeros_like(tensor) for given, tensor in zip(grads, first, strict=True)
        ]
        second = torch.autograd.grad(
            first, [grad, features, *weights], given, create_graph=higher, allow_unused=True, materialize_grads=True
        )
    return second[0], second[1], list(second[2:]), None, None


torch.library.register_autograd(_mlp, _once, setup_context=_keep)
torch.library.register_autograd(_backward, _twice, setup_context=_keep)
