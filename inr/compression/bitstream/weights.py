"""A network's weights as a section's payload: integers, and the index of one step for each tensor.

A payload begins with a byte that names its kind, a row of `PAYLOAD_KINDS`; then come the steps' indices and the tensors
in their order, as the kind's layout has them. Large tensors are worth models of their own, and units of large layers
scales of their own; small ones are not. In kinds with ascending biases all tensors of one dimension but the last ascend
from 0 or more, and what is coded of them is by how much.
"""

import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import SHAPES
from inr.compression.bitstream.generalised_gaussian import read_tensors
from inr.compression.bitstream.generalised_gaussian_rows import read_matrices
from inr.compression.bitstream.integers import decode_arrays
from inr.compression.bitstream.learned_spread import read_spread
from inr.compression.bitstream.step_sizes import step_of, to_values

Shapes = Mapping[str, Sequence[int]]
Spread = Mapping[str, np.ndarray]  # by name; see `inr.compression.bitstream.learned_spread.scales_of`


class QuantisedTensor(NamedTuple):
    """A tensor as integers, and the index of their step, see `inr.compression.bitstream.step_sizes.step_of`."""

    integers: np.ndarray
    step_index: int

    @property
    def values(self) -> Float32[Tensor, "..."]:
        """The tensor that the integers stand for."""
        return to_values(self.integers, self.step_index)


class Layout(Enum):
    """How a payload holds steps and tensors after its first byte."""

    ENTROPY_MODELS = "the array of steps and the tensors, each under a model, `inr.compression.bitstream.models`"
    BY_TENSOR = "one generalised Gaussian per tensor, `inr.compression.bitstream.generalised_gaussian`"
    BY_ROW_AND_COLUMN = "their scales by row and column, `inr.compression.bitstream.generalised_gaussian_rows`"
    BY_LEARNED_SPREAD = "a scale for every weight that was learned, `inr.compression.bitstream.learned_spread`"


class PayloadKind(NamedTuple):
    """A kind of payload.

    Attributes:
        first_byte: the byte that names it.
        layout: how steps and tensors follow.
        exponent: β of the generalised Gaussians in quarters, one of `frequency_tables.SHAPES`; 0 where there are none.
        ascending_biases: whether tensors of one dimension but the last are coded as differences of ascending numbers.
    """

    first_byte: int
    layout: Layout
    exponent: int
    ascending_biases: bool


PAYLOAD_KINDS = (
    PayloadKind(0, Layout.ENTROPY_MODELS, 0, ascending_biases=False),
    PayloadKind(1, Layout.BY_TENSOR, 2, ascending_biases=False),
    PayloadKind(2, Layout.BY_TENSOR, 3, ascending_biases=False),
    PayloadKind(3, Layout.BY_TENSOR, 4, ascending_biases=False),
    PayloadKind(4, Layout.BY_TENSOR, 5, ascending_biases=False),
    PayloadKind(5, Layout.BY_TENSOR, 6, ascending_biases=False),
    PayloadKind(6, Layout.BY_TENSOR, 8, ascending_biases=False),
    PayloadKind(7, Layout.BY_TENSOR, 12, ascending_biases=False),
    PayloadKind(8, Layout.BY_TENSOR, 16, ascending_biases=False),
    PayloadKind(9, Layout.BY_ROW_AND_COLUMN, 2, ascending_biases=False),
    PayloadKind(10, Layout.BY_ROW_AND_COLUMN, 3, ascending_biases=False),
    PayloadKind(11, Layout.BY_ROW_AND_COLUMN, 4, ascending_biases=False),
    PayloadKind(12, Layout.BY_ROW_AND_COLUMN, 5, ascending_biases=False),
    PayloadKind(13, Layout.BY_ROW_AND_COLUMN, 6, ascending_biases=False),
    PayloadKind(14, Layout.BY_ROW_AND_COLUMN, 8, ascending_biases=False),
    PayloadKind(15, Layout.BY_ROW_AND_COLUMN, 12, ascending_biases=False),
    PayloadKind(16, Layout.BY_ROW_AND_COLUMN, 16, ascending_biases=False),
    PayloadKind(17, Layout.ENTROPY_MODELS, 0, ascending_biases=True),
    PayloadKind(18, Layout.BY_TENSOR, 2, ascending_biases=True),
    PayloadKind(19, Layout.BY_TENSOR, 3, ascending_biases=True),
    PayloadKind(20, Layout.BY_TENSOR, 4, ascending_biases=True),
    PayloadKind(21, Layout.BY_TENSOR, 5, ascending_biases=True),
    PayloadKind(22, Layout.BY_TENSOR, 6, ascending_biases=True),
    PayloadKind(23, Layout.BY_TENSOR, 8, ascending_biases=True),
    PayloadKind(24, Layout.BY_TENSOR, 12, ascending_biases=True),
    PayloadKind(25, Layout.BY_TENSOR, 16, ascending_biases=True),
    PayloadKind(26, Layout.BY_ROW_AND_COLUMN, 2, ascending_biases=True),
    PayloadKind(27, Layout.BY_ROW_AND_COLUMN, 3, ascending_biases=True),
    PayloadKind(28, Layout.BY_ROW_AND_COLUMN, 4, ascending_biases=True),
    PayloadKind(29, Layout.BY_ROW_AND_COLUMN, 5, ascending_biases=True),
    PayloadKind(30, Layout.BY_ROW_AND_COLUMN, 6, ascending_biases=True),
    PayloadKind(31, Layout.BY_ROW_AND_COLUMN, 8, ascending_biases=True),
    PayloadKind(32, Layout.BY_ROW_AND_COLUMN, 12, ascending_biases=True),
    PayloadKind(33, Layout.BY_ROW_AND_COLUMN, 16, ascending_biases=True),
    PayloadKind(34, Layout.BY_LEARNED_SPREAD, 2, ascending_biases=False),
    PayloadKind(35, Layout.BY_LEARNED_SPREAD, 3, ascending_biases=False),
    PayloadKind(36, Layout.BY_LEARNED_SPREAD, 4, ascending_biases=False),
    PayloadKind(37, Layout.BY_LEARNED_SPREAD, 5, ascending_biases=False),
    PayloadKind(38, Layout.BY_LEARNED_SPREAD, 6, ascending_biases=False),
    PayloadKind(39, Layout.BY_LEARNED_SPREAD, 8, ascending_biases=False),
    PayloadKind(40, Layout.BY_LEARNED_SPREAD, 12, ascending_biases=False),
    PayloadKind(41, Layout.BY_LEARNED_SPREAD, 16, ascending_biases=False),
)


def find_kind(layout: Layout, shape: int | None, *, ascending_biases: bool) -> PayloadKind:
    """The kind with a layout, and the index of its exponent in `frequency_tables.SHAPES`; None where it has none."""
    exponent = 0 if shape is None else SHAPES[shape]
    wanted = layout, exponent, ascending_biases
    return next(kind for kind in PAYLOAD_KINDS if kind[1:] == wanted)


def decode_weights(
    payload: bytes | memoryview, shapes: Shapes, *, max_bytes: int, spread: Spread | None = None
) -> dict[str, QuantisedTensor]:
    """What `inr.compression.encoder.weights.encode_weights` was given.

    Args:
        payload: what it returned.
        shapes: of the tensors by name, in their order.
        max_bytes: most bytes that the tensors may take as float32, and again as integers.
        spread: that was learned of the tensors, where it was given to that.

    Returns:
        The tensors by name.

    Raises:
        InrError: a payload that does not hold together, or tensors beyond `max_bytes`.
    """
    payload = memoryview(payload).cast("B")
    total = sum(math.prod(shape) for shape in shapes.values())
    if 4 * total > max_bytes:
        raise InrError(f"its weights take {4 * total} bytes, more than the limit of {max_bytes}")
    kind = next((kind for kind in PAYLOAD_KINDS if payload and kind.first_byte == payload[0]), None)
    if kind is None:
        raise InrError("its weights are not laid out as any inr does")
    ascending = may_ascend([*shapes.values()]) if kind.ascending_biases else [False] * len(shapes)
    indices, arrays = _read(payload[1:], shapes, ascending, kind, spread or {})
    for index in indices:
        step_of(index)
    arrays = [np.cumsum(array) if bias else array for array, bias in zip(arrays, ascending, strict=True)]
    return {
        name: QuantisedTensor(array.reshape(tuple(shape)), index)
        for (name, shape), array, index in zip(shapes.items(), arrays, indices, strict=True)
    }


def may_ascend(shapes: Sequence[Sequence[int]]) -> list[bool]:
    """Of each tensor, whether it is one of those of one dimension that may ascend: all but the last."""
    flat = [place for place, shape in enumerate(shapes) if len(shape) == 1 and shape[0]]
    return [place in flat[:-1] for place in range(len(shapes))]


def values_of(found: Mapping[str, QuantisedTensor], reference: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
    """The weights that integers stand for, counted from reference weights, or from 0 where there are none."""
    values = {name: each.values for name, each in found.items()}
    return values if reference is None else {name: reference[name].cpu() + value for name, value in values.items()}


def _read(
    data: memoryview, named: Shapes, one_sided: Sequence[bool], kind: PayloadKind, spread: Spread
) -> tuple[list[int], Sequence[np.ndarray]]:
    """Steps' indices, and int64 tensors, flat or of their shapes."""
    shapes = [*named.values()]
    sizes = [math.prod(shape) for shape in shapes]
    match kind.layout:
        case Layout.BY_TENSOR:
            return read_tensors(data, sizes, one_sided, SHAPES.index(kind.exponent))
        case Layout.BY_ROW_AND_COLUMN:
            return read_matrices(data, shapes, one_sided, SHAPES.index(kind.exponent))
        case Layout.BY_LEARNED_SPREAD:
            if not named.keys() <= spread.keys():
                raise InrError("its weights are told by a learned spread, which is not there")
            return read_spread(data, shapes, [spread[name] for name in named], SHAPES.index(kind.exponent))
        case Layout.ENTROPY_MODELS:
            steps = np.empty(len(sizes), dtype=np.int16)
            arrays = [np.empty(size, dtype=np.int32) for size in sizes]
            decode_arrays(data, [steps, *arrays])
            return steps.tolist(), arrays
