"""What there are kernels for on the GPU; known without Triton."""

from inr.activations import Activation
from inr.encodings import Encoding
from inr.engines._formulas import FUNCTIONS, Dialect, Untranslatable, formula, loss_formula
from inr.engines._kernels import Kernels
from inr.engines._objectives import Pointwise

# by their names in `_maths`
DIALECT = Dialect(number=repr, functions={name: name for name in FUNCTIONS})


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
