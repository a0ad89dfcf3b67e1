"""What an encoding makes easy: how much of its features a linear layer can use, and how near stays near.

The two measures of Zheng et al. ("Rethinking positional encoding", 2021): a high stable rank lets a linear layer
memorise, features that stay alike for points nearby let it generalise; more of one is less of the other.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError

Encode = Callable[[Tensor], Tensor]  # an encoding, or any function of coordinates (n, d) to features (n, f)
_BLOCK_NUMBERS = 2**22  # of features at once: 32 MiB in float64


def stable_rank(of: Encode | Float[Tensor, "n f"], coords: Float[Tensor, "n d"] | None = None) -> float:
    """The stable rank |X|_F² / |X|_2² of a matrix of features, between 1 and its rank.

    A high one lets a linear layer memorise: Zheng et al., "Rethinking positional encoding", 2021.

    Args:
        of: the features (n, f), of any real dtype, or the encoding that makes them.
        coords: where the encoding is evaluated, (n, d) float32: the samples of a signal, for one.

    Returns:
        The rank, summed in float64.

    Raises:
        InrError: no points, features that are all 0 or not finite, or coordinates missing or too many.

    >>> inr.diagnostics.stable_rank(torch.eye(9))
    9.0
    >>> from inr.encodings import FourierFeatures
    >>> coords = torch.linspace(-1, 1, 64)[:, None]
    >>> encoding = FourierFeatures(1, frequencies=16, sigma=4.0)
    >>> 1 <= inr.diagnostics.stable_rank(encoding, coords) <= 32
    True
    """
    gram = _gram(_features(of, coords))
    largest = float(torch.linalg.eigvalsh(gram)[-1]) if len(gram) and bool(gram.isfinite().all()) else 0.0
    if not largest > 0:
        raise InrError("a stable rank needs finite features that are not all 0")
    return float(gram.trace()) / largest


@torch.no_grad()
def distance_preservation(
    encoding: Encode, first: Float[Tensor, "n d"], second: Float[Tensor, "n d"]
) -> Float[Tensor, " n"]:
    """How alike the features of pairs of points are: their scalar product over their norms, 1 for the same point.

    Features that stay alike for points nearby let a linear layer generalise: Zheng et al., "Rethinking positional
    encoding", 2021.

    Args:
        encoding: any function of coordinates (n, d) to features (n, f).
        first: one point of every pair, (n, d) float32.
        second: the other one, (n, d) float32.

    Returns:
        Cosines (n,) float64, between -1 and 1; 0 where the features of a point are all 0.

    >>> from inr.encodings import OneBlob
    >>> encoding = OneBlob(1)
    >>> first, second = torch.tensor([[0.1], [0.1]]), torch.tensor([[0.1], [0.9]])
    >>> near, far = inr.diagnostics.distance_preservation(encoding, first, second)
    >>> bool(near > 0.999 and far < 0.1)
    True
    """
    ours, theirs = encoding(first).double(), encoding(second).double()
    return torch.nn.functional.cosine_similarity(ours, theirs, dim=1, eps=1e-300)


def _features(of: Encode | Tensor, coords: Tensor | None) -> Iterator[Float[Tensor, "n f"]]:
    """The features in blocks: one block where there are fewer points than features."""
    if isinstance(of, Tensor):
        if coords is not None:
            raise InrError("features are given already: coordinates go with an encoding")
        yield of
        return
    if coords is None:
        raise InrError("an encoding needs coordinates to have features at")
    width = of(coords[:1]).shape[1]
    for block in coords.split(max(_BLOCK_NUMBERS // width, width)):
        yield of(block)


@torch.no_grad()
def _gram(blocks: Iterator[Float[Tensor, "n f"]]) -> Float[Tensor, "m m"]:
    """XᵀX or XXᵀ, whichever is smaller: their largest eigenvalue is |X|_2², their trace |X|_F²."""
    first = next(blocks).double()
    if len(first) < first.shape[1]:
        return first @ first.T
    gram = first.T @ first
    for block in blocks:
        gram += block.double().T @ block.double()
    return gram
