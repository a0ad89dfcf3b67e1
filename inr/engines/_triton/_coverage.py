"""What there are kernels for on the GPU; known without Triton."""

from inr.activations import Activation
from inr.encodings import DenseGrid, Encoding, FourierFeatures, HashGrid, Identity
from inr.engines._formulas import Dialect, Untranslatable, formula

# by their names in `_maths`
_FUNCTIONS = ("sin", "cos", "exp", "tanh", "relu", "step", "root", "reciprocal")
DIALECT = Dialect(number=repr, functions={name: name for name in _FUNCTIONS})


def notes(encoding: Encoding) -> tuple[str, ...]:
    """What of an encoding PyTorch computes; empty where there are kernels."""
    if type(encoding) in (Identity, FourierFeatures) or isinstance(encoding, DenseGrid | HashGrid):
        return ()
    return (by_torch(encoding),)


def by_torch(encoding: Encoding) -> str:
    """That an encoding has no kernel, in words."""
    return f"no kernel for encoding '{encoding.config()['name']}': its features are computed by eager PyTorch"


def untranslatable(activation: Activation) -> str | None:
    """Why there are no kernels for an activation, None where there are."""
    try:
        for planes in {1, activation.planes}:
            formula(activation, planes, DIALECT)
    except Untranslatable as error:
        return f"activation '{activation.config()['name']}': {error}"
    return None
