"""The spectrum of a field's tangent kernel: which patterns gradient descent learns fast, and which slowly."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.field import Field
from inr.fitting import tangent_kernel, tangent_product

EXACT_POINTS = 400  # up to which a kernel is formed and decomposed in well under a second
Apply = Callable[[Float[Tensor, " n"]], Float[Tensor, " n"]]


class Ritz(NamedTuple):
    """What a Lanczos process tells of a symmetric operator.

    Attributes:
        values: Ritz values, in ascending order.
        shares: of the first vector along each.
        bounds: how far from each an eigenvalue lies at most, in exact arithmetic.
    """

    values: Float[np.ndarray, " m"]
    shares: Float[np.ndarray, " m"]
    bounds: Float[np.ndarray, " m"]


def kernel_spectrum(
    field: Field, coords: Float[Tensor, "n d"], *, products: int = 30, seed: int = 0
) -> Float[np.ndarray, " m"]:
    """Eigenvalues of the tangent kernel K = J Jᵀ, summed over channels, the largest first.

    The share of a target along an eigenvector shrinks as exp(-η λ t) under gradient descent (Tancik et al., Fourier
    features let networks learn high frequency functions, NeurIPS 2020).

    Args:
        field: whose kernel it is.
        coords: points (n, D), float32. All eigenvalues are found of up to 400; of more the Ritz values of a Lanczos
            process of `products` products with K. The first of these are near the largest eigenvalues; the last say
            little of the smallest, see `kernel_ends`.
        products: of the Lanczos process.
        seed: of its first vector.

    Returns:
        Eigenvalues, or Ritz values, float64, in descending order.
    """
    if len(coords) <= EXACT_POINTS:
        return torch.linalg.eigvalsh(tangent_kernel(field, coords).double()).flip(0).clamp(min=0).numpy()
    return lanczos(kernel_product(field, coords), len(coords), products, seed=seed).values[::-1]


def kernel_ends(
    field: Field, coords: Float[Tensor, "n d"], *, products: int = 60, tolerance: float = 1e-3, seed: int = 0
) -> tuple[float, float]:
    """The largest and the smallest eigenvalue of the tangent kernel, each where it is certain; NaN where it is not.

    A Ritz value has an eigenvalue no farther away than the norm of its residual, which a Lanczos process gives with
    it (Parlett, The symmetric eigenvalue problem, 1998, section 13.2). The largest is found in some tens of products.
    Eigenvalues of smooth networks fall as fast as their functions are smooth, and crowd around 0 below what the
    field's numbers can tell: then the smallest is not given, however many products are spent. Those of grids of
    features mostly are apart, and take about as many products as there are points.

    Args:
        field, coords, seed: as of `kernel_spectrum`; a field and points of float64 tell smaller ones.
        products: with K.
        tolerance: of an eigenvalue, relative to itself.

    Returns:
        Both ends, float64.

    >>> field = inr.Field.build(inr.open("photo.png").domain, network="mlp:depth=1,width=16")
    >>> largest, smallest = inr.diagnostics.kernel_ends(field, torch.rand(600, 2) * 2 - 1)
    >>> largest > 0, smallest
    (True, nan)
    """
    found = lanczos(kernel_product(field, coords), len(coords), products, seed=seed)
    rounding = torch.finfo(field.dtype).eps * math.sqrt(len(coords)) * float(np.abs(found.values).max())
    sure = found.bounds + rounding <= tolerance * found.values
    largest, smallest = (float(found.values[end]) if sure[end] else math.nan for end in (-1, 0))
    return largest, smallest


def kernel_trace(field: Field, coords: Float[Tensor, "n d"], *, probes: int = 8, seed: int = 0) -> float:
    """The trace of the tangent kernel, the sum of all squared derivatives, estimated by random signs.

    Hutchinson, A stochastic estimator of the trace of the influence matrix, 1990: the mean of v·Kv over vectors v of
    random signs.

    Args:
        field, coords: as of `kernel_spectrum`.
        probes: products with K.
        seed: of the signs.
    """
    apply = kernel_product(field, coords)
    draw = torch.Generator().manual_seed(seed)
    signs = [torch.randint(0, 2, (len(coords),), generator=draw).double() * 2 - 1 for _ in range(probes)]
    return float(np.mean([float(each @ apply(each)) for each in signs]))


def spectral_density(
    field: Field, coords: Float[Tensor, "n d"], *, products: int = 30, probes: int = 4, seed: int = 0
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """How many eigenvalues a tangent kernel has where, by stochastic Lanczos quadrature.

    Ubaru, Chen and Saad, Fast estimation of tr(f(A)) via stochastic Lanczos quadrature, 2017.

    Args:
        field, coords, products, seed: as of `kernel_spectrum`.
        probes: random starts.

    Returns:
        Places and their shares of all eigenvalues, which sum to 1, by place.
    """
    apply = kernel_product(field, coords)
    found = [lanczos(apply, len(coords), products, seed=seed + probe, signs=True) for probe in range(probes)]
    places = np.concatenate([each.values for each in found])
    shares = np.concatenate([each.shares for each in found]) / probes
    order = np.argsort(places)
    return places[order], shares[order]


def kernel_product(field: Field, coords: Float[Tensor, "n d"]) -> Apply:
    """v -> K v of the tangent kernel summed over channels, in float64, without forming K."""

    def apply(vector: Tensor) -> Tensor:
        total = torch.zeros_like(vector)
        for channel in range(field.domain.channels):
            pushed = torch.zeros(len(coords), field.domain.channels, dtype=field.dtype)
            pushed[:, channel] = vector.to(field.dtype)
            total += tangent_product(field, coords, pushed)[:, channel].double()
        return total

    return apply


def lanczos(apply: Apply, size: int, products: int, *, seed: int = 0, signs: bool = False) -> Ritz:
    """Ritz values of a symmetric operator in ascending order.

    All vectors are kept orthogonal to all before (Golub and Van Loan, Matrix computations, section 10.3).

    Args:
        apply: the operator on float64 vectors (size,).
        size: of the vectors.
        products: with the operator; fewer where the vectors span an invariant space.
        seed: of the first vector.
        signs: let it be of random signs, as quadrature wants it, not Gaussian.

    Raises:
        InrError: no products.
    """
    if products < 1:
        raise InrError(f"a Lanczos process takes at least 1 product, got {products}")
    draw = torch.Generator().manual_seed(seed)
    start = torch.randn(size, generator=draw, dtype=torch.float64)
    start = start.sign() if signs else start
    basis = [start / start.norm()]
    diagonal, beside, last = [], [], 0.0
    for _ in range(min(products, size)):
        image = apply(basis[-1])
        diagonal.append(float(basis[-1] @ image))
        known = torch.stack(basis)
        for _ in range(2):  # once leaves what rounding brings back
            image = image - known.T @ (known @ image)
        norm = float(image.norm())
        if norm <= 1e-10 * max(map(abs, diagonal)) or not math.isfinite(norm):
            last = 0.0
            break
        last = norm
        beside.append(norm)
        basis.append(image / norm)
    matrix = np.diag(diagonal)
    for index, number in enumerate(beside[: len(diagonal) - 1]):
        matrix[index, index + 1] = matrix[index + 1, index] = number
    values, vectors = np.linalg.eigh(matrix)
    return Ritz(values, np.square(vectors[0]), last * np.abs(vectors[-1]))
