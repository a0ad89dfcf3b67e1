"""Fields that are filtered before they are sampled: Fourier features scaled by what a filter does to their frequencies.

The factors go into the weights of the first layer, so that a filtered field is a field like any other: it runs on every
engine, and a file holds it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from inr._errors import InrError
from inr.encodings import Filter, FourierFeatures
from inr.field._effective import bare
from inr.networks import MLP
from inr.signals import Domain, measured_places, missing_at, pack_missing, unpack_missing

# What reads the features of the fields that can be filtered, and nothing else does.
READER = "network.layers.0.weight"


def check_filterable(encoding: nn.Module, network: nn.Module) -> None:
    """Refuse a field whose features a filter does not merely scale, or that are read in more than one place.

    Args:
        encoding, network: of the field that is to be filtered.

    Raises:
        InrError: they are none of Fourier features that network mlp reads.
    """
    encoding, network = bare(encoding), bare(network)
    if type(encoding) is FourierFeatures and type(network) is MLP:
        return
    parts: tuple[Any, Any] = (encoding, network)
    names = [part.config()["name"] if hasattr(part, "config") else type(part).__name__ for part in parts]
    raise InrError(
        f"a filter scales Fourier features, encoding fourier read by network mlp, and this field has {names[0]} read "
        f"by {names[1]}; rendering averages any field over the samples' cells"
    )


def response(encoding: nn.Module, widths: Sequence[float], kernel: Filter) -> Tensor:
    """What the columns of a filterable field's first layer are multiplied by.

    Args:
        encoding: of the field; see `check_filterable`.
        widths, kernel: as of `FourierFeatures.response`.

    Returns:
        Float (columns,).
    """
    return bare(encoding).response(widths, kernel)


def filter_weights(encoding: nn.Module, network: nn.Module, widths: Sequence[float], kernel: Filter) -> None:
    """Scale the columns of a filterable field's first layer by a filter's response, in place."""
    with torch.no_grad():
        weight = bare(network).layers[0].weight
        weight *= response(encoding, widths, kernel).to(weight.dtype)


def widths_in_units(domain: Domain, sigma: float | Sequence[float]) -> list[float]:
    """Widths in extents of the axes, from such in the axes' own units.

    Raises:
        InrError: a negative one, not one for each axis, or one number for axes of different units.
    """
    if isinstance(sigma, Sequence):
        given = [float(each) for each in sigma]
        if len(given) != domain.in_dim:
            raise InrError(f"a blur has one width, or one for each of {domain.in_dim} axes, got {len(given)}")
    else:
        given = [float(sigma)] * domain.in_dim
        units = {axis.unit for axis in domain.axes}
        if len(units) > 1:
            names = ", ".join(f"{axis.name} in {axis.unit}" for axis in domain.axes)
            raise InrError(f"axes of different units are blurred by a width each: {names}")
    if not all(0 <= each < float("inf") for each in given):
        raise InrError(f"the width of a blur is a positive number, or 0, got {sigma}")
    return [each / abs(axis.high - axis.low) for each, axis in zip(given, domain.axes, strict=True)]


def cell_widths(domain: Domain, shape: Sequence[int]) -> list[float]:
    """Of the cells of a grid, in extents of the axes; 0 along an axis that rendering would not average over."""
    places = measured_places(domain, shape)
    return [
        1 / count if spread > 0 else 0.0
        for count, spread in zip(reversed(shape), places.max(0) - places.min(0), strict=True)
    ]


def level_domain(domain: Domain, shape: Sequence[int]) -> Domain:
    """The domain of a level whose samples are a field's values at the centres of their cells."""
    missing = b""
    if domain.missing:
        missing = pack_missing(missing_at(unpack_missing(domain.missing, domain.shape or ()), shape))
    return replace(domain.resampled(shape), sampling="point", missing=missing)
