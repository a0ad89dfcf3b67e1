"""What a tangent kernel says of a target: which of its patterns are learned, and how soon."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError


def target_shares(
    kernel: Float[Tensor, "n n"], values: Float[Tensor, "n c"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The eigenvalues of a kernel, and the share of a target that lies along each eigenvector.

    Shares on the first few eigenvectors are learned soon; a target whose shares lie on the last ones is one that the
    kernel's functions can hardly make (Yüce et al., A structured dictionary perspective on implicit neural
    representations, CVPR 2022).

    Args:
        kernel: symmetric and positive semidefinite, as `inr.fitting.tangent_kernel` gives it.
        values: what the points have; all channels together.

    Returns:
        Eigenvalues in descending order and shares q, which sum to 1, both float64.

    Raises:
        InrError: values that are all 0.
    """
    eigenvalues, vectors = torch.linalg.eigh(kernel.double())
    squares = (vectors.T @ values.double()).square().sum(1)
    if not float(squares.sum()) > 0:
        raise InrError("a target of zeros has no shares: take the values about their mean of a signal that varies")
    shares = squares / squares.sum()
    return eigenvalues.flip(0).clamp(min=0).numpy(), shares.flip(0).numpy()


def predicted_residual(
    eigenvalues: Float[np.ndarray, " n"], shares: Float[np.ndarray, " n"], steps: float, *, rate: float | None = None
) -> float:
    """The share of a target that gradient descent has not learned after some steps: Σ q (1 - η λ)^(2 steps).

    For networks whose tangent kernel stays as it is (Jacot, Gabriel and Hongler, Neural tangent kernel, NeurIPS 2018).

    Args:
        eigenvalues, shares: as `target_shares` gives them.
        steps: of gradient descent on half the sum of squared errors.
        rate: η; None for 1 / the largest eigenvalue, with which the first pattern is learned at once.

    Returns:
        The mean squared residual over that at the start: 1 for no steps.

    >>> inr.diagnostics.predicted_residual(np.array([4.0, 1.0]), np.array([0.5, 0.5]), 1)
    0.28125
    """
    largest = float(eigenvalues.max())
    factor = 1 - np.asarray(eigenvalues) * ((1 / largest if largest > 0 else 0.0) if rate is None else rate)
    return float((shares * np.abs(factor) ** (2 * steps)).sum())
