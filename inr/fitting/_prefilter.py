"""Fields that learn their own blurs, so that a filter in front of them filters what comes out."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr._parts import Range
from inr.encodings import Filter
from inr.engines import AnyObjective, Batch, Plan, StepResult
from inr.field import READER, Field, check_filterable, response
from inr.fitting._adjustments import AdjustedPlan, Adjustment, adjustments, generator_of, pulled, subset
from inr.signals import GridSignal, Signal

_BOX_WIDTH = math.sqrt(12)  # of variance 1


@adjustments.register(
    "prefilter",
    source="Yaldiz, Mehta, Raghavan, Meuleman, Li and Ramamoorthi, Spectral Prefiltering of Neural Fields, 2025",
    formula="f(a∘γ(x)) − y(x + ε), ε ~ N(0, σ²), a = exp(−2π²(bσ)²), σ log-uniform up to `sigma`, for a share of the "
    "samples; f(γ(x)) − y(x) for the others",
    limits="encoding fourier read by network mlp, signals on grids, the squared error and the teacher uniform; sharp "
    "detail is learned from a part of the samples only",
)
class Prefilter(Adjustment):
    """Learns the blurred signal at scaled Fourier features, so that any blur or coarser level is one evaluation.

    A share of a step's samples is learned at features that are scaled by the response of a Gaussian, from values a
    normal step away: one such value is the blurred signal in the mean. The boxes that levels of a pyramid are averaged
    by are not seen so; with kernel=both every second filter is one, of the same variance. The authors draw a filter
    for every sample; here `scales` parts of a batch have one each, which the fused engines run as they are. Beyond its
    edges the signal is mirrored.
    """

    def __init__(
        self,
        *,
        sigma: Annotated[float, Range(0, 1e4, above=True), "largest standard deviation, in samples"] = 16.0,
        least: Annotated[float, Range(0, 1e4, above=True), "smallest one, in samples"] = 0.25,
        scales: Annotated[int, Range(1, 64), "filters a step"] = 4,
        kernel: Annotated[Literal["gaussian", "box", "both"], "filters that are learned from"] = "gaussian",
        share: Annotated[float, Range(0, 0.95, above=True), "of the samples that are learned blurred"] = 0.5,
    ) -> None:
        if least > sigma:
            raise InrError(f"adjustment 'prefilter': least={least:g} is above sigma={sigma:g}")
        self.sigma, self.least, self.scales, self.kernel, self.share = sigma, least, scales, kernel, share

    def check(self, field: Field, signal: Signal, objective: AnyObjective) -> None:
        """See `Adjustment.check`."""
        super().check(field, signal, objective)
        check_filterable(field.encoding, field.network)
        if not isinstance(signal, GridSignal):
            raise InrError("adjustment 'prefilter' blurs signals on grids, and scattered samples have none")

    def plan(self, field: Field, signal: Signal, objective: Any, plan: Plan, seed: int) -> AdjustedPlan:
        """See `Adjustment.plan`."""
        assert isinstance(signal, GridSignal)
        return _PrefilterPlan(self, field, signal, objective, plan, seed)

    def kernels(self) -> list[Filter]:
        """Of what shape each filter of a step is."""
        shapes: list[Filter] = ["box", "gaussian"] if self.kernel == "both" else [self.kernel]
        return [shapes[place % len(shapes)] for place in range(self.scales)]

    def draw(self, seed: int, step: int) -> Float[Tensor, " scales"]:
        """The standard deviations of a step's filters, in samples."""
        drawn = torch.rand(self.scales, generator=generator_of(seed, step))
        return self.least * torch.exp(drawn * math.log(self.sigma / self.least))


class _PrefilterPlan(AdjustedPlan):
    """One part of a batch as it is, and one for every filter."""

    def __init__(
        self, settings: Prefilter, field: Field, signal: GridSignal, objective: Any, plan: Plan, seed: int
    ) -> None:
        super().__init__(plan)
        self._settings, self._field, self._signal, self._objective, self._seed = (
            settings, field, signal, objective, seed,
        )  # fmt: skip
        assert signal.domain.shape is not None
        self._sizes = signal.domain.shape[::-1]

    def loss_and_grad(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """See `AdjustedPlan.loss_and_grad`; loss and squared error are those of the part that is not blurred."""
        count = len(batch.indices)
        plain = max(round(count * (1 - self._settings.share)), 1)
        mixed = torch.randperm(count, generator=generator_of(self._seed, self.step)).to(batch.indices.device)
        first = self.inner.loss_and_grad(tensors, subset(batch, mixed[:plain]))
        if first.skipped or plain == count:
            return first
        total, coords, residuals = pulled(first.grads, plain / count), [first.coords.clone()], [first.residuals.clone()]
        loss = first.loss.clone()
        sigmas = self._settings.draw(self._seed, self.step).tolist()
        edges = torch.linspace(plain, count, len(sigmas) + 1).round().int().tolist()
        parts = zip(sigmas, self._settings.kernels(), edges[:-1], edges[1:], strict=True)
        for sigma, kernel, start, stop in parts:
            if start == stop:
                continue
            width = sigma * _BOX_WIDTH if kernel == "box" else sigma
            factors = response(self._field.encoding, [width / size for size in self._sizes], kernel)
            part = subset(batch, mixed[start:stop])
            moved = self._elsewhere(part, width, kernel, start)
            part = subset(part, slice(None), self._objective.targets(part) - moved)
            result = self.inner.loss_and_grad({**tensors, READER: tensors[READER].detach() * factors}, part)
            if result.skipped:
                return result
            for name, grad in pulled(result.grads, (stop - start) / count).items():
                total[name] += grad * factors if name == READER else grad
            coords.append(result.coords.clone())
            residuals.append(result.residuals.clone())
        return StepResult(loss, dict(total), torch.cat(coords), torch.cat(residuals), False, first.squared)

    def _elsewhere(self, batch: Batch, width: float, kernel: Filter, start: int) -> Float[Tensor, "n c"]:
        """The signal's values a step from the batch's places, drawn from the filter, mirrored at the edges."""
        device = batch.indices.device
        drawn = generator_of(self._seed ^ 0x9E3779B9, self.step * 65_537 + start)
        count = len(batch.indices), len(self._sizes)
        steps = torch.rand(count, generator=drawn) - 0.5 if kernel == "box" else torch.randn(count, generator=drawn)
        steps = steps.to(device) * width
        if batch.shifts is not None:
            steps += batch.shifts
        cells = self._signal.cells_of(batch.indices)
        found, stride = torch.zeros_like(cells), 1
        for axis, size in enumerate(self._sizes):
            place = (cells // stride % size + 0.5 + steps[:, axis].double()) % (2 * size)
            place = torch.where(place > size, 2 * size - place, place)
            cell = place.floor().clamp(max=size - 1)
            steps[:, axis] = (place - cell - 0.5).float()
            found += cell.long() * stride
            stride *= size
        return self._signal.interpolant(found, steps)
