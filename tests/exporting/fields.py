"""Small fields of every registered part, and what they give at some points."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

import inr
from inr import Field
from inr.exporting._follow import trace
from inr.exporting._program import Program
from tests.test_tracing import DOMAIN, PARTS, built

NAMES = [*PARTS, "large hash"]  # the last one's tables and weights are too many for a shader's text
POINTS = np.random.default_rng(0).uniform(-1, 1, (40, 2)).astype(np.float32).astype(np.float64)
PIXELS = (40, 48)  # much finer than the fields' own 5 x 6, so that pixels are the field's values at their centres
TOLERANCE = 1e-5  # of values that span 1; measured: at most 4.4e-6, by studies/exports.py


class Case(NamedTuple):
    """A field in 32 bits, its program, and its values at `POINTS` in 64."""

    field: Field
    program: Program
    values: np.ndarray


@cache
def cases() -> dict[str, Case]:
    """By name, of each of `NAMES`."""
    fields = {name: built(name).float() for name in PARTS}
    fields[NAMES[-1]] = _large()
    return {name: case(field) for name, field in fields.items()}


def _large() -> Field:
    torch.manual_seed(0)
    grid = "hash:levels=4,coarsest=4,finest=24,log2_size=10"
    field = Field.build(DOMAIN, encoding=grid, activation="relu", network="mlp:depth=2,width=64")
    for parameter in field.encoding.parameters():
        torch.nn.init.uniform_(parameter, -1, 1)
    return field


def centres() -> np.ndarray:
    """Of `PIXELS`, row by row, (n, 2)."""
    rows, columns = ((2 * np.arange(count) + 1) / count - 1 for count in PIXELS)
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)


def rendered(name: str) -> np.ndarray:
    """What `inr render` makes of a part's field, as grey levels at `centres`, unrounded, (n, 3)."""
    return 255 * inr.render(cases()[name].field, PIXELS).reshape(-1, 3)


def case(field: Field) -> Case:
    """What is to be compared of a field."""
    return Case(field, trace(field), in_units(field, POINTS))


@torch.no_grad()
def in_units(field: Field, points: np.ndarray) -> np.ndarray:
    """Values in the signal's own units, computed in float64; the field stays one of 32 bits."""
    values = field.double()(torch.from_numpy(points))
    field.float()
    return field.domain.values.restore(values).numpy()
