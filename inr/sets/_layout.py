"""What rows of weights mean, in words and numbers, for whoever computes with them without this package."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inr._errors import InrError
from inr.activations import activations
from inr.encodings import encodings
from inr.field import Field
from inr.networks import networks
from inr.signals import Domain

ABOUT = ("coordinates", "features", "activation", "network", "values", "weights")  # of formulas, in their order
_LARGEST = 1 << 31  # numbers in a row, at most: what a crafted file may claim


@dataclass(frozen=True)
class Slot:
    """Where a tensor stands in a row of weights.

    Attributes:
        name: as the field's `state_dict` has it.
        shape: of the tensor, in C order.
        start: its first number's place in the row.
    """

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def stop(self) -> int:
        """The place behind its last number."""
        return self.start + math.prod(self.shape)


def layout_of(domain: Domain, config: Mapping[str, Any]) -> tuple[Slot, ...]:
    """The tensors of a row of weights, in their order.

    Args:
        domain: of any of the fields.
        config: of the parts, as `Field.config` gives it.

    Raises:
        InrError: parts that do not go together, or that have more numbers than a row can hold.
    """
    with torch.device("meta"):
        state = Field.build(domain, **config).state_dict()
    slots: list[Slot] = []
    for name, tensor in state.items():
        slots.append(Slot(name, tuple(tensor.shape), slots[-1].stop if slots else 0))
    if not slots or slots[-1].stop > _LARGEST:
        raise InrError("a field of a set has from 1 to 2^31 weights")
    return tuple(slots)


def layout_in(header: Mapping[str, Any]) -> tuple[Slot, ...]:
    """The layout that the header of a set's file tells."""
    return tuple(
        Slot(str(each["name"]), tuple(int(size) for size in each["shape"]), int(each["start"]))
        for each in header["layout"]
    )


def state_of(row: Tensor, layout: tuple[Slot, ...]) -> dict[str, Tensor]:
    """The tensors in a row of weights.

    Args:
        row: float32 (p,).
        layout: of the row.

    Returns:
        Views into the row, by the names of a field's state.
    """
    return {slot.name: row[slot.start : slot.stop].reshape(slot.shape) for slot in layout}


def formula_of(domain: Domain, config: Mapping[str, Any]) -> dict[str, str]:
    """What a field of the set computes, in plain text.

    Args:
        domain: of any of the fields.
        config: of the parts.

    Returns:
        Sentences and formulas by what they are about, from coordinates to values.
    """
    axes = ", ".join(axis.name for axis in domain.axes)
    chosen = activations.build(config["activation"])
    constants = [
        f"{position} layer: {', '.join(f'{name} = {value:g}' for name, value in found.items())}"
        for position in ("first", "hidden")
        if (found := chosen.constants(position))
    ]
    known = {
        part: registry.info(config[part]["name"]).formula
        for part, registry in (("encoding", encodings), ("activation", activations), ("network", networks))
    }
    return {
        "coordinates": f"x = ({axes}), each in [-1, 1] over the whole extent of the axis; sample i of n along an axis "
        "lies at (2 i + 1) / n - 1, the centre of its cell. The first coordinate runs along the last axis of the "
        "array, the next one along the axis before it",
        "features": f"features = {known['encoding']}",
        "activation": "; ".join([f"φ(z) = {known['activation']}", *constants]),
        "network": f"{known['network']}; W is stored as (outputs, inputs), layer 0 reads the features",
        "values": "own units = low + (values + 1) / 2 (high - low), with `low` and `high` of the field's domain, one "
        "for all channels or one a channel",
        "weights": "a row holds the tensors of `layout` one after the other, each in C order, as 32-bit floats",
    }
