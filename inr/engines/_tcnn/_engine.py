"""The engine `tcnn`."""

from typing import Annotated, Any

from inr.activations import ReLU
from inr.engines._base import Engine, Plan, engines
from inr.engines._objectives import AnyObjective, Objective, OfJets
from inr.engines._tcnn import _library
from inr.engines._tcnn._plan import TcnnPlan
from inr.engines._tcnn._support import Kind, tcnn_network
from inr.field import Field

_SEED = 0  # of weights that are replaced before they are used


def _of_values(objective: AnyObjective) -> bool:
    return isinstance(objective, Objective) and not objective.derivative_order


@engines.register(
    "tcnn",
    source="Müller, tiny-cuda-nn, https://github.com/NVlabs/tiny-cuda-nn",
    limits="needs an NVIDIA GPU and tinycudann; relu and sine networks without biases, in 16-bit numbers",
)
class Tcnn(Engine):
    """tiny-cuda-nn's networks, on an NVIDIA GPU: relu and sine without biases, in 16-bit numbers.

    Coordinates and features are rounded to 16 bits before the first layer, and phases are 16-bit: fits of sine
    networks stop improving at some 50 dB. Encodings run in PyTorch, on the GPU.
    """

    priority = 20

    def __init__(
        self,
        *,
        network: Annotated[
            Kind, "its network; auto: FullyFusedMLP for relu of width up to 128, else CutlassMLP"
        ] = "auto",
        jit: Annotated[bool, "kernels compiled at run time, for relu: faster, but sums in no fixed order"] = True,
    ) -> None:
        self.network = network
        self.jit = jit

    @staticmethod
    def unavailable() -> str | None:
        """Why tinycudann cannot be used, and how to get it."""
        library = _library.find()
        return library if isinstance(library, str) else None

    def facts(self) -> dict[str, Any]:
        """Version, place, device, and whether it compiles at run time."""
        library = _library.find()
        return {} if isinstance(library, str) else _library.facts(library)

    def covers(self, field: Field) -> tuple[str, ...] | str:
        """What PyTorch computes, or why tiny-cuda-nn has no such network."""
        supported = tcnn_network(field, self.network)
        if isinstance(supported, str):
            return supported
        return (supported.note,) if supported.note else ()

    def plan(self, field: Field, objective: AnyObjective | None) -> Plan | str:
        """A plan, or why there is none."""
        if not (objective is None or isinstance(objective, OfJets) or _of_values(objective)):
            kind = type(objective).__name__
            return f"tiny-cuda-nn's networks cannot be differentiated twice, which learning {kind} takes; eager works"
        supported = tcnn_network(field, self.network)
        if isinstance(supported, str):
            return supported
        library = _library.find()
        if isinstance(library, str):
            return library
        try:
            module = library.Network(supported.layout.inputs, supported.layout.outputs, supported.config, seed=_SEED)
            # The plan scales gradients itself; the module's own factor would be divided out again in 16 bits
            module.loss_scale = 1.0
            module.jit_fusion = False
            plan = TcnnPlan(field, supported, module, objective)
            plan.try_out()
            # Compiled kernels take an activation's slope at its value, not at its argument: the same for relu only
            module.jit_fusion = self.jit and type(field.network.activation) is ReLU and _library.supports_jit(library)
        except Exception as error:  # of a library in C++: a card that is too old, too little memory, no networks built
            return f"tiny-cuda-nn refuses it: {_library.one_line(error)}"
        return plan
