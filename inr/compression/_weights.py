"""A network's weights as a section's payload: integers, and one step a tensor.

Payload: a byte, then what `encode_arrays` makes of the steps' indices and of the tensors in their order. The byte is 0
where every tensor is an array of its own, and 1 where they are laid end to end, which is shorter for small ones.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from inr._errors import InrError
from inr.compression._entropy_coding import decode_arrays, encode_arrays
from inr.compression._step_sizes import step_of, to_values

Shapes = Mapping[str, Sequence[int]]
# weights from which on a table for every tensor is worth its bytes
_FEW = 4096


class Rounded(NamedTuple):
    """A tensor as integers and the index of their step."""

    integers: np.ndarray
    step_index: int

    @property
    def values(self) -> Float32[Tensor, "..."]:
        """The tensor that the integers stand for."""
        return to_values(self.integers, self.step_index)


def encode_weights(tensors: Mapping[str, Rounded]) -> bytes:
    """Tensors in their order as bytes; names and shapes are not kept."""
    steps = np.array([each.step_index for each in tensors.values()], dtype=np.int64)
    arrays = [each.integers.reshape(-1) for each in tensors.values()]
    if sum(array.size for array in arrays) < _FEW:
        return b"\x01" + encode_arrays([steps, np.concatenate(arrays)])
    return b"\x00" + encode_arrays([steps, *arrays])


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
    if not payload or payload[0] > 1:
        raise InrError("its weights are not laid out as any inr does")
    steps, flat = np.empty(len(sizes), dtype=np.int16), np.empty(total, dtype=np.int32)
    arrays = np.split(flat, np.cumsum(list(sizes.values()))[:-1])
    decode_arrays(payload[1:], [steps, flat] if payload[0] else [steps, *arrays])
    for index in steps.tolist():
        step_of(index)
    return {
        name: Rounded(array.reshape(tuple(shapes[name])), int(index))
        for name, array, index in zip(sizes, arrays, steps, strict=True)
    }
