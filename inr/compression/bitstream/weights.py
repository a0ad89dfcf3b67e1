"""A network's weights as a section's payload: integers, and one step a tensor.

Payload: a byte, then the steps' indices and the tensors in their order: if it is 0, as `encode_arrays` has them; if it
is 1 + s, as `encode_bells` has them with bells of shape s; if it is 9 + s, as `encode_unit_bells` has them. Large
tensors are worth models of their own, and units of large layers bells of their own, small ones not. With 17 more, all
tensors of one dimension but the last ascend from 0 or more, and what they ascend by is coded.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from inr._errors import InrError
from inr.compression.bitstream.generalised_gaussian import decode_bells, encode_bells
from inr.compression.bitstream.generalised_gaussian_rows import decode_unit_bells, encode_unit_bells
from inr.compression.bitstream.integers import decode_arrays, encode_arrays
from inr.compression.bitstream.tables import GAUSS, LAPLACE, SHAPES
from inr.compression.encoder.step_allocation import step_of, to_values

Shapes = Mapping[str, Sequence[int]]
# weights from which on it is worth trying models of many bytes
_FEW = 4096
# of bells, that are tried
_SHAPES = range(LAPLACE + 1, GAUSS + 2)
# of units' bells, that are tried: what is left when the widths are told is nearer to Laplace's distribution
_UNIT_SHAPES = range(LAPLACE, LAPLACE + 2)
# kinds of payloads, and as many more of which biases ascend
_KINDS = 1 + 2 * len(SHAPES)


class Rounded(NamedTuple):
    """A tensor as integers and the index of their step."""

    integers: np.ndarray
    step_index: int

    @property
    def values(self) -> Float32[Tensor, "..."]:
        """The tensor that the integers stand for."""
        return to_values(self.integers, self.step_index)


def values_of(found: Mapping[str, Rounded], origin: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
    """The weights that integers stand for, counted from an origin."""
    values = {name: each.values for name, each in found.items()}
    return values if origin is None else {name: origin[name].cpu() + value for name, value in values.items()}


def encode_weights(tensors: Mapping[str, Rounded]) -> bytes:
    """Tensors in their order as bytes; names and shapes are not kept."""
    steps = [each.step_index for each in tensors.values()]
    arrays = [each.integers for each in tensors.values()]
    ascending = _biases([array.shape for array in arrays])
    rises = [np.diff(array, prepend=0) if bias else array for array, bias in zip(arrays, ascending, strict=True)]
    if any(ascending) and all(array.min() >= 0 for array, bias in zip(rises, ascending, strict=True) if bias):
        arrays, first = rises, _KINDS
    else:
        ascending, first = [False] * len(arrays), 0
    flat = [array.reshape(-1) for array in arrays]
    found = []
    if (coded := encode_bells(steps, flat, ascending, _SHAPES)) is not None:
        shape, data = coded
        found.append(bytes([first + 1 + shape]) + data)
    if (coded := encode_unit_bells(steps, arrays, ascending, _UNIT_SHAPES)) is not None:
        shape, data = coded
        found.append(bytes([first + 1 + len(SHAPES) + shape]) + data)
    if not found or sum(array.size for array in flat) >= _FEW:
        found.append(bytes([first]) + encode_arrays([np.array(steps), *flat]))
    return min(found, key=len)


def decode_weights(payload: bytes | memoryview, shapes: Shapes, *, limit: int) -> dict[str, Rounded]:
    """What `encode_weights` was given.

    Args:
        shapes: by name, in order.
        limit: most bytes that the tensors may take as float32, and again as integers.

    Raises InrError for a payload that does not hold together, and for tensors beyond the limit.
    """
    payload = memoryview(payload).cast("B")
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    total = sum(sizes.values())
    if 4 * total > limit:
        raise InrError(f"its weights take {4 * total} bytes, more than the limit of {limit}")
    if not payload or payload[0] >= 2 * _KINDS:
        raise InrError("its weights are not laid out as any inr does")
    ascends, kind = divmod(payload[0], _KINDS)
    ascending = _biases([*shapes.values()]) if ascends else [False] * len(shapes)
    arrays: Sequence[np.ndarray]
    if kind > len(SHAPES):
        indices, arrays = decode_unit_bells(payload[1:], [*shapes.values()], ascending, kind - 1 - len(SHAPES))
    elif kind:
        indices, arrays = decode_bells(payload[1:], [*sizes.values()], ascending, kind - 1)
    else:
        steps = np.empty(len(sizes), dtype=np.int16)
        arrays = [np.empty(size, dtype=np.int32) for size in sizes.values()]
        decode_arrays(payload[1:], [steps, *arrays])
        indices = steps.tolist()
    for index in indices:
        step_of(index)
    arrays = [np.cumsum(array) if bias else array for array, bias in zip(arrays, ascending, strict=True)]
    return {
        name: Rounded(array.reshape(tuple(shapes[name])), index)
        for name, array, index in zip(sizes, arrays, indices, strict=True)
    }


def _biases(shapes: Sequence[Sequence[int]]) -> list[bool]:
    """Of each tensor, whether it is one of those of one dimension that may ascend: all but the last."""
    flat = [place for place, shape in enumerate(shapes) if len(shape) == 1 and shape[0]]
    return [place in flat[:-1] for place in range(len(shapes))]
