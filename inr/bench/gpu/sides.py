"""Who is compared: this library, plain PyTorch, torch.compile and tiny-cuda-nn, each with a step and an inference.

A step is forward, backward and Adam, in torch's fused kernel on all sides. All get the same batches, as many of them
as do not fit into the card's last cache together.
"""

import contextlib
import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

import inr
from inr.bench import baselines
from inr.bench.gpu.setting import Card, Setting
from inr.engines import Batch, engines
from inr.field import Field
from inr.objectives import Regression

CHANNELS = 3
MAX_CHUNKS = 64
# Adam does not see a factor of the loss, and 16-bit gradients need one: so large is what a mean over the points is not
HALF_SCALE, TCNN_SCALE = 2.0**16, 2.0**13

Pair = tuple[Tensor, Tensor]
Context = Callable[[], AbstractContextManager[object]]


class Batches:
    """Coordinates and targets by chance."""

    def __init__(self, setting: Setting, card: Card) -> None:
        torch.manual_seed(0)
        points = setting.points
        count = max(2, math.ceil(2 * card.l2 / (4 * (2 + CHANNELS) * points))) + 1
        self.pairs = [[torch.rand(points, n, device=card.device) * 2 - 1 for n in (2, CHANNELS)] for _ in range(count)]

    def cycle(self, dtype: torch.dtype = torch.float32) -> Iterator[Pair]:
        """Pairs without end, targets in the type of a side's values."""
        return itertools.cycle([(coords, targets.to(dtype)) for coords, targets in self.pairs])


class Loss(nn.Module):
    """The mean squared error of a model, times a factor; as one module, which is compiled as one."""

    def __init__(self, model: nn.Module, autocast: torch.dtype | None = None, scale: float = 1.0) -> None:
        super().__init__()
        self.model, self.autocast, self.scale = model, autocast, scale

    def forward(self, coords: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch, in the precision asked for."""
        if self.autocast is None:
            return self.error(coords, targets)
        with torch.autocast(coords.device.type, dtype=self.autocast):
            return self.error(coords, targets)

    def error(self, coords: Tensor, targets: Tensor) -> Tensor:
        """The mean squared error, times the factor."""
        return (self.model(coords) - targets).square().mean() * self.scale


class Plain:
    """A model in PyTorch; its batch is taken in as many chunks as memory makes it take."""

    def __init__(
        self,
        loss: Loss,
        batches: Iterator[Pair],
        card: Card,
        *,
        compile: dict[str, Any] | None = None,
        context: Context = contextlib.nullcontext,
    ) -> None:
        self.model = loss.model.to(card.device)
        self.chunks = 1
        self._loss: Callable[[Tensor, Tensor], Tensor] = loss if compile is None else torch.compile(loss, **compile)
        self._batches, self._card, self._context = batches, card, context
        real = all(parameter.is_floating_point() for parameter in self.model.parameters())
        self._adam = torch.optim.Adam(self.model.parameters(), lr=1e-4, fused=real or None)

    def step(self) -> None:
        """Forward, backward, Adam."""
        coords, targets = next(self._batches)
        while not self._gradients(coords, targets):
            self._card.release()
            self.chunks *= 2
        self._adam.step()

    def _gradients(self, coords: Tensor, targets: Tensor) -> bool:
        """Whether memory sufficed."""
        self._adam.zero_grad(set_to_none=True)
        try:
            with self._context():
                for x, y in zip(coords.chunk(self.chunks), targets.chunk(self.chunks), strict=True):
                    loss = self._loss(x, y)
                    (loss if self.chunks == 1 else loss * (len(x) / len(coords))).backward()
        except torch.OutOfMemoryError:
            if self.chunks >= MAX_CHUNKS:
                raise
            return False
        return True

    @torch.no_grad()
    def infer(self) -> None:
        """Values of a batch."""
        coords, _ = next(self._batches)
        with self._context():
            self.model(coords)

    def note(self) -> str:
        """What a reader should know."""
        return f"plain PyTorch in {self.chunks} chunks, for lack of memory" if self.chunks > 1 else ""


class Given(Regression):
    """The squared error on batches that are there already."""

    def __init__(self, signal: inr.Signal) -> None:
        super().__init__(signal)
        self.pair: Pair = (torch.empty(0), torch.empty(0))

    def coords(self, batch: Batch) -> Tensor:
        """Those of the pair, whatever the batch."""
        return self.pair[0]

    def targets(self, batch: Batch) -> Tensor:
        """Those of the pair, whatever the batch."""
        return self.pair[1]


class Ours:
    """A field on the engine `triton`."""

    def __init__(
        self,
        batches: Iterator[Pair],
        card: Card,
        activation: str,
        network: str,
        precision: str = "float16",
        **options: int,
    ) -> None:
        blank = torch.zeros(4, 4, CHANNELS, dtype=torch.uint8).numpy()
        objective = Given(inr.Signal.from_array(blank, kind="image"))
        torch.manual_seed(0)
        self.field = Field.build(objective.signal.domain, encoding="identity", activation=activation, network=network)
        self.field.to(card.device)
        chosen = "".join(f",{name}={value}" for name, value in options.items())
        plan = engines.build(f"triton:precision={precision}{chosen}").plan(self.field, objective)
        if isinstance(plan, str):
            raise RuntimeError(plan)
        self.plan = plan
        self.skipped = 0
        self._objective, self._batches = objective, batches
        self._nobody = Batch(torch.empty(0, dtype=torch.int64, device=card.device))
        self._tensors = dict(self.field.named_parameters())
        self._adam = torch.optim.Adam(self._tensors.values(), lr=1e-4, fused=True)

    def gradients(self) -> Any:
        """Forward and backward."""
        self._objective.pair = next(self._batches)
        return self.plan.loss_and_grad(self._tensors, self._nobody)

    def step(self) -> None:
        """Forward, backward, Adam."""
        result = self.gradients()
        if result.skipped:
            self.skipped += 1
            return
        for name, parameter in self._tensors.items():
            parameter.grad = result.grads[name]
        self._adam.step()

    def infer(self) -> None:
        """Values of a batch."""
        coords, _ = next(self._batches)
        self.plan.forward(self._tensors, coords)

    def errors(self) -> dict[str, float]:
        """How far values and gradients of a batch are from those of the same field in float64, on the same device.

        Returns:
            Root mean square of the difference by that of the reference, of values and of all gradients.
        """
        coords, targets = self._objective.pair = next(self._batches)
        values = self.plan.forward(self._tensors, coords).double()
        grads: dict[str, Any] = {}
        while not grads:  # a step whose 16-bit gradients overflow is made again, with smaller ones
            result = self.plan.loss_and_grad(self._tensors, self._nobody)
            grads = {name: grad.clone().double() for name, grad in result.grads.items()}
        reference = copy.deepcopy(self.field).double()
        exact = reference(coords.double())
        (exact - targets.double()).square().mean().backward()
        known = {name: parameter.grad for name, parameter in reference.named_parameters()}
        return {
            "values": apart([values], [exact.detach()]),
            "gradients": apart([grads[name] for name in known], list(known.values())),
        }

    def note(self) -> str:
        """What a reader should know."""
        return f"{self.skipped} of our steps skipped, for gradients that overflowed" if self.skipped else ""


def apart(found: Sequence[Tensor], known: Sequence[Any]) -> float:
    """Root mean square of the differences of tensors, by that of the known ones."""
    missed = sum(float((one - other).square().sum()) for one, other in zip(found, known, strict=True))
    return math.sqrt(missed / sum(float(other.square().sum()) for other in known))


def siren(width: int, depth: int) -> nn.Module:
    """SIREN of `depth` hidden layers."""
    return baselines.siren(width, depth - 1)[0]


def wire(width: int, depth: int) -> nn.Module:
    """WIRE of `depth` hidden layers of complex units."""
    return baselines.wire(depth - 1, width)[0]


def relu(width: int, depth: int) -> nn.Module:
    """A ReLU network of `depth` hidden layers."""
    layers: list[nn.Module] = [nn.Linear(2, width), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, CHANNELS))


def eager(model: nn.Module, batches: Batches, card: Card) -> Plain:
    """Plain PyTorch as it is by itself: float32 without TF32."""
    return Plain(Loss(model), batches.cycle(), card)


@contextlib.contextmanager
def tf32() -> Iterator[None]:
    """Matrix products of float32 in TF32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def compiled(make: Callable[[], nn.Module], batches: Batches, card: Card, compiler: str) -> dict[str, Plain]:
    """torch.compile in the precisions it has, and with the tuning it has."""
    settings: dict[str, tuple[torch.dtype | None, str | None]] = {
        "TF32": (None, None),
        "float16": (torch.float16, None),
        "bfloat16": (torch.bfloat16, None),
        "float16, max-autotune": (torch.float16, "max-autotune-no-cudagraphs"),
    }
    found = {}
    for label, (autocast, mode) in settings.items():
        options: dict[str, Any] = {"backend": compiler, "dynamic": False}
        if mode is not None and compiler == "inductor":
            options["mode"] = mode
        loss = Loss(make(), autocast, HALF_SCALE if autocast is torch.float16 else 1.0)
        context = tf32 if autocast is None else contextlib.nullcontext
        found[label] = Plain(loss, batches.cycle(), card, compile=options, context=context)
    return found


def tcnn(library: Any, network: dict[str, Any], batches: Batches, card: Card, *, jit: bool) -> Plain:
    """tiny-cuda-nn's network of coordinates, which has no biases."""
    model = library.Network(2, CHANNELS, network)
    model.jit_fusion = jit
    dtype = getattr(model, "dtype", torch.float16)
    return Plain(Loss(model, scale=TCNN_SCALE), batches.cycle(dtype), card)


def tcnn_network(kind: str, activation: str, width: int, depth: int) -> dict[str, Any]:
    """A network in tiny-cuda-nn's words."""
    return {
        "otype": kind, "activation": activation, "output_activation": "None", "n_neurons": width,
        "n_hidden_layers": depth,
    }  # fmt: skip
