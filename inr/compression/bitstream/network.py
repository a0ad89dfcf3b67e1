"""Fields from coded weights."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from inr._errors import InrError
from inr.compression.bitstream.stream import Cursor
from inr.compression.bitstream.weights import decode_weights, values_of
from inr.container._varint import varint
from inr.field import Field, Spec
from inr.signals import Domain

# units and hidden layers of a network that is believed
WIDEST, DEEPEST = 4096, 64


class Parts(NamedTuple):
    """Specs of a field's parts."""

    encoding: Spec
    activation: Spec
    network: Spec

    def build(self, domain: Domain, device: str = "cpu") -> Field:
        """A field with weights that are yet to come; on the device "meta" it takes no memory."""
        with torch.random.fork_rng(devices=[]), torch.device(device):
            return Field.build(domain, encoding=self.encoding, activation=self.activation, network=self.network)


def encode_layout(depth: int, width: int) -> bytes:
    """What a payload begins with that does not say otherwise: hidden layers, and units in each, as varints."""
    return varint(depth) + varint(width)


def decode_layout(cursor: Cursor) -> tuple[int, int]:
    """Depth and width. Raises InrError for networks of none or too many."""
    depth, width = cursor.varint(), cursor.varint()
    if not (1 <= depth <= DEEPEST and 1 <= width <= WIDEST):
        raise InrError(f"it announces a network of {depth} layers of {width} units")
    return depth, width


def decode_field(
    domain: Domain,
    parts: Parts,
    payload: memoryview,
    *,
    limit: int,
    origin: Mapping[str, Tensor] | None = None,
) -> Field:
    """A field from what `encode_weights` made of its parameters, in their order, or of how they differ from an origin.

    Raises InrError for a payload that does not fit the parts, and where weights would take more than `limit` bytes:
    nothing is allocated before.
    """
    shapes = {name: tuple(each.shape) for name, each in parts.build(domain, "meta").named_parameters()}
    weights = decode_weights(payload, shapes, limit=limit)
    return with_weights(parts.build(domain), values_of(weights, origin))


def with_weights(field: Field, weights: Mapping[str, Tensor]) -> Field:
    """The field itself, its parameters replaced."""
    field.load_state_dict({**field.state_dict(), **weights})
    return field
