"""A network's weights as the shortest payload; `inr.compression.bitstream.weights` has the kinds, and decodes them."""

from collections.abc import Mapping

import numpy as np

from inr.compression.bitstream.frequency_tables import GAUSS, LAPLACE
from inr.compression.bitstream.weights import Layout, QuantisedTensor, Spread, find_kind, may_ascend
from inr.compression.encoder.generalised_gaussian import encode_by_row_and_column, encode_by_tensor
from inr.compression.encoder.integers import encode_arrays
from inr.compression.encoder.learned_spread import encode_by_learned_spread

# So many weights are worth trying models that take many bytes themselves.
_MIN_WEIGHTS_OF_ENTROPY_MODELS = 4096
# Exponents that are tried by tensor, and by row and column: what is left when the scales are told is nearer to
# Laplace's distribution.
_SHAPES_BY_TENSOR = range(LAPLACE + 1, GAUSS + 2)
_SHAPES_BY_ROW_AND_COLUMN = range(LAPLACE, LAPLACE + 2)
_SHAPES_BY_LEARNED_SPREAD = range(LAPLACE - 1, LAPLACE + 3)


def encode_weights(tensors: Mapping[str, QuantisedTensor], spread: Spread | None = None) -> bytes:
    """Tensors in their order as bytes: the shortest of the kinds of payloads. Names and shapes are not kept.

    Args:
        tensors: by name, of any shapes.
        spread: that was learned of tensors of these names, and that whoever decodes them has.

    Returns:
        What `inr.compression.bitstream.weights.decode_weights` reads.
    """
    steps = [each.step_index for each in tensors.values()]
    arrays = [each.integers for each in tensors.values()]
    own = [] if spread is None else [spread[name] for name in tensors]
    whole = arrays
    biases = may_ascend([array.shape for array in arrays])
    rises = [np.diff(array, prepend=0) if bias else array for array, bias in zip(arrays, biases, strict=True)]
    ascending = any(biases) and all(array.min() >= 0 for array, bias in zip(rises, biases, strict=True) if bias)
    arrays = rises if ascending else arrays
    one_sided = biases if ascending else [False] * len(arrays)
    flat = [array.reshape(-1) for array in arrays]
    found: list[tuple[Layout, int | None, bytes]] = []
    if own and (coded := encode_by_learned_spread(steps, whole, own, _SHAPES_BY_LEARNED_SPREAD)) is not None:
        found.append((Layout.BY_LEARNED_SPREAD, *coded))
    if (coded := encode_by_tensor(steps, flat, one_sided, _SHAPES_BY_TENSOR)) is not None:
        found.append((Layout.BY_TENSOR, *coded))
    if (coded := encode_by_row_and_column(steps, arrays, one_sided, _SHAPES_BY_ROW_AND_COLUMN)) is not None:
        found.append((Layout.BY_ROW_AND_COLUMN, *coded))
    if not found or sum(array.size for array in flat) >= _MIN_WEIGHTS_OF_ENTROPY_MODELS:
        found.append((Layout.ENTROPY_MODELS, None, encode_arrays([np.array(steps), *flat])))
    layout, shape, data = min(found, key=lambda each: len(each[2]))
    ascending &= layout is not Layout.BY_LEARNED_SPREAD
    return bytes([find_kind(layout, shape, ascending_biases=ascending).first_byte]) + data
