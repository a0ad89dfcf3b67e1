"""The tangent kernel of a field at its start, and how well it predicts samples that it does not see."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr.encodings import DenseGrid, HashGrid
from inr.field import Field
from inr.networks import Affine

Numbers = Callable[[Tensor], Sequence[Tensor]]  # of a field's values (n, C): some (n,)
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
    if summed:
        return _gram(field, coords, lambda values: [values.sum(1) / math.sqrt(values.shape[1])])
    return _gram(field, coords, lambda values: list(values.unbind(1)))


def gradient_gram(field: Field, coords: Float[Tensor, "n d"], values: Float[Tensor, "n c"]) -> Float[Tensor, "n n"]:
    """The products of the gradients that single samples give: G_ij = ∇L_i · ∇L_j of their squared errors L_i.

    Args:
        field: as it stands.
        coords: of the samples, (n, D) in [-1, 1], of the field's dtype.
        values: of the samples, normalised, (n, C).

    Returns:
        (n, n), symmetric and positive semidefinite, of the field's dtype.

    >>> field = inr.Field.build(inr.open("photo.png").domain, network="mlp:depth=1,width=16")
    >>> inr.fitting.gradient_gram(field, torch.zeros(4, 2), torch.ones(4, 3)).shape
    torch.Size([4, 4])
    """
    return _gram(field, coords, lambda found: [(found - values).square().sum(1)])


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


def _gram(field: Field, coords: Tensor, numbers: Numbers) -> Tensor:
    """The sum over `numbers` of the products of their derivatives in all weights, for every pair of samples.

    Args:
        field: whose weights count.
        coords: of the samples.
        numbers: of the field's values (n, C): some (n,), each of which depends on its own sample alone.
    """
    layers = _affine_layers(field)
    found = None if layers is None else _from_layers(field, coords, layers, numbers)
    return _from_jacobian(field, coords, numbers) if found is None else found


def _affine_layers(field: Field) -> list[nn.Module] | None:
    """The layers that hold the weights, each once, beside the table of a grid; None where something else has some."""
    owners = [module for module in field.modules() if next(module.parameters(recurse=False), None) is not None]
    grid = _grid_of(field)
    layers = [module for module in owners if module is not grid]
    return layers if all(isinstance(module, Affine) for module in layers) else None


def _grid_of(field: Field) -> HashGrid | DenseGrid | None:
    """The grid that encodes coordinates, where one does."""
    return field.encoding if isinstance(field.encoding, HashGrid | DenseGrid) else None


def _from_layers(field: Field, coords: Tensor, layers: Sequence[nn.Module], numbers: Numbers) -> Tensor | None:
    """Layer by layer: (Δ Δᵀ) ∘ (X Xᵀ + 1) of the inputs X and the derivatives Δ in the outputs of an affine map.

    A level of a grid's features is a map of the sparse vectors of what the rows around a point count. This never forms
    J, which has as many columns as there are weights. None where a layer is not called once.
    """
    seen: list[tuple[Tensor, Tensor]] = []
    features: list[Tensor] = []

    def record(module: nn.Module, inputs: Any, outputs: Any) -> None:
        grown = inputs[0].new_ones((len(coords), 1)) if module.bias is not None else inputs[0][:, :0]
        wide = torch.cat([inputs[0], grown], dim=1).detach()
        seen.append((wide @ wide.T, outputs[0]))

    hooks = [layer.register_forward_hook(record) for layer in layers]
    grid = _grid_of(field)
    if grid is not None:
        hooks.append(grid.register_forward_hook(lambda module, inputs, outputs: features.append(outputs)))
    try:
        values = field(coords)
    finally:
        for hook in hooks:
            hook.remove()
    if len(seen) != len(layers) or len(features) != (grid is not None):
        return None
    levels = [] if grid is None else _level_products(grid, coords)
    outputs = [*(output for _, output in seen), *features]
    kernel = values.new_zeros((len(coords), len(coords)))
    for each in numbers(values):
        derivatives = torch.autograd.grad(each.sum(), outputs, retain_graph=True)
        for (products, _), derivative in zip(seen, derivatives, strict=False):
            kernel += (derivative @ derivative.T) * products
        for products, derivative in zip(levels, derivatives[-1].chunk(max(len(levels), 1), dim=1), strict=False):
            kernel += (derivative @ derivative.T) * products
    return kernel


def _level_products(grid: HashGrid | DenseGrid, coords: Tensor) -> list[Tensor]:
    """For every level of a grid: the products (n, n) of what the rows of its table count at one point and another."""
    rows, weights = grid.lattice.corners(grid.placed_in(coords))
    found = []
    for own, counts in zip(rows, weights.detach(), strict=True):
        known, places = own.unique(return_inverse=True)
        spread = counts.new_zeros(len(known), len(coords))
        spread.index_put_((places, torch.arange(len(coords)).expand_as(places)), counts, accumulate=True)
        found.append(spread.T @ spread)
    return found


def _from_jacobian(field: Field, coords: Tensor, numbers: Numbers) -> Tensor:
    """By the derivatives of every sample, for any network."""
    kernel = coords.new_zeros((len(coords), len(coords)))
    parameters = [parameter for parameter in field.parameters() if parameter.requires_grad]
    for each in numbers(field(coords)):
        for rows in _jacobian(each, parameters, batched=not field.encoding.tables):
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
