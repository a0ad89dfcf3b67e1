"""The engine `triton`."""

from typing import Annotated, Any

import torch

from inr._parts import Range
from inr.engines._base import Engine, Plan, engines
from inr.engines._checks import pointwise
from inr.engines._formulas import Untranslatable
from inr.engines._objectives import AnyObjective, OfJets
from inr.engines._triton import _coverage, _library
from inr.engines._triton._precision import Precision
from inr.field import Field
from inr.networks import MLP

_MAX_OUTPUTS = 256


@engines.register("triton", limits="needs an NVIDIA GPU; multilayer perceptrons only")
class TritonEngine(Engine):
    """Fused kernels for NVIDIA GPUs: a tile of points walks through all layers, and back.

    Compiled by Triton when first needed. Operands of products are 16-bit, their sums and the first layer are float32.
    """

    priority = 30

    def __init__(
        self,
        *,
        precision: Annotated[Precision, "operands of the hidden layers' products"] = "float16",
        deterministic: Annotated[bool, "grids: the same bits every time, for some more time"] = False,
        memory: Annotated[int, Range(1, 4096), "MiB for what learning keeps of the layers"] = 256,
    ) -> None:
        self.precision = precision
        self.deterministic = deterministic
        self.memory = memory

    @staticmethod
    def unavailable() -> str | None:
        """What is missing."""
        return _library.problem()

    @staticmethod
    def passed_over() -> str | None:
        """The interpreter is for tests."""
        return "its kernels would be interpreted" if _library.interpreting() else None

    def facts(self) -> dict[str, Any]:
        """Version, device and precision."""
        return _library.facts() | {"operands": self.precision}

    def covers(self, field: Field) -> tuple[str, ...] | str:
        """What PyTorch computes, or why there are no kernels."""
        reason = _refused(field, None) or _coverage.untranslatable(field.network.activation)
        if reason is not None:
            return reason
        note = _coverage.note(field.encoding)
        return (note,) if note else ()

    def plan(self, field: Field, objective: AnyObjective | None) -> Plan | str:
        """A plan, or why there is none."""
        reason = _refused(field, objective)
        if reason is not None:
            return reason
        from inr.engines._triton._plan import TritonPlan

        try:
            return TritonPlan(
                field, objective, precision=self.precision, deterministic=self.deterministic,
                memory=self.memory * 2**20, device=_library.device(),
            )  # fmt: skip
        except Untranslatable as error:
            return f"activation '{field.network.activation.config()['name']}': {error}"


def _refused(field: Field, objective: AnyObjective | None) -> str | None:
    """Why a field or an objective is not for this engine."""
    network = field.network
    if type(network) is not MLP:
        return f"no kernels for network '{network.config()['name']}'"
    if network.out_dim > _MAX_OUTPUTS:
        return f"its network gives {network.out_dim} values, and kernels at most {_MAX_OUTPUTS}"
    if any(parameter.dtype != torch.float32 for parameter in field.parameters()):
        return "its weights are not float32"
    if objective is None or isinstance(objective, OfJets):
        return None
    known = pointwise(objective)
    if known is None:
        return f"no kernels for objective {type(objective).__name__}"
    return _coverage.untranslatable_loss(known)
