"""Values and derivatives of a field on the engine `cpu`, and steps of losses that read them."""

import functools
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._errors import InrError
from inr.activations import FUNCTIONS, Activation
from inr.engines._batch import Tensors
from inr.engines._cpu._encoders import Encoder, JetEncoder, array
from inr.engines._cpu._last_steps import term_stage
from inr.engines._cpu._layout import Layout
from inr.engines._cpu._network import ACTIVATIONS, FORWARD, PRODUCTS
from inr.engines._cpu._planes import planes_of
from inr.engines._cpu._ways import Way, in_reverse
from inr.engines._cpu._weights import Weights
from inr.engines._derivative_steps import local_loss
from inr.engines._formulas import Untranslatable
from inr.engines._objectives import NUMBERS, PointSet, Term, split_numbers
from inr.field import Jet, Reads
from inr.jit import Call, Clock, Stage, run, split_phase

_NONE = np.zeros(0, np.float32)


class Derivatives:
    """A field's derivatives by kernels: made when first needed, for as many sets of derivatives as are read.

    Args:
        encoder, activation, layout, constants: the field, as kernels see it.
        channels, in_dim: of its values and coordinates.
        threads: workers.
        tile: points that walk together; None: what the second cache holds.
        cache: bytes of that.
        bfloat16: whether products that only gradients come of are of bfloat16 numbers.

    Attributes:
        busy: held by whoever runs kernels of the field, whose encoder and buffers all calls share.
    """

    def __init__(
        self, encoder: Encoder, activation: Activation, layout: Layout, constants: np.ndarray, channels: int,
        in_dim: int, *, threads: int, tile: int | None, cache: int, bfloat16: bool,
    ) -> None:  # fmt: skip
        self._encoder, self._activation, self._layout, self._constants = encoder, activation, layout, constants
        self._channels, self._in_dim, self._threads, self._tile, self._cache = channels, in_dim, threads, tile, cache
        self._bfloat16 = bfloat16
        self._ways: dict[Reads, Way] = {}
        self._lacks: dict[Reads, str] = {}
        self._terms: dict[tuple[Term, bool], Call | None] = {}
        self.busy = threading.Lock()
        self._clock = Clock()

    @functools.cached_property
    def _weights(self) -> Weights:
        # of the layers after the first, tangents take the matrices of the way forward too
        start16 = int(self._layout.table[min(1, len(self._layout.table) - 1), FORWARD])
        return Weights(self._layout, self._threads, learning=True, start16=start16 if self._bfloat16 else None)

    def lacks(self, reads: Reads) -> str:
        """Why there are no kernels for derivatives, in words; "" where there are."""
        if reads not in self._lacks:
            self._lacks[reads] = self._missing(reads)
        return self._lacks[reads]

    def _missing(self, reads: Reads) -> str:
        encoder, name = self._encoder, self._activation.config()["name"]
        if reads.order and not isinstance(encoder, JetEncoder):
            return encoder.note or "no kernels for derivatives of its encoding"
        if isinstance(encoder, JetEncoder) and (reason := encoder.lacks(planes_of(reads))):
            return reason
        if reads.order == 2 and self._activation.smoothness < 2:
            return f"no kernels for second derivatives of activation '{name}', which jump"
        try:
            self._way(reads)
        except Untranslatable as error:
            return f"activation '{name}': {error}"
        return ""

    def _way(self, reads: Reads) -> Way:
        if reads not in self._ways:
            assert isinstance(self._encoder, JetEncoder)
            self._ways[reads] = Way(
                reads, self._activation, self._encoder, self._layout, self._constants, self._weights, self._channels,
                threads=self._threads, tile=self._tile, cache=self._cache, bfloat16=self._bfloat16,
            )  # fmt: skip
        return self._ways[reads]

    def stages(self, reads: Sequence[Reads], terms: Sequence[Term]) -> list[Stage]:
        """All that steps of terms, or of jets, run."""
        found = self._weights.stages
        for each in reads:
            found += [*self._way(each).stages, *self._way(each).exchanges]
        for term in terms:
            last_step = self._last_step(term)
            found += self._way(term.reads).stages
            found += self._way(term.reads).exchanges if last_step is None else [last_step.stage]
        return found

    def untranslated(self, terms: Sequence[Term]) -> list[str]:
        """The names of terms whose formula there is no code for."""
        return [term.name for term in terms if self._last_step(term) is None]

    def profile(self) -> dict[str, float]:
        """Seconds by phase since derivatives were first computed."""
        clocks = sum((way.clocks.sum(0) for way in self._ways.values()), np.zeros(8, np.int64))
        parts = {"products": int(clocks[PRODUCTS]), "activations": int(clocks[ACTIVATIONS])}
        return split_phase(self._clock.seconds(), "network", parts)

    @torch.no_grad()
    def jet(self, tensors: Tensors, coords: Float[Tensor, "n d"], reads: Reads) -> Jet:
        """Values and derivatives; see `inr.engines.DerivativePlan.jet`."""
        places = self._places(coords)
        with self.busy:
            self._start(tensors, learning=False)
            return self._read(places, reads)

    @torch.no_grad()
    def pull(self, tensors: Tensors, coords: Float[Tensor, "n d"], adjoint: Jet, reads: Reads) -> dict[str, Any]:
        """Gradients of the weights; see `inr.engines.DerivativePlan.pull`."""
        places = self._places(coords)
        with self.busy:
            grads = self._start(tensors, learning=True)
            self._give(places, adjoint, reads)
            return self._finish(grads)

    @torch.no_grad()
    def step(
        self, terms: Sequence[Term], sets: Sequence[PointSet], tensors: Tensors
    ) -> tuple[float, dict[str, Any], Float[Tensor, "n d"], Float[Tensor, "n 1"]]:
        """A step of a loss by terms.

        Returns:
            The loss, the gradients by the names of `tensors`, the coordinates of all points, and their losses.
        """
        _, numbers = split_numbers(tensors)
        pairs = [(term, points) for term, points in zip(terms, sets, strict=True) if len(points.coords)]
        if not pairs:
            raise InrError("a batch needs at least one sample")
        places = [self._places(points.coords) for _, points in pairs]
        costs = np.empty(sum(map(len, places)), np.float32)
        first, loss = 0, 0.0
        slopes = {name: torch.zeros_like(tensor) for name, tensor in numbers.items()}
        with self.busy:
            grads = self._start(tensors, learning=True)
            for (term, points), coords in zip(pairs, places, strict=True):
                here = costs[first : first + len(coords)]
                first += len(coords)
                last_step = self._last_step(term)
                if last_step is None:
                    loss += self._two_passes(term, points, coords, numbers, slopes, here)
                else:
                    self._term(term, last_step, points, coords, numbers, slopes, here)
            grads |= self._finish({})
            loss += float(self._weights.losses[:, 0].sum())
        grads |= {f"{NUMBERS}{name}": slope for name, slope in slopes.items()}
        every = places[0] if len(places) == 1 else np.concatenate(places)
        return loss, grads, torch.from_numpy(every), torch.from_numpy(costs)[:, None]

    def _term(
        self, term: Term, last_step: Call, points: PointSet, coords: np.ndarray, numbers: Mapping[str, Tensor],
        slopes: Mapping[str, Tensor], costs: np.ndarray,
    ) -> None:  # fmt: skip
        """The points of a term, whose losses are left in `costs`, and gradients of numbers added to `slopes`."""
        sums = np.zeros((self._threads, max(len(term.numbers), 8)), np.float64)
        read = np.array([float(numbers[name]) for name in term.numbers], np.float32)
        last_step.set(
            coords=coords, data=array(points.data), numbers=read, number_sums=sums, losses=self._weights.losses,
            costs=costs, scale=term.weight / len(coords),
            importance=_NONE if points.importance is None else array(points.importance),
        )  # fmt: skip
        self._run(coords, self._way(term.reads), last_step, learning=True)
        for index, name in enumerate(term.numbers):
            slopes[name].add_(float(sums[:, index].sum()))

    def _two_passes(
        self, term: Term, points: PointSet, coords: np.ndarray, numbers: Mapping[str, Tensor],
        slopes: Mapping[str, Tensor], costs: np.ndarray,
    ) -> float:  # fmt: skip
        """As `_term`, of a formula that only PyTorch can compute, from a jet; gives the term's part of the loss."""
        found = Jet(*(tensor.requires_grad_(True) for tensor in self._read(coords, term.reads)))
        leaves = {name: numbers[name].detach().requires_grad_(True) for name in term.numbers}
        with torch.enable_grad():
            loss, each = local_loss([term], [points], lambda coords, reads: found, FUNCTIONS, leaves)
        asked = [*found, *leaves.values()]
        given = torch.autograd.grad(loss, asked, allow_unused=True, materialize_grads=True)
        self._give(coords, Jet(*given[:3]), term.reads)
        for name, slope in zip(leaves, given[3:], strict=True):
            slopes[name].add_(slope)
        costs[:] = each[:, 0].numpy()
        return float(loss)

    def _last_step(self, term: Term) -> Call | None:
        """The last step of a term; None where its formula has no code."""
        key = term, in_reverse(term.reads, self._channels)
        if key not in self._terms:
            try:
                self._terms[key] = Call(term_stage(term, self._in_dim, self._channels, key[1]))
            except Untranslatable:
                self._terms[key] = None
        return self._terms[key]

    def _start(self, tensors: Tensors, learning: bool) -> dict[str, Any]:
        """Take the weights of a step; the buffers of their gradients."""
        program = [*self._weights.take(tensors, learning), *self._encoder.start(tensors, learning)]
        run(program, self._threads)
        self._clock.add(program)
        return dict(self._weights.gradients(tensors)) if learning else {}

    def _finish(self, grads: dict[str, Any]) -> dict[str, Any]:
        run([self._weights.collect], self._threads)
        self._clock.add([self._weights.collect])
        return grads | self._encoder.finish()

    def _read(self, coords: np.ndarray, reads: Reads) -> Jet:
        count, channels = len(coords), self._channels
        values, first, second = (
            np.empty((count, channels * each), np.float32) for each in (1, len(reads.first), len(reads.second))
        )
        way = self._way(reads)
        self._run(coords, way, way.reading(values, first, second), learning=False)
        return Jet(
            torch.from_numpy(values),
            torch.from_numpy(first).view(count, channels, len(reads.first)),
            torch.from_numpy(second).view(count, channels, len(reads.second)),
        )

    def _give(self, coords: np.ndarray, adjoint: Jet, reads: Reads) -> None:
        count, way = len(coords), self._way(reads)
        sizes = (1, len(reads.first), len(reads.second))
        given = [array(each).reshape(count, self._channels * size) for each, size in zip(adjoint, sizes, strict=True)]
        self._run(coords, way, way.giving(*given), learning=True)

    def _run(self, coords: np.ndarray, way: Way, last_step: Call, learning: bool) -> None:
        for at in range(0, len(coords), way.block):
            program = way.program(coords, at, last_step, learning)
            run(program, self._threads)
            self._clock.add(program)

    def _places(self, coords: Tensor) -> np.ndarray:
        if coords.ndim != 2 or coords.shape[1] != self._in_dim:
            raise InrError(f"coordinates must have shape (n, {self._in_dim}), got {tuple(coords.shape)}")
        return array(coords)
