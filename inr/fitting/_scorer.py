"""What teachers ask of a field while it is being fitted, answered by the fit's own engine, and counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr.engines import Plan
from inr.field import Field
from inr.fitting._parametrisation import Parametrisation, PlainWeights
from inr.signals import GridSignal, Signal, block_ranges

_TANGENT_POINTS = 8_192
_TANGENT_COST = 3  # of a vector-Jacobian and a Jacobian-vector product, in forward passes


class FieldScorer:
    """Scores samples of a signal by a field as it stands.

    Args:
        plan: evaluates the field fast; tangent products are eager PyTorch.
        parametrisation: whose weights it is evaluated with; None: the field's own parameters.
        continuous: whether targets are the values of the continuous signal at the samples' centres, in the place of the
            samples.

    Attributes:
        scored: as `Scorer.scored`.
    """

    def __init__(
        self,
        field: Field,
        signal: Signal,
        plan: Plan,
        parametrisation: Parametrisation | None = None,
        *,
        continuous: bool = False,
    ) -> None:
        self.scored = 0
        self._field = field
        self._signal = signal
        self._continuous = signal if continuous and isinstance(signal, GridSignal) else None
        self._plan = plan
        self._parametrisation = PlainWeights() if parametrisation is None else parametrisation
        if parametrisation is None:
            self._parametrisation.bind(field, plan)

    @torch.no_grad()
    def residuals(self, indices: Int[Tensor, " n"] | None = None) -> Float[Tensor, "n c"]:
        """Prediction minus target of some samples, or of all in order, in normalised values, on the plan's device."""
        count = self._signal.size if indices is None else len(indices)
        found = torch.empty(count, self._signal.channels, device=self._plan.device)
        weights = self._parametrisation.weights()
        for start, stop, coords, values in self._blocks(indices, self._plan.block):
            torch.sub(self._plan.forward(weights, coords), values, out=found[start:stop])
        self.scored += count
        return found

    def tangent(self, residuals: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """J Jᵀ R of residuals of all samples, by a vector-Jacobian and a Jacobian-vector product of each block."""
        self._parametrisation.write_to(self._field)
        found = _tangent(self._field, residuals, lambda: (block[:3] for block in self._blocks(None, _TANGENT_POINTS)))
        self.scored += _TANGENT_COST * self._signal.size
        return found

    def _blocks(self, indices: Tensor | None, block: int) -> Iterator[tuple[int, int, Tensor, Tensor]]:
        """Where a block begins and ends, its coordinates and values."""
        device = self._plan.device
        if indices is None and device.type == "cpu" and self._continuous is None:
            start = 0
            for coords, values in self._signal.blocks(block):
                yield start, start + len(coords), coords, values
                start += len(coords)
            return
        count = self._signal.size if indices is None else len(indices)
        for start, stop in block_ranges(count, block):
            part = torch.arange(start, stop, device=device) if indices is None else indices[start:stop]
            yield start, stop, self._signal.coords(part), self._targets(part)

    def _targets(self, indices: Tensor) -> Tensor:
        """What the field should be at the centres of samples."""
        if self._continuous is None:
            return self._signal.values(indices)
        return self._continuous.interpolated(indices, torch.zeros(len(indices), self._signal.in_dim).to(indices.device))


def tangent_product(field: Field, coords: Float[Tensor, "n d"], vectors: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    """J Jᵀ V of a field at some points, J being the derivatives of its values in all weights; J is never formed.

    Args:
        field: whose parameters count.
        coords: (n, D), of the field's dtype.
        vectors: V, a number for every value.

    Returns:
        The product, detached.
    """
    ranges = block_ranges(len(coords), _TANGENT_POINTS)
    return _tangent(field, vectors, lambda: ((start, stop, coords[start:stop]) for start, stop in ranges))


def _tangent(field: Field, vectors: Tensor, blocks: Callable[[], Iterable[tuple[int, int, Tensor]]]) -> Tensor:
    """J Jᵀ V, block by block, of which each has its beginning, its end and its coordinates."""
    parameters = [parameter for parameter in field.parameters() if parameter.requires_grad]
    total = [torch.zeros_like(parameter) for parameter in parameters]
    for start, stop, coords in blocks():
        with torch.enable_grad():
            values = field(coords)
            pulled = torch.autograd.grad(values, parameters, vectors[start:stop], materialize_grads=True)
        for gradient, part in zip(total, pulled, strict=True):
            gradient += part
    found = torch.empty_like(vectors)
    for start, stop, coords in blocks():
        found[start:stop] = _pushed(field, parameters, total, coords)
    return found.detach()


def _pushed(field: Field, parameters: Sequence[Tensor], tangents: Sequence[Tensor], coords: Tensor) -> Tensor:
    """The derivative of values along a direction of the parameters: of its transpose, which any operator has."""
    with torch.enable_grad():
        values = field(coords)
        given = torch.zeros_like(values, requires_grad=True)
        pulled = torch.autograd.grad(values, parameters, given, create_graph=True, materialize_grads=True)
        return torch.autograd.grad(pulled, given, tangents, materialize_grads=True)[0]
