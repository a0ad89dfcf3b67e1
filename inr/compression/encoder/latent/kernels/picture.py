"""From rounded latents to the picture and its squared error, and the gradients back."""

from typing import Annotated

import numpy as np

from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels.synthesis import Synthesis
from inr.compression.encoder.latent.kernels.upsampling import Upsampling
from inr.jit import D2, F1, Array, Call, Stage, inline, share

_share = inline(share)
D1 = Annotated[np.ndarray, Array("float64", 1)]


class Picture:
    """The calls that turn `rounded` into the picture; all of them share the planes they work in.

    Args:
        buffers: what they read and write.
        threads: workers that run them.

    Attributes:
        learn: calls that set `output` and `sums[0]`, add to `gradient`, and set `parameter_gradient` of the filters
            and the synthesis.
        measure: calls that set `output` and `sums[0]` alone.
    """

    def __init__(self, buffers: Buffers, threads: int) -> None:
        first = buffers.layout.parameters
        for name, place in buffers.layout.slices.items():
            if name.startswith(("prefilter", "upsampling", "synthesis")):
                first = min(first, place.start)
        sums = np.zeros((threads, buffers.layout.parameters))
        upsampling = Upsampling(buffers, threads, sums)
        synthesis = Synthesis(buffers, threads, upsampling.inputs, sums)
        error = Call(_ERROR, error=synthesis.error, totals=buffers.sums)
        collect = Call(_COLLECT, sums=sums, gradient=buffers.parameter_gradient, first=first)
        start = Call(_START, sums=sums)
        self.measure = [*upsampling.forward, *synthesis.forward, error]
        self.learn = [start, *self.measure, *synthesis.backward, *upsampling.backward, collect]


def _start(worker: int, workers: int, sums: D2) -> None:
    """Sums of gradients are 0."""
    sums[worker] = 0.0


def _error(worker: int, workers: int, error: D2, totals: D1) -> None:
    """Sum over workers."""
    if worker == 0:
        totals[0] = 0.0
        for other in range(error.shape[0]):
            totals[0] += error[other, 0]


def _collect(worker: int, workers: int, sums: D2, gradient: F1, first: int) -> None:
    """Sums over workers, always in the same order."""
    start, stop = _share(len(gradient) - first, worker, workers, 16)
    for index in range(first + start, first + stop):
        found = 0.0
        for other in range(sums.shape[0]):
            found += sums[other, index]
        gradient[index] = found


_START, _ERROR, _COLLECT = (Stage(function, phase="synthesis") for function in (_start, _error, _collect))
