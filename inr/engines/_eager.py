"""Eager torch: runs everything, and is the reference for every other engine."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr.activations import FUNCTIONS
from inr.engines._base import Engine, Plan, engines
from inr.engines._batch import Batch, StepResult, Tensors
from inr.engines._derivative_steps import local_loss, overall_step
from inr.engines._objectives import AnyObjective, Local, OfJets, Overall, PointSet, split_numbers
from inr.field import Field, Jet, Reads, jet
from inr.networks import Network


@engines.register("eager", limits="every layer's numbers of a whole batch go through memory")
class Eager(Engine):
    """Plain PyTorch with automatic differentiation."""

    priority = 0

    def __init__(self, *, device: Annotated[Literal["cpu", "cuda"], "processor or GPU"] = "cpu") -> None:
        self.device = device

    def plan(self, field: Field, objective: AnyObjective | None) -> Plan | str:
        """A plan for any field and objective, or that there is no GPU where one is asked for."""
        if self.device == "cuda" and not torch.cuda.is_available():
            return "torch sees no GPU here; eager without device=cuda works"
        return EagerPlan(field, objective, torch.device(self.device))


class EagerPlan:
    """Evaluates a batch and differentiates it with autograd.

    A loss whose points stand by themselves is computed of its whole batch at once. Jets are computed block by block,
    and so are losses of many points at once, whose number is not the batch's to choose.
    """

    notes: tuple[str, ...] = ()
    block = 16_384  # features of larger ones leave the caches

    def __init__(self, field: Field, objective: AnyObjective | None, device: torch.device) -> None:
        self.device = device
        self._field = field
        self._values, self._heads = _Values(field), _Heads(field)
        self._own = dict(field.named_parameters())
        self._objective = objective
        self.threads = torch.get_num_threads()

    def prepare(self) -> float:
        """Nothing is compiled."""
        return 0.0

    def profile(self) -> dict[str, float]:
        """Automatic differentiation has no phases that could be told apart."""
        return {}

    def roofline(self) -> dict[str, tuple[float, float]]:
        """Not measured."""
        return {}

    @torch.no_grad()
    def forward(self, tensors: Tensors, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates."""
        return self._evaluate(tensors, coords)

    @torch.enable_grad()
    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients by the names of `tensors`."""
        if self._objective is None:
            raise InrError("this plan was made without an objective, to evaluate only")
        with _learning(self._field.network):
            return self._step(self._objective, tensors, batch)

    def _step(self, objective: AnyObjective, tensors: Tensors, batch: Batch) -> StepResult:
        """A step of any loss."""
        if isinstance(objective, OfJets):
            return self._step_of_jets(objective, tensors, batch)
        coords = objective.coords(batch)
        if not self._are_own(tensors):
            tensors = {name: tensor.detach().requires_grad_(True) for name, tensor in tensors.items()}
        missed = [objective.residuals(values, batch) for values in self._call(self._heads, tensors, coords)]
        losses = [objective.loss(residuals, batch) for residuals in missed]
        # every head learns; what a fit tells of its loss is the values' own, which come last
        learned = sum(losses[1:], losses[0])
        grads = torch.autograd.grad(learned, list(tensors.values()), allow_unused=True, materialize_grads=True)
        return StepResult(losses[-1].detach(), dict(zip(tensors, grads, strict=True)), coords, missed[-1].detach())

    def _step_of_jets(self, objective: OfJets, tensors: Tensors, batch: Batch) -> StepResult:
        """A step of a loss of jets: in one pass, or in two where many points at once are more than a block."""
        if isinstance(objective, Overall):
            coords = objective.coords(batch).to(self.device)
            if len(coords) > self.block:
                return overall_step(self, objective, tensors, batch, coords)
        given = {name: tensor.detach().requires_grad_(True) for name, tensor in tensors.items()}
        weights, numbers = split_numbers(given)

        def jet_of(coords: Tensor, reads: Reads) -> Jet:
            return jet(lambda points: self._evaluate(weights, points), coords, reads)

        if isinstance(objective, Local):
            sets = [_on(self.device, each) for each in objective.points(batch)]
            loss, residuals = local_loss(objective.terms, sets, jet_of, FUNCTIONS, numbers)
            coords = torch.cat([each.coords for each in sets])
        else:
            loss = objective.total(jet_of(coords, objective.reads), batch)
            residuals = coords.new_zeros((len(coords), 0))
        grads = torch.autograd.grad(loss, list(given.values()), allow_unused=True, materialize_grads=True)
        loss = loss.detach()
        return StepResult(loss, dict(zip(given, grads, strict=True)), coords, residuals, squared=float(loss))

    def jet(self, tensors: Tensors, coords: Float[Tensor, "n d"], reads: Reads) -> Jet:
        """Values and derivatives at coordinates; see `DerivativePlan.jet`."""
        with torch.no_grad():
            parts = [
                jet(lambda points: self._evaluate(tensors, points), part, reads) for part in coords.split(self.block)
            ]
        return parts[0] if len(parts) == 1 else Jet(*map(torch.cat, zip(*parts, strict=True)))

    @torch.enable_grad()
    def pull(self, tensors: Tensors, coords: Float[Tensor, "n d"], adjoint: Jet, reads: Reads) -> dict[str, Tensor]:
        """Gradients of the weights from those of values and derivatives; see `DerivativePlan.pull`."""
        given = {name: tensor.detach().requires_grad_(True) for name, tensor in tensors.items()}
        total: Sequence[Tensor] = ()
        for part, *theirs in zip(*(tensor.split(self.block) for tensor in (coords, *adjoint)), strict=True):
            found = jet(lambda points: self._evaluate(given, points), part, reads)
            pairs = [(ours, each) for ours, each in zip(found, theirs, strict=True) if ours.requires_grad]
            grads = torch.autograd.grad(
                [ours for ours, _ in pairs], list(given.values()), [each for _, each in pairs], allow_unused=True,
                materialize_grads=True,
            )  # fmt: skip
            total = [before + grad for before, grad in zip(total, grads, strict=True)] if total else grads
        return dict(zip(given, total, strict=True))

    def _evaluate(self, tensors: Tensors, coords: Tensor) -> Tensor:
        return self._call(self._values, tensors, coords)

    def _call(self, function: "_Values", tensors: Tensors, coords: Tensor) -> Any:
        """What the field gives with these weights."""
        if self._are_own(tensors):  # a third of a millisecond cheaper than putting them in
            return function(coords)
        # a field that is rendered stays where it is, while weights and coordinates come to this plan's device
        buffers = {name: buffer.to(self.device) for name, buffer in self._field.named_buffers()}
        given = {f"field.{name}": tensor for name, tensor in (buffers | dict(tensors)).items()}
        return torch.func.functional_call(function, given, (coords,))

    def _are_own(self, tensors: Tensors) -> bool:
        return all(self._own.get(name) is tensor for name, tensor in tensors.items())


def _on(device: torch.device, points: PointSet) -> PointSet:
    """Points that were drawn on the processor, where a plan computes."""
    coords, data, importance = points
    return PointSet(coords.to(device), data.to(device), None if importance is None else importance.to(device))


@contextlib.contextmanager
def _learning(network: Network) -> Iterator[None]:
    """While inside, a network that computes with means over its batch does so."""
    if not network.reads_batch:
        yield
        return
    network.train()
    try:
        yield
    finally:
        network.eval()


class _Values(nn.Module):
    """A field's values as the call of a module, into which weights can be put."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field

    def forward(self, coords: Tensor) -> Any:
        return self.field(coords)


class _Heads(_Values):
    """All that learns the signal, the values themselves last."""

    def forward(self, coords: Tensor) -> Any:
        return self.field.heads(coords)
