"""A field's plan on the engine `triton`."""

import time
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.engines._batch import Batch, RowSparse, StepResult, Tensors
from inr.engines._by_eager import DerivativesByEager
from inr.engines._checks import importance_of, pointwise
from inr.engines._objectives import AnyObjective
from inr.engines._triton._encoders import encoder
from inr.engines._triton._losses import loss_of
from inr.engines._triton._network import Runner
from inr.engines._triton._precision import Precision
from inr.engines._triton._scale import GradientScale
from inr.field import Field
from inr.networks import MLP

_RENDER_POINTS = 2**20


class TritonPlan(DerivativesByEager):
    """Runs one field; made by `TritonEngine.plan`.

    Its kernels have values: derivatives, and steps of losses of them, are eager's.

    Args:
        precision: operands of products.
        deterministic: whether gradients of grids are the same bits every time.
        memory: bytes for what learning keeps of the layers; more points than that are done in chunks.
        device: where kernels run.
    """

    threads = 1
    block = _RENDER_POINTS

    def __init__(
        self,
        field: Field,
        objective: AnyObjective | None,
        *,
        precision: Precision,
        deterministic: bool,
        memory: int,
        device: torch.device,
    ) -> None:
        network = field.network
        assert isinstance(network, MLP)
        self._encoder = encoder(field.encoding, device, deterministic=deterministic)
        super().__init__(field, objective, device, (self._encoder.note,) if self._encoder.note else ())
        self._in_dim, self._channels = field.domain.in_dim, field.domain.channels
        self._objective = pointwise(objective)
        self._runner = Runner(network, self._encoder.waves, precision, device, memory)
        shape = self._runner.shape
        self._loss = None if self._objective is None else loss_of(self._objective, shape.values, shape.outs, device)
        self._scale = GradientScale(adaptive=precision == "float16")

    def prepare(self) -> float:
        """Compile the kernels, or load them from Triton's cache on disk; the seconds it took."""
        start = time.perf_counter()
        self._encoder.prepare(torch.zeros(1, self._in_dim, device=self.device))
        self._runner.prepare(learning=self._objective is not None, of_features=self._encoder.learns, loss=self._loss)
        return time.perf_counter() - start

    def profile(self) -> dict[str, float]:
        """Not measured."""
        return {}

    def roofline(self) -> dict[str, tuple[float, float]]:
        """Not measured."""
        return {}

    @torch.no_grad()
    def forward(self, tensors: Tensors, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates, without gradients."""
        if coords.ndim != 2 or coords.shape[1] != self._in_dim:
            raise InrError(f"coordinates must have shape (n, {self._in_dim}), got {tuple(coords.shape)}")
        self._runner.weights.load(tensors)
        return self._runner.values(self._encoder.features(tensors, coords.float().contiguous()))

    @torch.no_grad()
    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients by the names of `tensors`."""
        if self._takes_over:
            return self._eager.loss_and_grad(tensors, batch)
        if self._objective is None:
            raise InrError("this plan was made without an objective, to evaluate only")
        coords, aims = self._objective.coords(batch).contiguous(), batch
        if self._loss is not None:  # the offsets of a squared error are part of its targets
            aims = replace(batch, offsets=None)
        targets = self._objective.targets(aims)
        importance = importance_of(batch, self._channels)
        self._runner.weights.load(tensors)
        features = self._encoder.features(tensors, coords)
        numbers = max(targets.numel(), 1)
        learned = self._runner.learn(
            features, targets, importance, task="fit", loss=self._loss,
            added=batch.offsets if self._loss is not None else None, scale=self._scale.value,
            factor=1 / (numbers * self._scale.value), of_features=self._encoder.learns,
        )  # fmt: skip
        grads: dict[str, Tensor | RowSparse] = {name: learned.gradient(name) for name in self._runner.weights.names}
        if self._encoder.learns:
            grads |= self._encoder.backward(coords, learned.feature_gradients)
        # one transfer for both, which is what a step has to wait for: after all that there is to compute
        loss, finite = torch.stack((learned.losses.sum() / numbers, learned.finite())).cpu()
        if bool(loss.isfinite()) and not self._scale.accepts(bool(finite)):
            return StepResult(loss, {}, coords, learned.residuals, skipped=True)
        return StepResult(loss, {name: grads[name] for name in tensors}, coords, learned.residuals)
