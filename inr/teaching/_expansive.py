"""Edges in every batch, and a uniform half besides."""

from typing import Annotated

import numpy as np
import torch

from inr._errors import InrError
from inr._parts import Range
from inr.engines import Batch
from inr.signals import GridSignal, Signal
from inr.teaching._base import Scorer, Teacher, teachers
from inr.teaching._choice import drawn_from, step_generator
from inr.teaching._edges import edge_samples


@teachers.register(
    "expansive",
    source="Zhang et al., Expansive Supervision, ICME 2025",
    formula="half of a batch from the largest |∇signal|, half uniform over the rest",
    limits="needs a signal on a grid",
)
class Expansive(Teacher):
    """Expansive supervision: samples on the signal's edges, and as many drawn uniformly among the others.

    A step takes floor(ratio * min(batch, size)) samples, at least one. Edges are found once (`edge_samples`), as many
    as their share of floor(ratio * size), and the rest of a batch is drawn anew for every step, without repetition.
    Where the batch holds the whole signal, which is the published setting, all edges are in every step. Where it is
    smaller they would be more than a step may have: then their share is drawn among them anew, as the rest is. A
    signal with too few edges makes up for them with other samples. All samples have the same weight.
    """

    def __init__(
        self,
        *,
        ratio: Annotated[float, Range(0, 1, above=True), "share of the batch that a step takes"] = 0.5,
        edges: Annotated[float, Range(0, 1), "share of those samples that lie on edges"] = 0.5,
    ) -> None:
        self._ratio = ratio
        self._share = edges

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """Find the edges of `signal`; batches have `ratio` of at most `batch` samples, on `device` (none: cpu).

        Raises InrError for scattered samples, which have no neighbours to differ from.
        """
        self.check(signal)
        assert isinstance(signal, GridSignal)
        device = device or torch.device("cpu")
        self._seed = seed
        found = edge_samples(signal, int(self._share * max(int(self._ratio * signal.size), 1)), seed)
        others = np.ones(signal.size, bool)
        others[found] = False
        self._edges = torch.from_numpy(found).to(device)
        self._others = torch.from_numpy(np.flatnonzero(others)).to(device)
        count = max(int(self._ratio * min(batch, signal.size)), 1)
        on_edges = len(found) if batch >= signal.size else min(int(self._share * count), len(found))
        self._counts = on_edges, count - on_edges

    def check(self, signal: Signal) -> None:
        """Raise InrError for scattered samples."""
        if not isinstance(signal, GridSignal):
            raise InrError("teacher 'expansive' needs a grid to find edges on; for scattered samples use uniform")

    def select(self, step: int, scorer: Scorer | None = None) -> Batch:
        """The samples of step `step`, sorted; a function of the seed and the step alone."""
        on_edges, elsewhere = self._counts
        generator = step_generator(self._seed, step, self._edges.device)
        drawn = (drawn_from(self._edges, on_edges, generator), drawn_from(self._others, elsewhere, generator))
        return Batch(torch.cat(drawn).sort().values)
