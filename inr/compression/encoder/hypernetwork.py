"""Learning the code of a hypernetwork whose weights are fixed random projections of it."""

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from inr.compression.bitstream.random_projection import Projection
from inr.compression.encoder.integers import encode_integers
from inr.compression.encoder.network_size import BITS_PER_WEIGHT, network_size
from inr.compression.fit_series import FitSeries
from inr.engines import Plan
from inr.field import Field, Spec
from inr.fitting import Fitter, Gradients, Group, Optimiser, Parametrisation, Setup, TorchAdam, dense
from inr.signals import Domain, GridSignal

LEARNING_RATE = 0.1
# Bits of a number of the code, and weights for each of them, with which pictures did best.
_BITS_PER_NUMBER, _WEIGHTS_PER_NUMBER = 5.0, 1.5
# The share of the steps that are computed with a rounded code; shares of those between two choices of its quantisation
# step, and before the last choice.
_ROUNDED_SHARE, _CHOICE_INTERVAL, _LAST_CHOICE = 0.4, 1 / 16, 3 / 4
# Of the allowed bytes, what is aimed at while the code still drifts.
_AIM = 0.985
# The quantisation step of a code that is not rounded.
_UNROUNDED_STEP = 2.0**-24


def hypernetwork_size(domain: Domain, max_bytes: int, max_signs: int, *, sphere: bool) -> tuple[int, int, int]:
    """Depth and width of the network, and numbers of the code, that take about so many bytes and signs at most."""
    most = math.isqrt(int(max_signs / (1.1 * _WEIGHTS_PER_NUMBER)))
    latent = min(max(int(8 * (max_bytes - 4) / _BITS_PER_NUMBER), 8), most)
    weights = _WEIGHTS_PER_NUMBER * latent
    depth, width = network_size(domain, int(weights * BITS_PER_WEIGHT / 8), sphere=sphere)
    return depth, width, latent


class Code:
    """The code as it is learned, and the step to which it is rounded.

    Args:
        max_bytes: bytes that its integers may take.
    """

    def __init__(self, latent: int, seed: int, max_bytes: int) -> None:
        self.numbers = torch.randn(latent, generator=torch.Generator().manual_seed(seed))
        self.step = _UNROUNDED_STEP
        self._max_bytes = max_bytes

    def rounded(self) -> Int64[np.ndarray, " m"]:
        """The integers."""
        return np.clip(np.rint(self.numbers.double().numpy() / self.step), -(2**31) + 1, 2**31 - 1).astype(np.int64)

    def choose(self, share: float = 1.0) -> None:
        """Take the step under which the integers take about a share of the allowed bytes."""
        if self.step == _UNROUNDED_STEP:
            self.step = _half(float(self.numbers.std()) / 8)
        for _ in range(8):
            excess = self._bytes() - share * self._max_bytes
            if -0.01 * self._max_bytes <= excess <= 0:
                break
            self._coarsen(excess)

    def fit_within_limit(self) -> None:
        """Take a larger step until the integers are within the allowed bytes, or all 0."""
        while (excess := self._bytes() - self._max_bytes) > 0 and self.step < 2**15 and self.rounded().any():
            self._coarsen(excess)

    def _coarsen(self, excess: float) -> None:
        """Take the step with which so many bytes fewer are expected: one bit a number for twice the step."""
        octaves = min(max(8 * excess / len(self.numbers), -4.0), 4.0)
        self.step = _half(self.step * 2 ** (octaves if excess < 0 else max(octaves, 0.02)))

    def _bytes(self) -> int:
        return len(encode_integers(self.rounded()))


def _half(step: float) -> float:
    """The nearest number of float16 from 2^-14 to 2^15."""
    return float(np.float16(min(max(step, 2.0**-14), 2.0**15)))


class GeneratedWeights(Parametrisation):
    """Weights that are fixed random projections of a code, which alone is learned.

    In the last two fifths of a fit the weights are those of the rounded code, whose step is chosen anew now and then;
    gradients pass the rounding straight through.

    Args:
        code: what is learned, in main memory.
        seed: of the projections.
    """

    # rounding begins, and coarsens, on the way
    tolerated_rise = math.inf

    def __init__(self, code: Code, seed: int) -> None:
        self.code = code
        self.leaves = {"code": code.numbers}
        self._seed = seed
        self._next_choice = 1 - _ROUNDED_SHARE

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        self._projection = Projection(field, self._seed, len(self.code.numbers), keep=True)
        self._device = plan.device

    def optimiser(self, learning_rates: Mapping[str, float], threads: int, name: str) -> Optimiser:
        """Adam as torch's plain one computes it, whatever the name: with it files stay the same, bit for bit."""
        return TorchAdam([Group("network", self.leaves, learning_rates["network"])], fused=False)

    def materialise(self, fraction: float) -> dict[str, Tensor]:
        """The weights that the code makes, after a choice of its step where one is due."""
        settled = fraction >= 1 - _ROUNDED_SHARE * (1 - _LAST_CHOICE) and self.code.step != _UNROUNDED_STEP
        if fraction >= self._next_choice and not settled and self._is_finite():
            self.code.choose(_AIM)
            self._next_choice += _ROUNDED_SHARE * _CHOICE_INTERVAL
        return self.weights()

    def weights(self) -> dict[str, Tensor]:
        """The weights that the code makes; not a number where the code is not finite, for no integer stands for it."""
        integers = self.code.rounded() if self._is_finite() else np.zeros(len(self.code.numbers), np.int64)
        step = self.code.step if self._is_finite() else math.nan
        return {name: each.to(self._device) for name, each in self._projection.weights(integers, step).items()}

    def backward(self, grads: Gradients) -> dict[str, Tensor]:
        """See `Parametrisation.backward`."""
        return {"code": self._projection.transposed({name: dense(grad) for name, grad in grads.items()})}

    def state(self) -> dict[str, Tensor]:
        """The code's step, and when the next one is chosen."""
        return {"steps": torch.tensor([self.code.step, self._next_choice], dtype=torch.float64)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Parametrisation.restore`."""
        self.code.step, self._next_choice = state["steps"].tolist()

    def _is_finite(self) -> bool:
        return bool(self.code.numbers.isfinite().all())


def fit_code(
    signal: GridSignal,
    setup: Setup,
    code: Code,
    *,
    engine: Spec,
    seed: int,
    fits: FitSeries,
) -> None:
    """Learn a code of a field's weights; it ends rounded to a step within its allowed bytes.

    Args:
        signal: what the field represents.
        setup: the field's parts, the batch, and how many steps.
        code: as it is drawn; changed in place.
        engine: what runs the field.
        seed: of the projections and the batches.
        fits: runs the fit.
    """
    weights = GeneratedWeights(code, seed)
    budget = fits.budget(setup.steps or 0)
    fits.run(partial(Fitter, signal, setup, budget, engine=engine, seed=seed, parametrisation=weights))
    fits.stage("coding")
    if code.step == _UNROUNDED_STEP:
        code.choose(_AIM)
    code.fit_within_limit()
