"""A field's plan on the engine `tcnn`."""

import threading
import time
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.engines._batch import Batch, RowSparse, StepResult, Tensors
from inr.engines._by_eager import DerivativesByEager
from inr.engines._objectives import AnyObjective, Objective
from inr.engines._tcnn._features import Features
from inr.engines._tcnn._support import TcnnNetwork
from inr.field import Field

_MAX_BLOCK_POINTS, _MAX_BLOCK_FEATURES = 2**18, 2**25  # of a block of points, and of all their features
_WARM_UP_POINTS = 256  # tiny-cuda-nn pads every batch to a multiple of so many
_MAX_GRADIENT_SUM = 2.0**15  # of gradients of values, over a batch: half of what a 16-bit number holds


class TcnnPlan(DerivativesByEager):
    """Runs one field; made by `Tcnn.plan`.

    The weights that a step is given are packed into tiny-cuda-nn's vector, and the vector's gradient comes back by
    their names. Tensors may be on any device: what the network needs is moved to its own, and results are moved back.

    Precision: weights, features, values and sums are 16-bit in ordinary builds of tiny-cuda-nn; the weights the
    optimiser moves, the loss and all that happens in PyTorch are float32. Gradients of values are scaled so that the
    small ones are not rounded to zero and their sums do not overflow, for every step anew, and gradients of weights are
    scaled back in float32. Where numbers overflow all the same, the loss or gradients are returned as they are, not
    finite, for the caller to judge: nothing is skipped here.

    tiny-cuda-nn's networks cannot be differentiated twice: derivatives, and steps of losses of them, are eager's.
    """

    def __init__(
        self,
        field: Field,
        supported: TcnnNetwork,
        module: torch.nn.Module,
        objective: AnyObjective | None,
    ) -> None:
        """`module` is tiny-cuda-nn's network of `supported`; without an objective the plan only evaluates."""
        self._layout = supported.layout
        self._module = module
        device = next(module.parameters()).device
        super().__init__(field, objective, device, (supported.note,) if supported.note else ())
        self._features = Features(field.encoding, device)
        self._objective = objective if isinstance(objective, Objective) else None
        self._busy = threading.Lock()
        self.block = min(_MAX_BLOCK_POINTS, _MAX_BLOCK_FEATURES // self._layout.inputs)
        self.threads = torch.get_num_threads()

    def prepare(self) -> float:
        """Run the network once, forward and back, which compiles what it compiles at run time."""
        start = time.perf_counter()
        self.try_out()
        if self._objective is not None:
            with torch.enable_grad():
                flat = torch.zeros(self._layout.size, device=self.device, requires_grad=True)
                learns = bool(self._features.names)
                features = torch.zeros(_WARM_UP_POINTS, self._layout.inputs, device=self.device, requires_grad=learns)
                torch.autograd.grad(self._network(flat, features).sum(), (flat, features) if learns else (flat,))
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - start

    def profile(self) -> dict[str, float]:
        """tiny-cuda-nn has no phases that could be told apart."""
        return {}

    def roofline(self) -> dict[str, tuple[float, float]]:
        """Not measured."""
        return {}

    @torch.no_grad()
    def try_out(self) -> None:
        """Evaluate the network once. Raises what tiny-cuda-nn raises where the device does not suffice."""
        flat = torch.zeros(self._layout.size, device=self.device)
        self._network(flat, torch.zeros(_WARM_UP_POINTS, self._layout.inputs, device=self.device))

    @torch.no_grad()
    def forward(self, tensors: Tensors, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates, float32, on the coordinates' device."""
        flat = self._layout.pack(tensors).to(self.device)
        blocks = [
            self._network(flat, self._features(tensors, block)).float().to(coords.device)
            for block in coords.split(self.block)
        ]
        return torch.cat(blocks)

    @torch.enable_grad()
    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients by the names of `tensors`, on their devices."""
        if self._takes_over:
            return self._eager.loss_and_grad(tensors, batch)
        if self._objective is None:
            raise InrError("this plan was made without an objective, to evaluate only")
        coords = self._objective.coords(batch)
        flat = self._layout.pack(tensors).to(self.device).requires_grad_(True)
        tables = {name: tensors[name].detach().to(self.device).requires_grad_(True) for name in self._features.names}
        computed = self._network(flat, self._features(tables, coords))
        values = computed.detach().float().to(coords.device).requires_grad_(True)
        residuals = self._objective.residuals(values, batch)
        loss = self._objective.loss(residuals, batch)
        slopes = torch.autograd.grad(loss, values, materialize_grads=True)[0].to(self.device)
        scale = _scale(slopes)
        found = torch.autograd.grad(
            computed, (flat, *tables.values()), (slopes * scale).to(computed.dtype), materialize_grads=True
        )
        grads = self._layout.backward(found[0] / scale)
        grads |= {name: grad / scale for name, grad in zip(tables, found[1:], strict=True)}
        named: dict[str, Tensor | RowSparse] = {name: grads[name].to(tensor.device) for name, tensor in tensors.items()}
        return StepResult(loss.detach(), named, coords, residuals.detach())

    def _network(self, flat: Tensor, features: Tensor) -> Float[Tensor, "n c"]:
        """Values of features with the weights of a vector, in the precision that the library was built with."""
        if not len(features):  # tiny-cuda-nn divides by the number of points
            return flat[:0].view(0, 1).expand(0, self._layout.outputs)
        with self._busy:  # a module holds one vector at a time; the way back keeps its own
            output: Any = torch.func.functional_call(self._module, {"params": flat}, (features,))
        return output


def _scale(slopes: Float[Tensor, "n c"]) -> Float[Tensor, ""]:
    """What to multiply gradients of values by before they are rounded to 16 bits.

    A mean over many points has gradients that such numbers cannot tell from 0. The largest becomes 1, or less where as
    many of them as there are points could add up to more than such a number holds.
    """
    if not slopes.numel():
        return slopes.new_ones(())
    largest = slopes.abs().max().clamp(min=torch.finfo(torch.float32).tiny)
    return min(1.0, _MAX_GRADIENT_SUM / len(slopes)) / largest
