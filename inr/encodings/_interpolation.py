"""How features pass from a vertex to the next: by weights that are a polynomial of the place between them."""

from typing import Annotated, Literal

from jaxtyping import Float
from torch import Tensor

Interpolation = Literal["linear", "smoothstep", "quintic"]
Interpolated = Annotated[Interpolation, "smoothstep has continuous first derivatives, quintic second ones too"]

# how often what is interpolated can be differentiated
SMOOTHNESS: dict[Interpolation, int] = {"linear": 0, "smoothstep": 1, "quintic": 2}


def upper_weight(part: Float[Tensor, "..."], smoothness: int) -> Float[Tensor, "..."]:
    """The weight of the upper of two vertices; the lower one has what is left of 1.

    The polynomial of the lowest degree that goes from 0 to 1, with `smoothness` derivatives that are 0 at both ends:
    t, 3t² - 2t³ or 6t⁵ - 15t⁴ + 10t³.

    Args:
        part: t, places between the vertices, from 0 to 1.
        smoothness: 0, 1 or 2.

    Returns:
        Weights of the same shape.
    """
    if smoothness == 2:  # in the order in which kernels compute it
        return part * part * part * (10 + part * (6 * part - 15))
    return part * part * (3 - 2 * part) if smoothness else part
