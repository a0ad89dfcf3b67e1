"""The tangent kernel of a field at its start, and how well it predicts samples that it does not see."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr.field import Field
from inr.networks import Affine

RIDGES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def tangent_kernel(field: Field, coords: Float[Tensor, "n d"], *, summed: bool = False) -> Float[Tensor, "n n"]:
    """The neural tangent kernel K = J Jᵀ of a field's weights, summed over its channels.

    J is the derivative of the values in all trainable parameters. Gradient descent with small steps on the squared
    error fits as regression with this kernel does (Jacot, Gabriel and Hongler, Neural tangent kernel, NeurIPS 2018;
    for coordinates: Tancik et al., Fourier features, NeurIPS 2020). It needs no values of a signal.

    Args:
        field: the field, usually with its initial weights, on any device.
        coords: (n, D) in [-1, 1], of the field's dtype; n up to about a thousand.
        summed: of the sum of the channels over the root of their number, in the place of the sum of the channels'
            kernels: one pass whatever their number (Mohamadi, Bae and Sutherland, A fast, well-founded approximation
            to the empirical neural tangent kernel, ICML 2023).

    Returns:
        (n, n), symmetric and positive semidefinite, of the field's dtype.

    Raises:
        InrError: coordinates of another shape.

    >>> field = inr.Field.build(inr.open("photo.png").domain, network="mlp:depth=1,width=16")
    >>> inr.fitting.tangent_kernel(field, torch.rand(5, 2) * 2 - 1).shape
    torch.Size([5, 5])
    """
    if coords.ndim != 2 or coords.shape[1] != field.domain.in_dim:
        raise InrError(f"coordinates must have shape (n, {field.domain.in_dim}), got {tuple(coords.shape)}")
    layers = _affine_layers(field)
    found = None if layers is None else _from_layers(field, coords, layers, summed)
    return _from_jacobian(field, coords, summed) if found is None else found


def leave_one_out(
    kernel: Float[Tensor, "_ _"], values: Float[Tensor, "_ _"], ridges: Sequence[float] = RIDGES
) -> Float[Tensor, " r"]:
    """Mean squared error at each sample of the kernel regression on all the others, without a refit.

    With A = K + ridge·(tr K / n)·I and a = A⁻¹y, the error at sample i is a_i / (A⁻¹)_ii (Craven and Wahba, Smoothing
    noisy data with spline functions, Numerische Mathematik 1979; Rasmussen and Williams, Gaussian processes for
    machine learning, MIT Press 2006, section 5.4.2). One inverse a ridge serves all samples and channels.

    Args:
        kernel: (n, n), symmetric and positive semidefinite, as `tangent_kernel` gives it; float64 is advised.
        values: (n, c), what the samples have.
        ridges: strengths of regularisation, in units of the kernel's mean diagonal; each stands for a length of
            training, small ones for long ones.

    Returns:
        The error for every ridge, (r,); infinite where A is singular in the kernel's precision.

    Raises:
        InrError: shapes that do not go together, or a ridge that is not positive.

    >>> coords = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> kernel = torch.exp(-((coords - coords.T) ** 2))
    >>> bool(inr.fitting.leave_one_out(kernel, coords**2)[-1] < 1e-4)
    True
    """
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or values.ndim != 2 or len(values) != len(kernel):
        raise InrError(
            f"a kernel (n, n) and values (n, c) go together, got {tuple(kernel.shape)} and {tuple(values.shape)}"
        )
    if not ridges or min(ridges) <= 0:
        raise InrError(f"ridges must be positive, got {list(ridges)}")
    errors = []
    for ridge in ridges:
        added = ridge * kernel.diagonal().mean() * torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
        factor, failed = torch.linalg.cholesky_ex(kernel + added)
        inverse = torch.cholesky_inverse(factor)
        missed = (inverse @ values / inverse.diagonal()[:, None]).square().mean()
        errors.append(missed.new_tensor(math.inf) if failed else missed)
    return torch.stack(errors)


def _affine_layers(field: Field) -> list[nn.Module] | None:
    """The layers that hold all the weights, each once; None where something else holds some of them."""
    owners = [module for module in field.modules() if next(module.parameters(recurse=False), None) is not None]
    return owners if all(isinstance(module, Affine) for module in owners) else None


def _columns(values: Tensor, summed: bool) -> list[Tensor]:
    """The channels that a kernel is of."""
    return [values.sum(1) / math.sqrt(values.shape[1])] if summed else list(values.unbind(1))


def _from_layers(field: Field, coords: Tensor, layers: Sequence[nn.Module], summed: bool) -> Tensor | None:
    """Layer by layer: (Δ Δᵀ) ∘ (X Xᵀ + 1) of the inputs X and the derivatives Δ in the outputs of an affine map.

    This never forms J, which has as many columns as there are weights. None where a layer is not called once.
    """
    seen: list[tuple[Tensor, Tensor]] = []

    def record(module: nn.Module, inputs: Any, outputs: Any) -> None:
        grown = inputs[0].new_ones((len(coords), 1)) if module.bias is not None else inputs[0][:, :0]
        seen.append((torch.cat([inputs[0], grown], dim=1).detach(), outputs[0]))

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        values = field(coords)
    finally:
        for hook in hooks:
            hook.remove()
    if len(seen) != len(layers):
        return None
    outputs = [output for _, output in seen]
    kernel = values.new_zeros((len(coords), len(coords)))
    for column in _columns(values, summed):
        derivatives = torch.autograd.grad(column.sum(), outputs, retain_graph=True)
        for (inputs, _), derivative in zip(seen, derivatives, strict=True):
            kernel += (derivative @ derivative.T) * (inputs @ inputs.T)
    return kernel


def _from_jacobian(field: Field, coords: Tensor, summed: bool) -> Tensor:
    """By the derivatives of every sample, for any network."""
    kernel = coords.new_zeros((len(coords), len(coords)))
    parameters = [parameter for parameter in field.parameters() if parameter.requires_grad]
    values = field(coords)
    for column in _columns(values, summed):
        for rows in _jacobian(column, parameters, batched=not field.encoding.tables):
            flat = rows.reshape(len(coords), -1)
            kernel += flat @ flat.T
    return kernel.detach()


def _jacobian(values: Tensor, parameters: Sequence[Tensor], *, batched: bool) -> list[Tensor]:
    """Derivatives (n, …) of n values in every parameter; the gradients of tables come one value at a time."""
    if batched:
        weights = torch.eye(len(values), dtype=values.dtype, device=values.device)
        return list(torch.autograd.grad(values, parameters, weights, retain_graph=True, is_grads_batched=True))
    rows = [torch.autograd.grad(value, parameters, retain_graph=True) for value in values]
    return [torch.stack(column) for column in zip(*rows, strict=True)]
