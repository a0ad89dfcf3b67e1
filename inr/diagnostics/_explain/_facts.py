"""What is measured of a fit before anything is said of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from inr.diagnostics._explain._blocks import Block, Execute, blocks_of
from inr.diagnostics._explain._capacity import Capacity, capacity_of
from inr.diagnostics._explain._frequency import Ladder, frequency_ladders, lost_by_running_on
from inr.diagnostics._explain._history import History, decibels
from inr.diagnostics._explain._settings import settings_of
from inr.diagnostics._measures._alias import alias_ratio, invented_power
from inr.diagnostics._measures._bands import band_limits, band_powers
from inr.diagnostics._measures._layers import feature_rank, layer_ranks, layers_at
from inr.diagnostics._measures._noise import noise_estimate
from inr.diagnostics._measures._random_features import random_features
from inr.diagnostics._measures._regions import activation_patterns, dead_units
from inr.diagnostics._measures._whiteness import autocorrelation
from inr.field import Field
from inr.fitting import Budget, make_fitter
from inr.signals import GridSignal, Signal, grid_coords, unpack_missing

POINTS, BLOCKS = 4_096, 4  # that errors are measured on
NOISE = 0.02  # of the range, from which on it is spoken of
_BASELINE = 400  # samples of the closed-form baseline
_RECTIFIERS = ("relu",)


@dataclass(frozen=True)
class Grid:
    """How fine the finest level of a grid of features is, beside what it has to hold.

    Attributes:
        parameter: its name, "finest" or "resolution"; vertices: along an axis.
        residual_share: of the residual's power, that beyond the grid's own Nyquist frequency of vertices / 2 cycles.
        target_share: of the target's.
    """

    parameter: str
    vertices: int
    residual_share: float
    target_share: float


@dataclass(frozen=True)
class Facts:
    """Numbers of one fit. Errors are of normalised values, whose range is 2; NaN where something cannot be told.

    Attributes:
        psnr: on blocks of the signal; psnr_of_mean: of the mean alone. psnr_held_out: on samples that the field's file
            says were missing while it was fitted, and that the signal has.
        bands: the residual's power over the target's, by octaves, low to high, NaN where the target has none; limits:
            their upper ends as shares of the Nyquist frequency.
        alias: `inr.diagnostics.alias_ratio`, of means over blocks; invented: `inr.diagnostics.invented_power` of them.
        noise: the signal's own, as a share of its range.
        mse: mean squared error on blocks.
        baseline: PSNR of random Fourier features solved in closed form, on samples that they leave out: what a fit
            should not fall behind.
        rank: feature rank of the last hidden layer; whiteness: lag-1 autocorrelation of the residual.
        dead: share of rectifiers that are off everywhere; 0 of other activations.
        ranks: stable ranks of weight matrices.
        ladders: frequencies of the parts, and what others would predict left-out samples with.
        grid: of encodings that are one.
        capacity: of fields with few parameters, and what more would bring.
        run_on: decibels that kernel regression loses on the signal itself, without its noise, by fitting this as well;
            NaN without noise. What is lost by more steps than are good.
        history: of the fit, where it was recorded.
        suited: learning rates by part, as a probe finds them for these parts, signal and steps; none where it cannot.
        fit: how the field says it was fitted: rates, batch, schedule, steps …
        looked_at: samples of the blocks, and all that there are.
        errors: standard errors of "psnr" in dB, "alias" as a share of it, "noise" and "whiteness", from how much the
            blocks differ: what comes from looking at these alone. None where there is one block.
    """

    psnr: float = math.nan
    psnr_of_mean: float = math.nan
    psnr_held_out: float = math.nan
    bands: tuple[float, ...] = ()
    limits: tuple[float, ...] = ()
    alias: float = math.nan
    invented: float = math.nan
    noise: float = math.nan
    mse: float = math.nan
    baseline: float = math.nan
    rank: float = math.nan
    whiteness: float = math.nan
    dead: float = 0.0
    ranks: Mapping[str, float] = dataclass_field(default_factory=dict)
    ladders: tuple[Ladder, ...] = ()
    grid: Grid | None = None
    capacity: Capacity | None = None
    run_on: float = math.nan
    history: History | None = None
    suited: Mapping[str, float] = dataclass_field(default_factory=dict)
    fit: Mapping[str, Any] = dataclass_field(default_factory=dict)
    looked_at: tuple[int, int] = (0, 0)
    errors: Mapping[str, float] = dataclass_field(default_factory=dict)


@torch.no_grad()
def gather(
    field: Field, signal: Signal | None, history: History | None, *, execute: Execute | None = None, seed: int = 0
) -> Facts:
    """Measure a fit, on blocks of its signal.

    Args:
        field: as it ended.
        signal: that it was fitted to; None: what can be told without.
        history: of the fit.
        execute: what evaluates the field; itself by default.
        seed: of where the blocks lie, and of what is drawn.
    """
    run = execute or field
    alone = _of_field(field)
    if not isinstance(signal, GridSignal):
        return Facts(history=history, fit=field.fit, **alone)
    blocks = blocks_of(signal, points=POINTS, count=BLOCKS, seed=seed)
    residuals = [block.residual(run) for block in blocks]
    targets = [block.target * block.there for block in blocks]
    count = sum(int(block.there.sum()) for block in blocks) * signal.channels
    missed = sum(float(np.square(each).sum()) for each in residuals) / count
    mean = sum(each.sum(axis=tuple(range(each.ndim - 1))) for each in targets) / (count / signal.channels)
    spread = sum(float((np.square(block.target - mean) * block.there).sum()) for block in blocks) / count
    power, wanted = (np.mean([band_powers(each) for each in group], axis=0) for group in (residuals, targets))
    logarithms: list[float] = []
    invented: list[float] = []
    if all(bool(block.there.all()) for block in blocks):
        pairs = [(block.twice_as_dense(run), block.target) for block in blocks]
        logarithms = [math.log(max(alias_ratio(*pair), 1e-6)) for pair in pairs]
        invented = [invented_power(*pair) for pair in pairs]
    whiteness = [autocorrelation(each) for each in residuals]
    noise = _noise(blocks)
    looked_at = count // signal.channels, signal.size
    level = fmean(noise) if noise else math.nan
    run_on = lost_by_running_on(field, signal, (2 * level) ** 2, seed=seed) if level >= NOISE else math.nan
    own = [
        float(np.square(each).sum() / max(block.there.sum(), 1)) for each, block in zip(residuals, blocks, strict=True)
    ]
    errors = _standard_errors(
        {
            "psnr": own,
            "alias": logarithms, "noise": noise, "whiteness": whiteness,
        },
        min(looked_at[0] / looked_at[1], 1),
    )  # fmt: skip
    if "psnr" in errors:  # of the logarithm of the mean
        errors["psnr"] *= 10 / math.log(10) / max(missed * signal.channels, 1e-12)
    return Facts(
        psnr=_psnr(missed), psnr_of_mean=_psnr(spread), psnr_held_out=_held_out(field, signal, run), mse=missed,
        bands=tuple(map(float, np.divide(power, wanted, out=np.full_like(power, np.nan), where=_there(wanted)))),
        limits=tuple(band_limits(blocks[0].shape)), alias=math.exp(fmean(logarithms)) if logarithms else math.nan,
        invented=fmean(invented) if invented else math.nan, noise=level, whiteness=fmean(whiteness),
        looked_at=looked_at, errors=errors,
        ladders=frequency_ladders(field, signal, seed=seed), baseline=_baseline(signal, seed),
        grid=_grid(field, signal, blocks, residuals), capacity=capacity_of(field, signal, blocks), run_on=run_on,
        history=history, fit=field.fit, suited=_suited(field, signal), **{**alone, "rank": _rank(field, blocks)},
    )  # fmt: skip


def _there(power: np.ndarray) -> np.ndarray:
    """Which bands have more than rounding errors."""
    found: np.ndarray = power > max(1e-9 * power.sum(), 1e-12)
    return found


def _suited(field: Field, signal: GridSignal) -> dict[str, float]:
    """The rates that `inr.fit` would find; none where it would not look for them."""
    settings = settings_of(field, signal)
    if not {"steps", "learning_rate", "batch"} <= settings.keys() or field.fit.get("engine") is None:
        return {}
    budget = Budget(steps=settings.pop("steps"))
    seed = settings.pop("seed", 0)
    with torch.enable_grad():
        fitter = make_fitter(
            signal, budget=budget, seed=seed, engine=field.fit["engine"], **{**settings, "learning_rate": "auto"}
        )
        begun = next(iter(fitter.run()))
    return dict(fitter.choices()["rates"]) if begun.probing > 0 else {}


def _of_field(field: Field) -> dict[str, Any]:
    """What the field tells alone."""
    found: dict[str, Any] = {"ranks": layer_ranks(field)}
    draw = torch.Generator().manual_seed(0)
    coords = torch.rand(2_048, field.domain.in_dim, generator=draw) * 2 - 1
    if len(found["ranks"]) > 1:
        found["rank"] = feature_rank(layers_at(field, coords)[-1].inputs)
        if field.network.activation.config()["name"] in _RECTIFIERS:
            found["dead"] = dead_units(activation_patterns(field, coords))
    return found


def _rank(field: Field, blocks: Sequence[Block]) -> float:
    """Of the last hidden layer at the samples."""
    layers = layers_at(field, torch.cat([block.coords for block in blocks])[:POINTS])
    return feature_rank(layers[-1].inputs) if len(layers) > 1 else math.nan


def _noise(blocks: Sequence[Block]) -> list[float]:
    """By blocks, as shares of the range, which is 2; none of blocks that are too small to tell."""
    return [] if max(blocks[0].shape) < 5 else [noise_estimate(block.target) / 2 for block in blocks]


def _standard_errors(found: Mapping[str, Sequence[float]], share: float) -> dict[str, float]:
    """Of means over blocks, which hold a share of all samples (Cochran, Sampling techniques, 1977, section 2.6)."""
    return {
        name: stdev(each) / math.sqrt(len(each)) * math.sqrt(1 - share) for name, each in found.items() if len(each) > 1
    }


def _baseline(signal: GridSignal, seed: int) -> float:
    """Of a block, as samples left out are predicted."""
    coords, values = blocks_of(signal, points=_BASELINE, count=1, seed=seed)[0].samples()
    if len(coords) < 8:
        return math.nan
    mean = values.mean(0)
    return _psnr(random_features(coords.double().numpy(), (values - mean).double().numpy(), seed=seed).left_out)


def _held_out(field: Field, signal: GridSignal, run: Execute) -> float:
    """PSNR on samples that the signal has and the fit had not."""
    shape = signal.domain.shape or ()
    if not field.domain.missing or field.domain.shape != shape:
        return math.nan
    unseen = unpack_missing(field.domain.missing, shape)
    if signal.missing is not None:
        unseen = unseen & ~signal.missing
    places = np.flatnonzero(unseen)
    if not len(places):
        return math.nan
    chosen = places[np.linspace(0, len(places) - 1, min(len(places), POINTS)).astype(int)]
    cells = torch.from_numpy(chosen)
    found = run(grid_coords(shape, cells)).float().clamp(-1, 1)
    return _psnr(float((found - signal.values(signal.samples_of(cells))).square().mean()))


def _grid(
    field: Field, signal: GridSignal, blocks: Sequence[Block], residuals: Sequence[Float[np.ndarray, "..."]]
) -> Grid | None:
    """What lies beyond the finest level of a grid of features."""
    config = field.encoding.config()
    parameter = next((name for name in ("finest", "resolution") if isinstance(config.get(name), int)), None)
    if parameter is None or not field.encoding.tables:
        return None
    vertices = int(config[parameter])
    shares = []
    for group in (residuals, [block.target for block in blocks]):
        beyond = whole = 0.0
        for each in group:
            power = np.square(np.abs(np.fft.fftn(each - each.mean(), axes=range(each.ndim - 1)))).sum(-1)
            cycles = [
                np.abs(np.fft.fftfreq(side)) * size
                for side, size in zip(each.shape, signal.domain.shape or (), strict=False)
            ]
            over = np.stack(np.meshgrid(*cycles, indexing="ij")).max(0) > vertices / 2
            beyond, whole = beyond + float(power[over].sum()), whole + float(power.sum())
        shares.append(beyond / whole if whole > 0 else 0.0)
    return Grid(parameter, vertices, *shares)


def _psnr(error: float) -> float:
    return 10 * math.log10(4) - decibels(error)
