"""A field's own forward pass, followed at one point by tensors that write down what is done to them.

So every part is exported by the formula that it computes with, an activation's among them, and there is no second one
for the exports. Whatever does not depend on the coordinates is computed once, here.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from inr._errors import InrError
from inr.exporting._operations import perform
from inr.exporting._program import Program, joined
from inr.exporting._trace import Trace, Traced, Untranslatable
from inr.field import Field


def trace(field: Field) -> Program:
    """A field at one point as a program.

    Args:
        field: any field, on the processor.

    Returns:
        The program, from coordinates in [-1, 1] to values in the signal's own units.

    Raises:
        InrError: a part does what no program can say.
    """
    written = Trace(field.dtype, perform)
    inputs = written.memory((1, field.domain.in_dim), "float")
    outputs = written.memory((1, field.domain.channels), "float")
    assert inputs.array is not None
    assert outputs.array is not None
    coords = Traced(inputs, written)
    with torch.no_grad():
        features = _followed(_named("encoding", field.encoding), field.encoding, coords)
        given = (features, coords) if field.network.reads_coords else (features,)
        values = _followed(_named("network", field.network), field.network, *given)
        restored = _followed("the signal's range", field.domain.values.restore, values)
    written.store(outputs, restored.value)
    span = min(field.domain.values.low), max(field.domain.values.high)
    return Program(inputs.array, outputs.array, joined(written.loops, written.nodes), span)


def _named(kind: str, part: Any) -> str:
    config = getattr(part, "config", None)
    return f"{kind} '{config()['name']}'" if config is not None else f"a field of samples ({type(part).__name__})"


def _followed(part: str, compute: Callable[..., Tensor], *given: Tensor) -> Traced:
    try:
        found = compute(*given)
    except Untranslatable as error:
        raise InrError(f"{part} cannot be exported as a program: {error}; --to pt2 keeps any field") from error
    except Exception as error:  # whatever a module does to a tensor that has no numbers
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InrError(f"{part} cannot be exported as a program: {words}; --to pt2 keeps any field") from error
    if not isinstance(found, Traced):
        raise InrError(f"{part} cannot be exported as a program: it does not depend on coordinates; --to pt2 does")
    return found
