"""Activation regions: where the units of a network switch, and how finely that divides the domain.

Lazzari and Liu, Understanding the spectral bias of coordinate based MLPs via training dynamics, arXiv 2301.05816. The
definitions are those of rectifiers, whose units are on or off; of other activations the sign before them is taken.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inr._errors import InrError
from inr.diagnostics._measures._layers import layers_at
from inr.field import Field

_LINE_POINTS = 2_048


def activation_patterns(field: Field, coords: Float[Tensor, "n d"]) -> Bool[np.ndarray, "n h"]:
    """Which hidden units are on at points: those whose affine map is positive there (Lazzari and Liu).

    Args:
        field: with hidden layers.
        coords: (n, D), float32.

    Returns:
        A row a point, a column for each hidden unit of all layers.

    Raises:
        InrError: a network without hidden layers.
    """
    hidden = layers_at(field, coords)[:-1]
    if not hidden:
        raise InrError("activation regions need a network with hidden layers, as mlp")
    return torch.cat([layer.outputs > 0 for layer in hidden], dim=1).numpy()


def region_count(patterns: Bool[np.ndarray, "n h"]) -> int:
    """How many different patterns there are: the activation regions that points lie in, n at most.

    >>> inr.diagnostics.region_count(np.array([[True, False], [True, False], [True, True]]))
    2
    """
    packed = np.ascontiguousarray(np.packbits(patterns, axis=1))
    return len(np.unique(packed.view([("", packed.dtype, (packed.shape[1],))])))


class Crossings(NamedTuple):
    """Where a line leaves one activation region for the next.

    Attributes:
        regions: that it goes through, as far as its points tell: one more than places.
        places: along the line, from 0 at its start to 1 at its end, in ascending order.
    """

    regions: int
    places: Float[np.ndarray, " k"]


def regions_along(
    field: Field, start: Float[Tensor, " d"], stop: Float[Tensor, " d"], *, points: int = _LINE_POINTS
) -> Crossings:
    """The activation regions along a straight line.

    Args:
        field: with hidden layers.
        start, stop: ends of the line, (D,), float32.
        points: looked at; regions between two of them are not seen.
    """
    along = torch.linspace(0, 1, points)[:, None]
    patterns = activation_patterns(field, start + along * (stop - start))
    changes = np.flatnonzero((patterns[1:] != patterns[:-1]).any(1))
    return Crossings(len(changes) + 1, (changes + 0.5) / (points - 1))


def hamming(first: Bool[np.ndarray, "n h"], second: Bool[np.ndarray, "n h"]) -> Int[np.ndarray, " n"]:
    """In how many units the patterns of pairs differ.

    >>> inr.diagnostics.hamming(np.array([[True, False, True]]), np.array([[False, False, False]]))
    array([2])
    """
    return (first != second).sum(1)


def hamming_distances(
    field: Field, spacing: Float[Tensor, " d"], *, pairs: int = 1_000, seed: int = 0
) -> tuple[float, float]:
    """The mean Hamming distance of neighbours, and that of points far apart.

    Near points that share almost all of their pattern are hard to tell apart: with bare coordinates the local distance
    stays small or shrinks, with an encoding it is large from the start (Lazzari and Liu).

    Args:
        field: with hidden layers.
        spacing: from a sample to the next along each coordinate, (D,); neighbours lie within 3 samples a side.
        pairs: drawn for each.
        seed: of the draw.

    Returns:
        Local and global distance, in units; the global one is of pairs in opposite corners' quarters.
    """
    draw = torch.Generator().manual_seed(seed)
    dims = field.domain.in_dim
    near = torch.rand(pairs, dims, generator=draw) * 2 - 1
    beside = (near + spacing * torch.randint(-2, 3, (pairs, dims), generator=draw)).clamp(-1, 1)
    side = torch.randint(0, 2, (pairs, dims), generator=draw) * 2.0 - 1
    far, opposite = (sign * side * (0.2 + 0.8 * torch.rand(pairs, dims, generator=draw)) for sign in (1, -1))
    local, wide = (
        hamming(activation_patterns(field, one), activation_patterns(field, other))
        for one, other in ((near, beside), (far, opposite))
    )
    return float(local.mean()), float(wide.mean())


def dead_units(patterns: Bool[np.ndarray, "n h"]) -> float:
    """The share of units that are off at every point: of rectifiers those that learn nothing any more."""
    return float((~patterns.any(0)).mean())
