"""What there are kernels for on the GPU; known without Triton."""

from inr.activations import Activation
from inr.encodings import Encoding
from inr.engines._formulas import FUNCTIONS, Dialect, Untranslatable, formula, loss_formula
from inr.engines._kernels import Kernels
from inr.engines._objectives import Pointwise
from inr.field import Field
from inr.networks import MLP

# by their names in `_maths`
DIALECT = Dialect(number=repr, functions={name: name for name in FUNCTIONS})


# of fields whose whole fits there is a kernel for: what a program has room for
_MOST_LAYERS, _MOST_UNITS, _MOST_FEATURES, _MOST_VALUES = 4, 64, 64, 16
# Of matrices, padded. Programs with so many were compiled to take at most 90 KiB of shared memory, of the 99 that any
# GPU has from compute capability 8.0 on (tests/engines/triton/test_compiling.py).
_MOST_WEIGHTS = 4096

encoders = Kernels("inr.engines._triton._encoders")


def note(encoding: Encoding) -> str:
    """What of an encoding PyTorch computes, in words; "" where there are kernels."""
    if encoders.find(encoding) is not None:
        return ""
    return f"no kernel for encoding '{encoding.config()['name']}': its features are computed by eager PyTorch"


def untranslatable(activation: Activation) -> str | None:
    """Why there are no kernels for an activation, None where there are."""
    try:
        for planes in {1, activation.planes}:
            formula(activation, planes, DIALECT)
    except Untranslatable as error:
        return f"activation '{activation.config()['name']}': {error}"
    return None


def untranslatable_loss(objective: Pointwise) -> str | None:
    """Why there are no kernels for an objective, None where there are."""
    try:
        if not objective.squared:
            loss_formula(objective, DIALECT)
    except Untranslatable as error:
        return f"objective {type(objective).__name__}: {error}"
    return None


def without_whole_fits(field: Field) -> str | None:
    """Why there is no kernel that takes all steps of a field's fit, None where there is.

    Args:
        field: any.
    """
    network = field.network
    if type(network) is not MLP:
        return f"no kernels for network '{network.config()['name']}'"
    if any(True for _ in field.encoding.parameters()):
        return f"encoding '{field.encoding.config()['name']}' learns, and kernels of whole fits move networks only"
    for what, number, most in (
        ("layers", network.depth, _MOST_LAYERS), ("units a layer", network.width, _MOST_UNITS),
        ("features", network.in_dim, _MOST_FEATURES), ("values", network.out_dim, _MOST_VALUES),
    ):  # fmt: skip
        if number > most:
            return f"it has {number:,} {what}, and kernels of whole fits at most {most}"
    width, features = padded_side(network.width), padded_side(network.in_dim)
    weights = width * (features + (network.depth - 1) * width + padded_side(network.out_dim))
    if weights > _MOST_WEIGHTS:
        return f"its padded matrices have {weights:,} weights, and kernels of whole fits room for {_MOST_WEIGHTS:,}"
    if network.activation.planes > 1:
        return f"activation '{network.activation.config()['name']}' is complex, and kernels of whole fits are real"
    return untranslatable(network.activation)


def padded_side(size: int) -> int:
    """A side of a matrix as kernels of whole fits hold it: a power of two that is at least the 16 of a product."""
    return max(16, 1 << (size - 1).bit_length())
