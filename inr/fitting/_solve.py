"""Fitting without steps: the weights of a Kronecker network on a regular grid have a closed form."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from inr._errors import InrError
from inr._parts import parse_spec
from inr.field import Field, Spec
from inr.fitting._checks import check_size
from inr.fitting._evaluate import evaluate
from inr.fitting._separable import least_squares
from inr.networks import Kronecker, networks
from inr.signals import GridSignal, Signal, as_signal, block_ranges

# what weights in float32 cannot carry is damped
RIDGE = 2.0**-46
# numbers that the features of an axis may have: 1 GiB of them
_MAX_FEATURE_NUMBERS = 2**27
# samples that are normalised at once
_SLAB_SAMPLES = 2**22


def solve(signal: Any, *, network: Spec = "kronecker", ridge: float = RIDGE, seed: int = 0) -> Field:
    """Fit a field to a signal on a regular grid in closed form: the least squares over all samples, at once.

    Where `size` is left open, the network has a quarter as many functions as the signal has samples, in proportion
    to its axes: its weights take the bytes that samples of 8 bits take. 1,024 an axis and 2^20 are the most, unasked.
    With as many functions as samples on every axis, samples are reproduced.

    This is the least squared error that such weights can have: steps from there (a `Fitter`'s `start`) change which
    samples count, with a teacher, but cannot lower it.

    Args:
        signal: a signal on a grid, the path of a file that `inr.open` reads, or an array as of `inr.from_array`.
        network: a Kronecker network without hidden layer; parameters left open are those of the closed form
            (triangle: spread 1; linf: 6 octaves for 256 functions), else the network's own.
        ridge: weight of the squared weights beside the squared error, relative to the square of the features' largest
            singular value; the default damps what weights in float32 could not carry anyway.
        seed: decides the frequencies of rff.

    Returns:
        The field, with its `metrics` measured on the whole signal.

    Raises:
        InrError: samples that are scattered, a network without closed form, or a size beyond memory.
    """
    source = as_signal(signal)
    field = solved(source, network=network, ridge=ridge, seed=seed)
    field.metrics = evaluate(field, at_points(source))
    return field.eval()


def at_points(signal: Signal) -> Signal:
    """The signal with samples that are values at points: what a closed form reproduces.

    Args:
        signal: of any kind and sampling model.

    Returns:
        The same signal where its samples are points already.
    """
    return signal.measured_as("point") if isinstance(signal, GridSignal) else signal


def solved(signal: Signal, *, network: Spec = "kronecker", ridge: float = RIDGE, seed: int = 0) -> Field:
    """What `solve` gives, before its metrics are measured.

    Args:
        signal: on a grid.
        network: of the kind "kronecker", with options as in "kronecker:size=64".
        ridge: what squared weights are weighted with beside squared errors.
        seed: decides what the network draws.

    Returns:
        The field, without metrics.

    Raises:
        InrError: another kind of network, scattered samples, or a ridge below 0.
    """
    if not ridge >= 0 or math.isinf(ridge):
        raise InrError(f"a ridge must be 0 or more, got {ridge:g}")
    config = parse_spec(network)
    if not issubclass(networks.info(config["name"]).cls, Kronecker):
        raise InrError(f"network '{config['name']}' has no closed form, kronecker has")
    if not isinstance(signal, GridSignal):
        raise InrError("scattered samples have no closed form; fit them by steps")
    if signal.cells is not None:
        raise InrError("samples are missing, and a grid with holes has no closed form; fit it by steps")
    shape = signal.array.shape[:-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = Kronecker.default_partners | {"network": Kronecker.for_closed_form(config, shape[::-1])}
        field = Field.build(at_points(signal).domain, **parts)
    check_size(field)
    product: Any = field.network
    if not product.is_linear:
        raise InrError("a network with a hidden layer has no closed form; leave out hidden, or fit by steps")
    weights = least_squares(_features(product, shape[::-1])[::-1], _slabs(signal), ridge)
    with torch.no_grad():
        product.weight.copy_(torch.from_numpy(np.moveaxis(weights, -1, 0).T))
    field.fit = {"optimiser": "closed-form", "seed": seed, "steps": 0}
    return field


def _features(network: Kronecker, sizes: Sequence[int]) -> list[np.ndarray]:
    """The features of the samples of every axis, x first."""
    for size, count in zip(sizes, network.counts, strict=True):
        if size * count > _MAX_FEATURE_NUMBERS:
            raise InrError(
                f"{count:,} functions at {size:,} samples of an axis take {8 * size * count / 2**30:.1f} GiB to solve "
                f"for; use at most {_MAX_FEATURE_NUMBERS // size:,}"
            )
    coords = [(2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1 for size in sizes]
    with torch.no_grad():
        return [network.embed(axis, each).numpy() for axis, each in enumerate(coords)]


def _slabs(signal: GridSignal) -> Iterator[np.ndarray]:
    """The normalised samples in double precision, piece by piece along the first axis of the array."""
    rows = max(_SLAB_SAMPLES * len(signal.array) // signal.array.size, 1)
    for start, stop in block_ranges(len(signal.array), rows):
        yield signal.domain.values.normalise(signal.array[start:stop].astype(np.float64))
