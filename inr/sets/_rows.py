"""Fits of some signals of a set, as rows of numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from inr.field import Field
from inr.fitting import Reason
from inr.sets._recipe import Recipe
from inr.signals import Domain, Signal


@dataclass(frozen=True)
class Rows:
    """Fields of one architecture, a row each, in the order of their signals.

    Attributes:
        names: of the signals.
        weights: float32 (n, p), a field's state in the order of `Field.state_dict`, every tensor flattened.
        psnr: float64 (n,), in dB over the whole signal, as `inr.fitting.whole_psnr` measures it.
        steps: int64 (n,), taken by each.
        reasons: why each fit ended: "steps", "target" or "diverged"; a field that diverged is as good as it was.
        domains: of the signals.
    """

    names: tuple[str, ...]
    weights: Float32[np.ndarray, "n p"]
    psnr: Float64[np.ndarray, " n"]
    steps: Int64[np.ndarray, " n"]
    reasons: tuple[Reason, ...]
    domains: tuple[Domain, ...]


def flat(field: Field) -> Float32[np.ndarray, " p"]:
    """A field's state as one row."""
    return np.concatenate([tensor.detach().cpu().numpy().ravel() for tensor in field.state_dict().values()])


def fit_rows(
    recipe: Recipe,
    names: Sequence[str],
    signals: Sequence[Signal],
    *,
    workers: int = 1,
    done: Callable[[int], bool] | None = None,
) -> Rows:
    """Fit some signals, each as `Recipe.fitter` would by itself, to the bit.

    Args:
        recipe: how.
        names: of the signals, all different.
        signals: of any sizes, with the recipe's number of axes and channels.
        workers: threads that take signals from a queue; they change no bit of the result.
        done: told how many fields are fitted, now and then; what it returns says whether to go on.

    Returns:
        A row for every signal; fewer where `done` ended it, the first ones.

    Raises:
        InrError: a signal that is not for the recipe's architecture, by name.
    """
    raise NotImplementedError
