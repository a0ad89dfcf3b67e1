"""Many small fields on the GPU: their numbers as the kernels of whole fits read them, and what launches those."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from inr.engines._formulas import constant_row
from inr.engines._program import Course
from inr.engines._triton import _library, _whole_fits
from inr.engines._triton._activations import functions
from inr.engines._triton._coverage import padded_side
from inr.engines._triton._network import Shape, places_of, shape_of
from inr.field import Field
from inr.networks import MLP
from inr.signals import Signal

_LEAST_POINTS, _ROWS_OF_A_WARP = 32, 16  # of a tile; of a product on tensor cores, which warps share by rows


class ManyFields:
    """Fields of one architecture that are fitted side by side, a program of the kernel for each.

    What comes of a field depends neither on the others nor on how many steps a launch has.

    Args:
        field: one of the architecture that all have; `inr.engines.unsuited` has nothing against it.
        signals: that they represent, of any sizes; all of a signal's samples are on the device at once.
        seeds: of the batches, from 0 to 2^32 - 1, one each.
        starts: float32 (n, p), the states to begin with, in the order of `Field.state_dict`; (1, p) for all alike.
        course: of all fits.

    Attributes:
        reasons: int32 (n,), how each ended: 0 "steps", 1 "target", 2 "diverged", or -1 where it has not.
    """

    def __init__(
        self,
        field: Field,
        signals: Sequence[Signal],
        seeds: Sequence[int],
        starts: Float32[np.ndarray, "_ p"],
        course: Course,
    ) -> None:
        network = field.network
        assert isinstance(network, MLP)
        self._device, self._course = _library.device(), course
        self._shape = padded_shape(network)
        self._columns, self._index = _state_places(field, self._shape)
        self._starts = np.broadcast_to(starts, (len(signals), starts.shape[1]))
        self._bias = network.layers[0].bias is not None
        self._learn = functions(network.activation, 1).learn
        rows = [constant_row(network.activation, network.position(layer)) for layer in range(network.depth)]
        self._constants = self._on_device(np.array(rows, np.float32).reshape(network.depth, -1))
        self._places, self._features, self._targets = self._samples(field, signals)
        count = len(signals)
        self._seeds = self._on_device(np.array(seeds, np.int64))
        self._weights = torch.zeros(count, numbers_of(self._shape), device=self._device)
        self._weights[:, self._index] = self._on_device(starts[:, self._columns])
        self._means, self._squares = torch.zeros_like(self._weights), torch.zeros_like(self._weights)
        self._kept = self._weights.clone()
        self._course_so_far = self._on_device(np.tile([np.nan, np.inf], (count, 1)))
        self._taken = torch.zeros(count, dtype=torch.int32, device=self._device)
        self._reasons = torch.full_like(self._taken, _whole_fits.UNFINISHED)
        self._factors = self._on_device(course.numbers[:, 0].astype(np.float32))
        self._target = self._on_device(np.array([-1.0 if course.target is None else 4 / 10 ** (course.target / 10)]))
        self._until = 0
        self.reasons = self._reasons.cpu().numpy()

    @property
    def done(self) -> int:
        """Fields that have ended."""
        return int((self.reasons != _whole_fits.UNFINISHED).sum())

    def advance(self, steps: int) -> None:
        """Take at most so many steps more with every field that has not ended, in one launch."""
        chosen = np.flatnonzero(self.reasons == _whole_fits.UNFINISHED).astype(np.int32)
        self._until += steps
        course = self._course
        with torch.cuda.device_of(self._weights):
            _whole_fits.fit[(len(chosen),)](
                self._on_device(chosen), self._places, self._seeds, self._features, self._targets, self._weights,
                self._means, self._squares, self._kept, self._course_so_far, self._taken, self._reasons, self._factors,
                self._constants, self._target, self._until, len(course.numbers), course.batch, course.best_every,
                course.check_every, BIAS=self._bias, **self._compiled_for(),
            )  # fmt: skip
        self.reasons = self._reasons.cpu().numpy()

    def results(self) -> tuple[Float32[np.ndarray, "n p"], Float64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """What fields came to.

        Returns:
            Their states, a row each, in the order of `Field.state_dict`, which of fits that diverged, or ended clearly
            worse than they were, are the best before; the mean squared errors of these over the whole signals, of
            normalised values, clipped; and the steps that were taken.
        """
        running, best = self._course_so_far.T
        worse = running > self._course.tolerated_rise * best
        worse |= ~self._weights.isfinite().all(1)
        fallen = (self._reasons == _whole_fits.DIVERGED) | ((self._reasons == _whole_fits.STEPS) & worse)
        final = torch.where(fallen[:, None], self._kept, self._weights)
        errors = torch.empty(len(final), dtype=torch.float64, device=self._device)
        with torch.cuda.device_of(final):
            _whole_fits.measure[(len(final),)](
                self._places, self._features, self._targets, final, errors, self._constants, **self._compiled_for()
            )
        states = self._starts.copy()
        states[:, self._columns] = final[:, self._index].cpu().numpy()
        return states, errors.cpu().numpy(), self._taken.cpu().numpy().astype(np.int64)

    def _compiled_for(self) -> dict[str, object]:
        s = self._shape
        points = max(s.width, _LEAST_POINTS)  # as many rows as matrices have, so that no two warps compute the same
        return {
            "LEARN": self._learn, "CONSTANTS": self._constants.shape[1], "DIM": s.dim, "VALUES": s.values,
            "DEPTH": s.depth, "WIDTH": s.width, "UNITS": s.real_width, "FEATURES": s.features, "OUTS": s.outs,
            "NUMBERS": self._weights.shape[1], "BLOCK": points,
            "num_warps": points // _ROWS_OF_A_WARP,
            "num_stages": 1, "enable_fp_fusion": True,
        }  # fmt: skip

    def _samples(self, field: Field, signals: Sequence[Signal]) -> tuple[Tensor, Tensor, Tensor]:
        """Where the rows of every signal begin, and how many it has; features, which signals share where they can."""
        places, features, targets = [], list[Tensor](), list[Tensor]()
        known: dict[bytes, int] = {}
        begin = at = 0
        for signal in signals:
            coords, values = next(signal.blocks(signal.size))
            key = coords.numpy().tobytes()
            if key not in known:
                known[key] = begin
                with torch.no_grad():
                    features.append(field.encoding(coords))
                begin += len(coords)
            places.append((known[key], at, signal.size))
            targets.append(values)
            at += signal.size
        return (
            self._on_device(np.array(places, np.int64)),
            torch.cat(features).contiguous().to(self._device),
            torch.cat(targets).contiguous().to(self._device),
        )

    def _on_device(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self._device)


def padded_shape(network: MLP) -> Shape:
    """The sizes of a network of real values as the kernels of whole fits have them: powers of two."""
    shape = shape_of(network, torch.float32.itemsize)
    return replace(shape, features=padded_side(network.in_dim))


def numbers_of(s: Shape) -> int:
    """Numbers that a field has in padded arrays: its matrices, then its biases."""
    return s.width * s.features + (s.depth - 1) * s.width**2 + s.outs * s.width + s.depth * s.width + s.outs


def _state_places(field: Field, s: Shape) -> tuple[Int64[np.ndarray, " w"], Int64[Tensor, " w"]]:
    """Where the numbers of the network's parameters stand: in a field's state, and in its row of padded numbers."""
    sizes = [s.width * s.features, (s.depth - 1) * s.width**2, s.outs * s.width, s.depth * s.width, s.outs]
    first, matrices, last, biases, last_bias = torch.arange(sum(sizes)).split(sizes)
    padded = places_of(
        s, first.view(s.width, s.features), matrices.view(s.depth - 1, 1, s.width, s.width),
        last.view(1, s.outs, s.width), biases.view(s.depth, 1, s.width), last_bias,
    )  # fmt: skip
    columns, index, at = list[np.ndarray](), list[Tensor](), 0
    for name, tensor in field.state_dict().items():
        if name in padded:
            columns.append(np.arange(at, at + tensor.numel()))
            index.append(padded[name][0].reshape(-1))
        at += tensor.numel()
    return np.concatenate(columns), torch.cat(index)
