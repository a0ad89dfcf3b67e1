"""Small fields of every registered part, and what they give at some points."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from inr import Field
from inr.exporting._follow import trace
from inr.exporting._program import Program
from tests.test_tracing import PARTS, built

POINTS = np.random.default_rng(0).uniform(-1, 1, (40, 2)).astype(np.float32).astype(np.float64)
TOLERANCE = 1e-5  # of values that span 1; measured: 2e-6 at most in C and JavaScript, 5e-6 in shaders


class Case(NamedTuple):
    """A field in 32 bits, its program, and its values at `POINTS` in 64."""

    field: Field
    program: Program
    values: np.ndarray


@cache
def cases() -> dict[str, Case]:
    """By part, one field each."""
    fields = {name: built(name).float() for name in PARTS}
    return {name: case(field) for name, field in fields.items()}


def case(field: Field) -> Case:
    """What is to be compared of a field."""
    return Case(field, trace(field), in_units(field, POINTS))


@torch.no_grad()
def in_units(field: Field, points: np.ndarray) -> np.ndarray:
    """Values in the signal's own units, computed in float64; the field stays one of 32 bits."""
    values = field.double()(torch.from_numpy(points))
    field.float()
    return field.domain.values.restore(values).numpy()
