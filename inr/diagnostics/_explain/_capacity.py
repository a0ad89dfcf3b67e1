"""What more numbers would bring: how small a field is beside what it has to hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.fft import dctn

from inr._errors import InrError
from inr._specs import format_spec
from inr.diagnostics._explain._blocks import Block
from inr.encodings import encodings
from inr.field import Field
from inr.signals import GridSignal

SMALL = 0.25  # parameters for a value, from which on a field is not called small
_WHOLE = 2**20  # values of signals that are looked at as a whole
# Of what as many cosines would gain, the share that networks did when their width was doubled: 0.55 to 0.95 in eight
# pairs of fits of four signals, see docs/explain.md.
_SHARE_OF_COSINES = 0.7


@dataclass(frozen=True)
class Capacity:
    """A field that has few parameters, and the next larger one.

    Attributes:
        parameters: of the field; larger: of the next one; values: of the signal.
        changed: what grows, as "width 6 -> 12".
        changes: as of `Finding`.
        gain: decibels that this should bring.
    """

    parameters: int
    larger: int
    values: int
    changed: str
    changes: Mapping[str, Any]
    gain: float


def capacity_of(field: Field, signal: GridSignal, blocks: list[Block]) -> Capacity | None:
    """How small a field is, and what one of about four times the parameters would gain.

    A field of P parameters is compared with the P largest of the signal's cosine coefficients: how much fewer errors
    more of them make tells how much there is to be gained (of wavelets and images: Mallat, A wavelet tour of signal
    processing, 2009, chapter 9; networks gain somewhat less).

    Args:
        field: whose parts are looked at.
        signal: that it was fitted to.
        blocks: of it, which stand for large ones.

    Returns:
        None where it has a parameter for every fourth value or more, and where nothing of it grows.
    """
    values = signal.size * signal.channels
    if field.parameter_count >= SMALL * values:
        return None
    grown = _grown(field)
    if grown is None:
        return None
    part, name, before, after = grown
    config = dict(field.config()[part]) | {name: after}
    with torch.random.fork_rng(devices=[]):
        try:
            larger = Field.build(field.domain, **{**field.config(), part: config}).parameter_count
        except InrError:
            return None
    squares = _squares(signal, blocks)
    errors = [_left(squares, count / values) for count in (field.parameter_count, min(larger, int(SMALL * values)))]
    gain = _SHARE_OF_COSINES * 10 * float(np.log10(errors[0] / errors[1]))
    return Capacity(
        field.parameter_count, larger, values, f"{name} {before} -> {after}", {part: format_spec(config)}, gain
    )


def _grown(field: Field) -> tuple[str, str, int, int] | None:
    """The part and the parameter that make a field larger, and its number before and after."""
    config = field.config()
    if field.encoding.tables:
        for name in encodings.info(config["encoding"]["name"]).cls.sizes.names:
            if isinstance(before := config["encoding"].get(name), int):
                return "encoding", name, before, before + 2 if name.startswith("log2") else 2 * before
    width = config["network"].get("width")
    return ("network", "width", width, 2 * width) if isinstance(width, int) else None


def _squares(signal: GridSignal, blocks: list[Block]) -> Float[np.ndarray, " n"]:
    """Squares of the cosine coefficients, the largest first."""
    shape = signal.domain.shape or ()
    if signal.missing is None and signal.size * signal.channels <= _WHOLE:
        pieces = [signal.values(torch.arange(signal.size)).numpy().reshape(*shape, -1)]
    else:
        pieces = [block.target for block in blocks]
    found = [np.square(dctn(each, norm="ortho", axes=range(each.ndim - 1))).ravel() for each in pieces]
    return np.sort(np.concatenate(found).astype(np.float64))[::-1]


def _left(squares: Float[np.ndarray, " n"], share: float) -> float:
    """The sum of what a share of the coefficients, the largest, do not hold."""
    left = np.append(squares[::-1].cumsum()[::-1], 0.0)
    return max(float(np.interp(share * len(squares), np.arange(len(left)), left)), 1e-12 * float(left[0]), 1e-300)
