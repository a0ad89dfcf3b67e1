"""From a fit to what a file holds: networks as integers, latents made better, and the target met in real bytes."""

import math
import time
from collections.abc import Callable

import numpy as np
import torch

from inr.compression.bitstream.latent.parameters import QuantisedParameters
from inr.compression.encoder.latent.fit import Fitted, make_step
from inr.compression.encoder.latent.integer_search import Bound, IntegerSearch
from inr.compression.encoder.latent.network_coding import quantise
from inr.compression.encoder.latent.rate import Goal
from inr.compression.encoder.latent.steps import LatentStep, integers_of
from inr.field import Spec

Write = Callable[[QuantisedParameters, np.ndarray], bytes]

# Of what is allowed, what may stay unused; and the dB that a picture may be too good by.
_UNUSED_SHARE, _UNUSED_DECIBELS = 0.004, 0.008
# Of both, what is aimed at within the bound, for foretold bits and errors are a little wrong.
_MARGIN = 0.0008
# By what the weight of a bit grows or falls on the way to a target, at first and where that was not enough.
_FIRST_TILT, _TILT = 1.15, 1.6
_MOST_ATTEMPTS, _MOST_FILLINGS = 40, 5
_ROUNDS = 2
# Of the seconds, what rounding networks and improving latents may take.
_IMPROVING_SHARE = 0.85


def finish(
    picture: np.ndarray,
    importance: np.ndarray | None,
    fitted: Fitted,
    goal: Goal,
    *,
    write: Write,
    seed: int = 0,
    engine: Spec = "auto",
    seconds: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
    stage: Callable[[str], None] = lambda what: None,
) -> tuple[QuantisedParameters, np.ndarray]:
    """Quantise the networks, and move latents by ones until the loss falls no further and the target is met.

    Args:
        picture, importance, engine: as `fit_component` took them.
        fitted: what it gave.
        goal: of this component. Bytes are those that `write` makes; PSNR is of the picture clipped to [0, 1], weighted
            by importance.
        write: gives all bytes of the component.
        seed: of where moves are tried.
        seconds: that all of it may take, about: what only improves ends in time to land at the target; None: no limit,
            and equal results for equal arguments.
        stopped: whether to leave out what only improves.
        stage: told what is done.

    Returns:
        The networks' integers, and the latents, int32 (latents,). At or below the bytes, or at or above the PSNR;
        where that cannot be reached, as near to it as one gets.
    """
    deadline = math.inf if seconds is None else time.perf_counter() + _IMPROVING_SHARE * seconds
    step = fitted.step or make_step(fitted.layout, picture, importance, engine)
    step.prepare()
    with torch.no_grad():
        step.latents.copy_(torch.from_numpy(fitted.latents.astype(np.float32)))
        step.parameters.copy_(torch.from_numpy(fitted.parameters))
    stage("rounding networks")
    networks = quantise(step, fitted, stopped)
    with torch.no_grad():
        step.parameters.copy_(torch.from_numpy(networks.values()))
    stage("searching better latents")
    search = IntegerSearch(step, seed=seed, stopped=lambda: stopped() or time.perf_counter() > deadline)
    search.improve(fitted.weight, _ROUNDS)
    if goal.weight is None:
        stage("landing at the target")
        landing = IntegerSearch(step, seed=seed + 1)
        if goal.bytes is not None:
            land_at_bytes(landing, fitted.weight, goal.bytes, lambda: len(write(networks, integers_of(step))))
        else:
            assert goal.psnr is not None
            land_at_error(landing, fitted.weight, 10 ** (-goal.psnr / 10), clipped_error(step, picture, importance))
    return networks, integers_of(step)


def clipped_error(step: LatentStep, picture: np.ndarray, importance: np.ndarray | None) -> Callable[[], float]:
    """What gives the mean squared error of the picture clipped to [0, 1], weighted by importance, as latents stand."""

    def measure() -> float:
        squares = np.square(np.clip(step.picture().cpu().numpy(), 0, 1) - picture, dtype=np.float64)
        if importance is not None:
            squares *= importance / importance.mean(dtype=np.float64)
        return float(squares.mean())

    return measure


def land_at_bytes(search: IntegerSearch, weight: float, limit: int, size: Callable[[], int]) -> None:
    """Move latents until a file is within a limit, and nearly as large as it.

    Args:
        search: of the latents.
        weight: of a bit per pixel, by which they were fitted.
        limit: bytes. size: gives those of the file with the latents as they stand.
    """

    def measure() -> tuple[float, float]:
        real = size()
        return real / limit, 8 * real - search.bits

    _land(
        search, weight, "bits", measure, lambda apart: 8 * limit * (1 - _MARGIN) - apart, 1 - _UNUSED_SHARE,
    )  # fmt: skip
    if size() > limit:
        _empty_until(search, lambda: size() <= limit)


def land_at_error(search: IntegerSearch, weight: float, limit: float, error: Callable[[], float]) -> None:
    """Move latents until a picture's error is within a limit, and hardly below it; as `land_at_bytes`.

    Args:
        search, weight: as there.
        limit: mean squared error. error: gives that of the picture with the latents as they stand.
    """

    def measure() -> tuple[float, float]:
        real = error()
        return real / limit, search.error / max(real, 1e-30)

    _land(search, weight, "error", measure, lambda ratio: limit * (1 - _MARGIN) * ratio, 10 ** (-_UNUSED_DECIBELS / 10))


def _land(
    search: IntegerSearch,
    weight: float,
    quantity: str,
    measure: Callable[[], tuple[float, float]],
    bound_of: Callable[[float], float],
    least: float,
) -> None:
    """Move latents until a share of what is allowed lies between `least` and 1; end with the largest that was allowed.

    Args:
        quantity: "bits" or "error", that is bounded.
        measure: gives the share, and by what foretold quantities differ from real ones.
        bound_of: the foretold quantity to aim at, of that difference.
    """
    falls_with_weight = quantity == "bits"
    best: tuple[float, torch.Tensor] | None = None
    tilt, direction, fillings = _FIRST_TILT, 0, 0
    for _ in range(_MOST_ATTEMPTS):
        share, apart = measure()
        if share <= 1 and (best is None or share > best[0]):
            best = share, search.latents()
        if least <= share <= 1:
            break
        down = share > 1
        if not down:
            fillings += 1
            if fillings > _MOST_FILLINGS:
                break
        now = 1 if down else -1
        tilt = _FIRST_TILT if now != direction else tilt * _TILT
        direction = now
        up = down == falls_with_weight
        tilted = weight * tilt if up else weight / tilt
        search.approach(tilted, Bound("bits" if falls_with_weight else "error", bound_of(apart)))
    if best is not None:
        search.take(best[1])


def _empty_until(search: IntegerSearch, small_enough: Callable[[], bool]) -> None:
    """Leave out grid after grid, the finest first."""
    for grid in reversed(search.layout.grids):
        latents = search.latents()
        latents[grid.start :] = 0
        search.take(latents)
        if small_enough():
            return
