"""Values and derivatives of a field at points: what is read of them, and their reference by autograd."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.field._calculus import gradient

Operator = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Reads:
    """What of a field is read at points, besides its values.

    Attributes:
        first: axes by which first derivatives are read, ascending: (0, 1) for those by x and y.
        second: linear operators of second order. Each is a symmetric matrix a, (d, d), as nested tuples, and stands for
            the sum over i and j of `a[i][j]` ∂²/∂x_i ∂x_j.

    >>> inr.field.Reads(first=(0, 1), second=(inr.field.laplace(2),)).order
    2
    """

    first: tuple[int, ...] = ()
    second: tuple[Operator, ...] = ()

    @property
    def order(self) -> int:
        """The highest order of a derivative that is read."""
        return 2 if self.second else int(bool(self.first))

    def check(self, in_dim: int) -> None:
        """Refuse axes that are not there, and operators that are not symmetric.

        Args:
            in_dim: number of coordinates.

        Raises:
            InrError: what does not fit, in words.
        """
        if list(self.first) != sorted(set(self.first)) or not all(0 <= axis < in_dim for axis in self.first):
            raise InrError(f"first derivatives are by axes from 0 to {in_dim - 1}, ascending, not {self.first}")
        for operator in self.second:
            square = len(operator) == in_dim and all(len(row) == in_dim for row in operator)
            if not square or any(operator[i][j] != operator[j][i] for i in range(in_dim) for j in range(i)):
                raise InrError(f"an operator of second order is a symmetric {in_dim} x {in_dim} matrix, not {operator}")


def laplace(in_dim: int) -> Operator:
    """The Laplacian as an operator of `Reads`: the identity matrix.

    >>> inr.field.laplace(2)
    ((1.0, 0.0), (0.0, 1.0))
    """
    return tuple(tuple(float(i == j) for j in range(in_dim)) for i in range(in_dim))


class Jet(NamedTuple):
    """Values and derivatives of a field at n points, or the gradient of a loss by them.

    Values are normalised, and derivatives are of them, per unit of [-1, 1].

    Attributes:
        values: (n, c).
        first: (n, c, k), by the axes of `Reads.first`.
        second: (n, c, m), of the operators of `Reads.second`.
    """

    values: Float[Tensor, "n c"]
    first: Float[Tensor, "n c k"]
    second: Float[Tensor, "n c m"]


def jet(function: Callable[[Tensor], Tensor], coords: Float[Tensor, "n d"], reads: Reads) -> Jet:
    """Values and derivatives by automatic differentiation: the reference for engines.

    Args:
        function: (n, d) to (n, c), point by point.
        coords: float (n, d).
        reads: which derivatives.

    Returns:
        Tensors of the coordinates' dtype. They stay in the graph where gradients are on, so that losses of them can be
        differentiated by what the function is made of.
    """
    reads.check(coords.shape[1])
    wanted = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        points = coords.clone() if coords.is_inference() else coords
        points = points if points.requires_grad else points.detach().requires_grad_(bool(reads.order))
        values = function(points)
        slopes = [gradient(column, points) for column in values.unbind(1)] if reads.order else []
        count, channels = values.shape
        first = values.new_zeros((count, channels, 0))
        if reads.first:
            first = torch.stack([slope[:, list(reads.first)] for slope in slopes], 1)
        second = values.new_zeros((count, channels, 0))
        if reads.second:
            curvatures = [_curvatures(slope, points, reads.second) for slope in slopes]
            second = torch.stack(curvatures, 1)
    found = Jet(values, first, second)
    return found if wanted else Jet(*(tensor.detach() for tensor in found))


def _curvatures(slope: Tensor, points: Tensor, operators: tuple[Operator, ...]) -> Tensor:
    """What operators of second order give (n, m), of a channel of which `slope` (n, d) is the gradient."""
    used = [any(any(operator[axis]) for operator in operators) for axis in range(points.shape[1])]
    rows = [gradient(column, points) if each else None for column, each in zip(slope.unbind(1), used, strict=True)]
    found = []
    for operator in operators:
        terms = [row @ row.new_tensor(operator[axis]) for axis, row in enumerate(rows) if row is not None]
        found.append(sum(terms, torch.zeros_like(slope[:, 0])))
    return torch.stack(found, 1)
