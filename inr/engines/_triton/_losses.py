"""An objective's formula as a function that kernels call: losses and their slopes."""

import functools
import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inr.engines._formulas import loss_constants, loss_formula
from inr.engines._objectives import Pointwise
from inr.engines._triton._activations import define
from inr.engines._triton._coverage import DIALECT


@dataclass(frozen=True)
class Loss:
    """What kernels minimise.

    Attributes:
        function: (residual, value, at, columns) to the loss of a tile of values and its slope by the residual; `at`
            points to `constants`, and `columns` are the tile's channels.
        constants: float32 (channels, constants), with as many further rows as tiles are padded to.
    """

    function: Any
    constants: Tensor


def loss_of(objective: Pointwise, channels: int, padded: int, device: torch.device) -> Loss | None:
    """What kernels minimise for an objective; None for the squared error, which they know.

    Args:
        channels: values of a sample; padded: columns of a tile.

    Raises:
        Untranslatable: a formula that holds something that there is no code for.
    """
    if objective.squared:
        return None
    code = loss_formula(objective, DIALECT)
    rows = loss_constants(objective, channels)
    rows += rows[-1:] * (padded - channels)  # any numbers that the formula has a value for
    width = len(code.constants)
    lines = [
        f"    {name} = tl.load(at + columns * {width} + {index})[None, :]" for index, name in enumerate(code.constants)
    ]
    lines += [f"    {line}" for line in code.code.lines]
    source = "\n".join([*lines, f"    return {', '.join(code.code.results)}"]) + "\n"
    constants = torch.tensor(rows, dtype=torch.float32, device=device).reshape(padded, width)
    return Loss(_made(source), constants if width else torch.zeros(1, device=device))


@functools.cache
def _made(body: str) -> Any:
    name = f"loss_{hashlib.sha256(body.encode()).hexdigest()[:16]}"
    return define(name, f"def {name}(residual, value, at, columns):\n{body}")
