"""Sines and cosines of whole numbers of cycles: dense low frequencies, sparse high ones."""

import itertools
import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr._parts import Automatic, Config, Range
from inr.encodings._base import Encoding, encodings
from inr.encodings._fourier import FourierFeatures
from inr.signals import Signal

_LOW, _HIGH = 9 / 256, 1 / 6  # of the samples an axis, where SASNet's settings for pictures and TUNER's advice are
_MOST_CANDIDATES = 2**22


@encodings.register(
    "integer-fourier",
    source="Novello et al., Tuning the frequencies: robust training for sinusoidal neural networks, CVPR 2025, and "
    "Feng et al., SASNet: spatially-adaptive sinusoidal networks for INRs, CVPR 2026",
    formula="sin(2πkv), cos(2πkv), v = (x + 1)/(2 period), k whole: a share with |k| ≤ low, the rest of a lattice",
    limits="repeats after `period` extents; nothing above the network's multiples of `high` is learned",
)
class IntegerFourierFeatures(FourierFeatures):
    """Sines and cosines of fixed whole frequencies, which a sine network reads as its frozen first layer.

    The authors freeze a first layer of sines with learned phases; a sine and a cosine, whose sum has any phase, stand
    for it here. What a sine network makes of whole frequencies are whole ones (Σ aᵢ kᵢ), which fill a lattice and
    make the field periodic: `period`, in extents, keeps opposite edges apart. A share of the vectors is drawn from all
    with entries up to `low`, unit vectors first, the rest from a lattice of equal steps up to `high`; none is drawn
    twice, and none with its negative. They stand sorted by their largest entry, so that equal groups are bands.

    Defaults are SASNet's for pictures of 256 samples; in a fit low and high go with the samples. How far sines multiply
    frequencies is bounded by their weights: see `inr.fitting.BoundedWeights`.
    """

    bandwidth = "high"
    automatic: ClassVar[Automatic] = {}

    def __init__(
        self,
        in_dim: int,
        *,
        frequencies: Annotated[
            int | None, Range(1, 2**16), "frequency vectors m (none: 128, or as many as there are)"
        ] = None,
        low: Annotated[int, Range(1, 2**16), "largest entry of dense vectors, in cycles a period"] = 9,
        high: Annotated[int, Range(1, 2**16), "largest entry of all, in cycles a period"] = 42,
        share: Annotated[float, Range(0, 1), "of the vectors that are dense"] = 0.5,
        period: Annotated[float, Range(1, 1e6), "extents after which features repeat"] = 1 / 0.95,
    ) -> None:
        self.check_in_dim(in_dim)
        if low > high:
            raise InrError(f"encoding 'integer-fourier': low must be at most high, got {low} and {high}")
        device = torch.get_default_device()
        with torch.device("cpu"):
            vectors = _drawn(in_dim, frequencies, low, high, share)
        Encoding.__init__(self, in_dim, 2 * len(vectors))
        self._resolved = {"frequencies": len(vectors)}
        self.register_buffer("frequencies", (vectors / period).float().to(device))

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """Bounds that go with the samples of the longest axis."""
        if not signal.domain.shape:
            return {}
        samples = max(signal.domain.shape)
        low = min(max(round(_LOW * samples), 1), 2**16)
        return {"low": low, "high": min(max(round(_HIGH * samples), low), 2**16)}


def _drawn(in_dim: int, wanted: int | None, low: int, high: int, share: float) -> Float[Tensor, "m d"]:
    """Vectors of whole numbers, sorted by their largest entry. Raises InrError where there are fewer than wanted."""
    count = 128 if wanted is None else wanted
    dense = _half_box(in_dim, low, 1)
    first = min(round(share * count), len(dense))
    order = torch.randperm(len(dense))
    units = (dense.abs().sum(1) == 1)[order]
    chosen = dense[torch.cat((order[units], order[~units]))[:first]]
    sparse = _sparse(in_dim, count - first, low, high)
    vectors = torch.cat((chosen, sparse[torch.randperm(len(sparse))[: count - first]]))
    if wanted is not None and len(vectors) < wanted:
        raise InrError(
            f"encoding 'integer-fourier': of {count} vectors there are only {len(vectors)} up to high={high}; "
            "use fewer frequencies or a larger share or high"
        )
    return vectors[vectors.abs().amax(1).argsort(stable=True)].double()


def _sparse(in_dim: int, count: int, low: int, high: int) -> Tensor:
    """At least so many vectors beyond the dense ones, on the coarsest lattice that has them; fewer where none has."""
    step = max(math.ceil(((high**in_dim - low**in_dim) / max(count, 1)) ** (1 / in_dim)), 1)
    while True:
        box = _half_box(in_dim, high, step)
        found = box[box.abs().amax(1) > low]
        if len(found) >= count or step == 1:
            return found
        step -= 1


def _half_box(in_dim: int, largest: int, step: int) -> Tensor:
    """All vectors of multiples of `step` with entries up to `largest` whose first entry that is not 0 is positive."""
    count = 2 * (largest // step) + 1
    if count**in_dim > _MOST_CANDIDATES:
        raise InrError(
            f"encoding 'integer-fourier': {count}^{in_dim} vectors up to {largest} are too many to choose from; "
            "use a smaller low or high"
        )
    line = range(-(largest // step) * step, largest + 1, step)
    every = torch.tensor([*itertools.product(line, repeat=in_dim)], dtype=torch.int64)
    return every[(len(every) + 1) // 2 :]  # in lexical order, after the 0 in the middle
