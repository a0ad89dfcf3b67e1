"""Rendering on the fastest engine."""

import copy
from collections.abc import Sequence

import numpy as np
import torch

from inr.engines._base import Plan
from inr.engines._choose import plan
from inr.field import Execute, Field, Spec
from inr.signals import Box


def render(
    field: Field, shape: Sequence[int] | None = None, box: Box | None = None, *, engine: Spec = "auto"
) -> np.ndarray:
    """Sample a field on a regular grid, as `Field.render` does, on an engine.

    Args:
        field: any field, on the processor or a GPU.
        shape: samples per axis in array order (H, W for a picture); the signal's own by default.
        box: (low, high) per axis in coordinate order x, y, …, the part of [-1, 1] to sample; all of it by default.
        engine: a name, with options as in "cpu:threads=2"; or "auto": the fastest that can.

    Returns:
        float32 (*shape, C) in the signal's own units.

    Raises:
        InrError: a shape or box that does not fit the domain, no shape for scattered samples, or an engine that
            cannot run here.

    >>> signal = inr.Signal.from_array(np.zeros((8, 8, 3), np.uint8))
    >>> field = inr.Field.build(signal.domain, encoding="identity", activation="sine", network="mlp:depth=2,width=16")
    >>> inr.render(field).shape, inr.render(field, (32, 64), engine="eager").shape
    ((8, 8, 3), (32, 64, 3))
    """
    if field.dtype != torch.float32:
        field = copy.deepcopy(field).float()  # what engines compute in
    _, ready = plan(field, None, engine)
    return field.render(shape, box, block=ready.block, execute=executor(field, ready))


def executor(field: Field, ready: Plan) -> Execute:
    """What evaluates coordinates by a plan and the weights that the field has now.

    Args:
        field: whose weights are used.
        ready: its plan.

    Returns:
        A function of coordinates (n, d), float32, on any device, that gives normalised values (n, c), float32, on the
        plan's device; `Field.render` takes it as `execute`.
    """
    tensors = {name: tensor.to(ready.device) for name, tensor in field.named_parameters()}
    return lambda coords: ready.forward(tensors, coords.to(ready.device))
