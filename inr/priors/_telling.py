"""Signals as coefficients that a base gives a meaning to: of principal deviations, or codes of a modulated field."""

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from inr._errors import InrError
from inr.compression.bitstream.coefficients import Spread
from inr.compression.encoder.coefficients import Meets
from inr.priors._base import Base
from inr.priors._gaussian import MEAN, SPREAD, Gaussian, deviations_of, directions
from inr.priors._inner import values_of
from inr.priors._kind import CODES
from inr.priors._method import Sampled
from inr.priors._modulated import Modulated
from inr.signals import grid_coords

Rows = Float64[np.ndarray, "b values"]
_BLOCK = 1 << 16  # samples that are evaluated at once


class TooFar(InrError):
    """Nothing that a base can tell comes as near to a signal as is asked."""


class Telling(ABC):
    """How a base tells signals of its own size.

    Args:
        base: of a method that tells signals by coefficients.

    Attributes:
        spread: of the coefficients, learned.
    """

    spread: Spread

    @abstractmethod
    def coefficients(self, rows: Rows) -> Float64[np.ndarray, "b k"]:
        """Of signals, given as normalised values (signals, samples x channels)."""

    @abstractmethod
    def restored(self, coefficients: Float64[np.ndarray, "b k"]) -> Rows:
        """The normalised values that coefficients stand for."""

    @abstractmethod
    def meets(self, rows: Rows, coefficients: Float64[np.ndarray, "b k"], most: float) -> Meets:
        """Which choices of a signal's coefficients are within a sum of squared errors.

        Args:
            rows: of all signals.
            coefficients: of these.
            most: the largest sum.

        Raises:
            TooFar: not even these coefficients are.
        """


class ByDeviations(Telling):
    """By the principal deviations of a base of method gaussian."""

    def __init__(self, base: Base) -> None:
        self._basis = directions(deviations_of(base.own).numpy())
        self._mean = base.own[MEAN].double().numpy().ravel()
        self.spread = Spread(*(row.astype(np.int64) for row in base.own[SPREAD].numpy()))

    def coefficients(self, rows: Rows) -> Float64[np.ndarray, "b k"]:
        """See `Telling.coefficients`."""
        found, *_ = np.linalg.lstsq(self._basis.T, (rows - self._mean).T)
        return found.T

    def restored(self, coefficients: Float64[np.ndarray, "b k"]) -> Rows:
        """See `Telling.restored`."""
        return coefficients @ self._basis + self._mean

    def meets(self, rows: Rows, coefficients: Float64[np.ndarray, "b k"], most: float) -> Meets:
        """See `Telling.meets`: errors are what no coefficients tell, and orthogonal to that what is amiss in these."""
        rest = np.square(rows - self.restored(coefficients)).sum(1)
        if (worst := rest.max()) >= most:
            raise TooFar(
                f"the base's deviations miss what is asked by {10 * math.log10(worst / most):.1f} dB in a signal: ask "
                "for as much less, or learn a base of more components or signals"
            )

        def meets(place: int, tried: Float64[np.ndarray, "tries k"]) -> Bool[np.ndarray, " tries"]:
            return np.square((tried - coefficients[place]) @ self._basis).sum(1) + rest[place] <= most

        return meets


class ByCodes(Telling):
    """By the codes of a base of method modulated."""

    def __init__(self, base: Base) -> None:
        if CODES not in base.spread:
            raise InrError("this base was learned before codes had a learned spread: learn it again (inr learn)")
        assert isinstance(base.method, Modulated)
        self._base, self._method = base, base.method
        self._field = base.field(base.domain)
        shape = base.domain.shape or ()
        self._coords = grid_coords(shape, torch.arange(math.prod(shape)))
        self.spread = Spread(*base.spread[CODES].numpy().astype(np.int64))

    def coefficients(self, rows: Rows) -> Float64[np.ndarray, "b k"]:
        """See `Telling.coefficients`: each signal's code is found by itself."""
        found = []
        for row in rows:
            values = torch.from_numpy(row.reshape(1, -1, self._base.domain.channels)).float()
            adapted = self._method.adapt(self._base.learned, self._field, Sampled(self._coords, values), None)
            assert adapted.codes is not None
            found.append(adapted.codes[0].double().numpy())
        return np.array(found)

    @torch.no_grad()
    def restored(self, coefficients: Float64[np.ndarray, "b k"]) -> Rows:
        """See `Telling.restored`."""
        return np.array([self._values(each) for each in torch.from_numpy(coefficients).float()])

    def _values(self, code: Tensor) -> Float64[np.ndarray, " values"]:
        own = dict(self._method.decoded(self._base.learned, self._field, code[None]).weights)
        shared = {name: each for name, each in self._base.weights.items() if name not in own}
        parts = [values_of(self._field, shared, own, block)[0] for block in self._coords.split(_BLOCK)]
        return torch.cat(parts).double().numpy().ravel()

    def meets(self, rows: Rows, coefficients: Float64[np.ndarray, "b k"], most: float) -> Meets:
        """See `Telling.meets`: the coarsest choice is found by halving, for errors fall with steps, nearly."""

        def near(place: int, code: Float64[np.ndarray, " k"]) -> bool:
            return bool(np.square(self.restored(code[None])[0] - rows[place]).sum() <= most)

        for place, code in enumerate(coefficients):
            if not near(place, code):
                missed = np.square(self.restored(code[None])[0] - rows[place]).sum()
                raise TooFar(
                    f"codes miss what is asked by {10 * math.log10(missed / most):.1f} dB in a signal: ask for as much "
                    "less, or learn a base of more latents or signals"
                )

        def meets(place: int, tried: Float64[np.ndarray, "tries k"]) -> Bool[np.ndarray, " tries"]:
            low, high = -1, len(tried)  # too coarse, and fine enough or beyond the last
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if near(place, tried[middle]) else (middle, high)
            return np.arange(len(tried)) >= high

        return meets


def tells_coefficients(base: Base) -> bool:
    """Whether signals are told from a base by coefficients; from others a field each is."""
    return isinstance(base.method, (Gaussian, Modulated))


def telling_of(base: Base) -> Telling:
    """How a base tells signals by coefficients.

    Raises:
        InrError: it does not.
    """
    if isinstance(base.method, Gaussian):
        return ByDeviations(base)
    if isinstance(base.method, Modulated):
        return ByCodes(base)
    name = base.method.config()["name"]
    raise InrError(
        f"a base of method {name} tells no signals by coefficients; those of gaussian and modulated do, and files of "
        "trunk, maml and reptile hold a field each (inr.compress(…, reference=base))"
    )
