"""Fields from coded weights, and the networks that codecs store without naming their parts."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from inr._errors import InrError
from inr.compression.bitstream.stream import Cursor
from inr.compression.bitstream.weights import Spread, decode_weights, values_of
from inr.container import varint
from inr.field import Field, Spec
from inr.signals import Domain

# Most units of a layer and most hidden layers of a network that a file may announce.
MAX_UNITS, MAX_LAYERS = 4096, 64


class Parts(NamedTuple):
    """Specs of a field's parts."""

    encoding: Spec
    activation: Spec
    network: Spec

    def build(self, domain: Domain, device: str = "cpu") -> Field:
        """A field with weights that are yet to come; on the device "meta" it takes no memory."""
        with torch.random.fork_rng(devices=[]), torch.device(device):
            return Field.build(domain, encoding=self.encoding, activation=self.activation, network=self.network)


def sine_network(domain: Domain, depth: int, width: int, *, sphere: bool) -> Parts:
    """The parts of the codecs "mlp", "ani" and "doh": a sine network on sines and cosines of the coordinates.

    Args:
        domain: of the signal, on a grid.
        depth: hidden layers.
        width: units in each.
        sphere: whether x and y are longitude and latitude; the network then reads points of the sphere.
    """
    network = f"mlp:depth={depth},width={width}"
    if sphere:
        return Parts("sphere", "sine:omega=15", network)
    assert domain.shape is not None
    # The highest frequency, in cycles, is an eighth of the samples of the longest axis.
    octaves = max(math.log2(max(domain.shape) / 8), 1.0)
    frequencies = round(2 * octaves) * domain.in_dim
    return Parts(f"fourier:kind=positional,frequencies={frequencies},octaves={octaves:.3f}", "sine", network)


def feature_count(domain: Domain, *, sphere: bool) -> int:
    """How many features the first layer of a `sine_network` reads."""
    return sine_network(domain, 1, 1, sphere=sphere).build(domain, "meta").encoding.out_dim


def write_layout(depth: int, width: int) -> bytes:
    """What payloads of plain networks begin with: hidden layers, and units in each, as varints."""
    return varint(depth) + varint(width)


def read_layout(cursor: Cursor) -> tuple[int, int]:
    """Depth and width, the inverse of `write_layout`.

    Raises:
        InrError: a network of no layers or units, or of too many.
    """
    depth, width = cursor.varint(), cursor.varint()
    if not (1 <= depth <= MAX_LAYERS and 1 <= width <= MAX_UNITS):
        raise InrError(f"it announces a network of {depth} layers of {width} units")
    return depth, width


def decode_field(
    domain: Domain,
    parts: Parts,
    payload: memoryview,
    *,
    max_bytes: int,
    reference: Mapping[str, Tensor] | None = None,
    spread: Spread | None = None,
) -> Field:
    """A field from what `encode_weights` made of its parameters, in their order.

    Args:
        domain: of the field.
        parts: of the field.
        payload: the coded weights.
        max_bytes: most bytes that weights may take; nothing is allocated before that is known.
        reference: weights that coded ones are counted from; 0 if None.
        spread: that was learned of what these are counted by, if they may be coded under it.

    Raises:
        InrError: a payload that does not fit the parts, or weights of more than `max_bytes`.
    """
    shapes = {name: tuple(each.shape) for name, each in parts.build(domain, "meta").named_parameters()}
    weights = decode_weights(payload, shapes, max_bytes=max_bytes, spread=spread)
    return with_weights(parts.build(domain), values_of(weights, reference))


def with_weights(field: Field, weights: Mapping[str, Tensor]) -> Field:
    """The field itself, its parameters replaced."""
    field.load_state_dict({**field.state_dict(), **weights})
    return field
