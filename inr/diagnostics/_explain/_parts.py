"""A field part by part and band by band: what was to be expected, and what is."""

import itertools
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr.diagnostics._explain._blocks import Block, blocks_of, sample_by_sample
from inr.diagnostics._explain._facts import Facts
from inr.diagnostics._measures._bands import band_powers
from inr.diagnostics._measures._kernel_spectrum import EXACT_POINTS
from inr.diagnostics._measures._layers import affine_maps
from inr.diagnostics._measures._target_shares import predicted_residual, target_shares
from inr.field import Field
from inr.fitting import tangent_kernel
from inr.signals import GridSignal

_POINTS, _PROBES = 4_096, 4
_TIMES, _MOST_TIMES, _MOST_SECONDS = 5, 100, 0.5  # that a pass is timed, at least and at most
MOST_NUMBERS = 2**25  # derivatives of single values, 128 MiB
_LEAST_POINTS = 36  # of fewer a kernel has no bands


@dataclass(frozen=True)
class PartRow:
    """One part of a field.

    Attributes:
        part: "encoding" or "network"; name: of the part.
        parameters: that it has.
        bytes: they take as 32-bit floats.
        work: its share of the multiplications of one point: what its time should be.
        time: its share of the seconds that a forward pass takes; NaN where nothing is evaluated.
        weight_share: its share of the parameters: what the kernel's would be if all weights mattered alike.
        kernel_share: its share of the tangent kernel's trace: how much of what a step changes comes from it.
    """

    part: str
    name: str
    parameters: int
    bytes: int
    work: float
    time: float
    weight_share: float
    kernel_share: float


@dataclass(frozen=True)
class BandRow:
    """One octave of frequencies.

    Attributes:
        low, high: its ends, as shares of the samples' Nyquist frequency.
        predicted: the share of the target's power in it that the tangent kernel at the start would leave after the
            fit's steps, in dB; NaN where it cannot be told.
        actual: the share that the fit left, in dB; 0 is nothing learned.
    """

    low: float
    high: float
    predicted: float
    actual: float


@dataclass(frozen=True)
class Kernel:
    """A field's tangent kernel with new weights, on a block.

    Attributes:
        eigenvalues: in descending order; shares: of the target along the eigenvectors.
        bands: the share of the target's power by bands that gradient descent leaves after the fit's steps.
        left: of all of its power.
    """

    eigenvalues: Float[np.ndarray, " n"]
    shares: Float[np.ndarray, " n"]
    bands: tuple[float, ...]
    left: float


def part_rows(field: Field, block: Block | None) -> tuple[PartRow, ...]:
    """Encoding and network, side by side.

    Args:
        field: as it was fitted.
        block: where it is evaluated; None: at random places.
    """
    dims = field.domain.in_dim
    coords = block.coords[:_POINTS] if block is not None else torch.rand(_POINTS, dims) * 2 - 1
    names = {"encoding": field.encoding.config()["name"], "network": field.network.config()["name"]}
    counts = {part: sum(each.numel() for each in getattr(field, part).parameters()) for part in names}
    maps = sum(parameter.numel() for _, module in affine_maps(field) for parameter in module.parameters())
    corners = 2**dims if field.encoding.tables else dims
    work = {"encoding": float(field.encoding.out_dim * corners), "network": float(maps or counts["network"])}
    seconds = _seconds(field, coords)
    traces = _traces(field, coords)
    return tuple(
        PartRow(
            part, name, counts[part], 4 * counts[part], _share(work, part), _share(seconds, part),
            _share({key: float(number) for key, number in counts.items()}, part), _share(traces, part),
        )
        for part, name in names.items()
    )  # fmt: skip


def _share(numbers: dict[str, float], name: str) -> float:
    whole = sum(numbers.values())
    return numbers[name] / whole if whole > 0 else 0.0


@torch.no_grad()
def _seconds(field: Field, coords: Tensor) -> dict[str, float]:
    """The least of many times, which other programs disturb least."""
    least = {"encoding": math.inf, "network": math.inf}
    started = time.perf_counter()
    for count in itertools.count():
        if count >= _TIMES and (count >= _MOST_TIMES or time.perf_counter() - started > _MOST_SECONDS):
            break
        begin = time.perf_counter()
        features = field.encoding(coords)
        between = time.perf_counter()
        field.network(*((features, coords) if field.network.reads_coords else (features,)))
        least["encoding"] = min(least["encoding"], between - begin)
        least["network"] = min(least["network"], time.perf_counter() - between)
    return least


def _traces(field: Field, coords: Tensor) -> dict[str, float]:
    """The trace of the tangent kernel by the part that its weights belong to, by random signs."""
    found = {"encoding": 0.0, "network": 0.0}
    draw = torch.Generator().manual_seed(0)
    parameters = [(name, each) for name, each in field.named_parameters() if each.requires_grad]
    with torch.enable_grad():
        values = field(coords)
        for probe in range(_PROBES):
            signs = torch.randint(0, 2, values.shape, generator=draw).to(values.dtype) * 2 - 1
            grads = torch.autograd.grad(
                values,
                [each for _, each in parameters],
                signs,
                materialize_grads=True,
                retain_graph=probe < _PROBES - 1,
            )
            for (name, _), grad in zip(parameters, grads, strict=True):
                found["encoding" if name.startswith("encoding") else "network"] += float(grad.double().square().sum())
    return found


def kernel_of(field: Field, signal: GridSignal, *, seed: int = 0) -> Kernel | None:
    """The tangent kernel of a field's parts with new weights, on a block of its signal.

    None of a flat block, and of tables that are too large.
    """
    points = EXACT_POINTS
    if sample_by_sample(field):
        points = min(points, MOST_NUMBERS // (field.parameter_count * field.domain.channels))
    if points < _LEAST_POINTS:
        return None
    block = blocks_of(signal, points=points, count=1, seed=seed + 1)[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = Field.build(field.domain, **field.config())
        fresh.network.init_from(signal)
    target = block.target - block.target.mean(axis=tuple(range(block.target.ndim - 1)))
    values = torch.from_numpy(np.ascontiguousarray(target)).reshape(len(block.coords), -1).double()
    if not bool(values.any()):
        return None
    kernel = tangent_kernel(fresh, block.coords).double()
    eigenvalues, shares = target_shares(kernel, values)
    steps = int(field.fit.get("steps", 400))
    numbers, vectors = torch.linalg.eigh(kernel)
    left = (1 - numbers.clamp(min=0) / numbers[-1]) ** steps
    missed = (vectors @ (left[:, None] * (vectors.T @ values))).numpy().reshape(target.shape)
    wanted = band_powers(target)
    bands = band_powers(missed) / np.maximum(wanted, 1e-12 * wanted.sum())
    return Kernel(eigenvalues, shares, tuple(map(float, bands)), predicted_residual(eigenvalues, shares, steps))


def band_rows(facts: Facts, kernel: Kernel | None) -> tuple[BandRow, ...]:
    """Bands from low to high; those of the smaller block of the kernel are matched from the top."""
    predicted = () if kernel is None else kernel.bands
    lows = [0.0, *facts.limits[:-1]]
    missing = len(facts.limits) - len(predicted)
    return tuple(
        BandRow(low, high, _level(predicted[index - missing]) if index >= missing else math.nan, _level(actual))
        for index, (low, high, actual) in enumerate(zip(lows, facts.limits, facts.bands, strict=True))
    )


def _level(share: float) -> float:
    return 10 * math.log10(max(share, 1e-12))
