"""How a fit went, as far as an explanation needs it: its loss at every step, and what it looked like now and then."""

import itertools
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inr._errors import DamagedFile, InrError
from inr._files import replacing
from inr._json import finite
from inr.diagnostics._explain._blocks import Block, blocks_of
from inr.diagnostics._measures._bands import band_powers
from inr.diagnostics._measures._layers import layer_ranks
from inr.diagnostics._measures._regions import hamming_distances, regions_along
from inr.field import Field
from inr.fitting import Event, Fitter
from inr.signals import GridSignal

VERSION = 1
LOOKS = 30  # at a fit, at steps that are spread by their logarithm
POINTS, BLOCKS = 1_600, 3  # that a look is at
_MOST_LOSSES = 4_096  # kept; of longer fits every second one, every fourth …
_PAIRS = 256


@dataclass(frozen=True)
class Look:
    """A fit after some steps.

    Attributes:
        step: after which.
        bands: the residual's power over the target's by octaves, low to high, see `inr.diagnostics.band_residuals`;
            none of signals that are no grid.
        ranks: stable ranks of weight matrices by layer.
        hamming: local and global distance of activation patterns; none without hidden layers.
        regions: activation regions along a diagonal of the domain.
    """

    step: int
    bands: tuple[float, ...] = ()
    ranks: dict[str, float] = field(default_factory=dict)
    hamming: tuple[float, float] | None = None
    regions: int | None = None


@dataclass(frozen=True)
class History:
    """How a fit went.

    Attributes:
        losses: of the batches of every step, or of every `stride`-th.
        stride: steps from one loss to the next.
        looks: at the field on the way.
    """

    losses: tuple[float, ...]
    stride: int = 1
    looks: tuple[Look, ...] = ()

    def half(self) -> np.ndarray:
        """The losses of the second half."""
        return np.array(self.losses[len(self.losses) // 2 :])

    def spikes(self) -> float:
        """The share of steps in the second half whose loss is over 1.5 times the least so far."""
        losses = np.array(self.losses)
        return float((losses > 1.5 * np.minimum.accumulate(losses))[len(losses) // 2 :].mean())

    def blew_up(self) -> bool:
        """Whether a loss was no number, or over twice the first."""
        losses = np.array(self.losses)
        return not bool((losses <= 2 * losses[0]).all())

    def rising(self) -> float:
        """The share of steps in the second half after which the loss went up."""
        half = self.half()
        return float((np.diff(half) > 0).mean()) if len(half) > 1 else 0.0

    def gain(self, share: float) -> float:
        """Decibels that the last share of the steps brought, by means of a fortieth of the steps at either end."""
        losses = np.array(self.losses)
        some = max(len(losses) // 40, 1)
        start = min(int(len(losses) * (1 - share)), len(losses) - some)
        return decibels(losses[start : start + some].mean()) - decibels(losses[-some:].mean())

    def above_least(self) -> float:
        """Decibels by which the last losses lie above the least of all."""
        losses = np.array(self.losses)
        return decibels(losses[-max(len(losses) // 40, 1) :].mean()) - decibels(losses.min())

    def first_below(self, loss: float) -> int | None:
        """The first step whose loss, smoothed by a median of five, was below a number; None where none was."""
        losses = np.array(self.losses)
        padded = np.pad(losses, 2, mode="edge")
        smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
        below = np.flatnonzero(smooth < loss)
        return int(below[0]) * self.stride + 1 if len(below) else None

    def save(self, path: str | os.PathLike[str], *, belongs_to: int, force: bool = False) -> None:
        """Write it as JSON.

        Args:
            path: the file.
            belongs_to: checksum of the field's file.
            force: whether to overwrite an existing file.
        """
        document = {"inr history": VERSION, "field": belongs_to, **asdict(self)}
        with replacing(Path(path), force=force) as temporary:
            temporary.write_text(json.dumps(finite(document)), encoding="utf-8")


def load_history(path: str | os.PathLike[str], *, belongs_to: int | None = None) -> History | None:
    """The history in a file that `History.save` wrote.

    Args:
        path: the file.
        belongs_to: checksum of the field's file; None: any.

    Returns:
        None where it is that of another field.

    Raises:
        DamagedFile: no such history.
    """
    try:
        document = json.loads(Path(path).read_bytes())
        if document["inr history"] != VERSION:
            raise InrError(f"{path} was written by a newer inr; explain without it, or update inr")
        looks = tuple(_look(each) for each in document["looks"])
        losses = tuple(math.nan if each is None else float(each) for each in document["losses"])
        history = History(losses, int(document["stride"]), looks)
        found = document["field"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{path} is no history of a fit, as inr fit --explain writes it", "history") from error
    return history if belongs_to is None or found == belongs_to else None


def _look(found: dict[str, Any]) -> Look:
    bands = tuple(math.nan if each is None else float(each) for each in found["bands"])
    hamming = None if found["hamming"] is None else (float(found["hamming"][0]), float(found["hamming"][1]))
    ranks = {str(name): float(rank) for name, rank in found["ranks"].items()}
    return Look(int(found["step"]), bands, ranks, hamming, found["regions"])


class Recorder:
    """Writes down how a fit goes, without changing it.

    Args:
        fitter: whose events it is told.
        looks: at the field on the way, spread by the logarithm of the step; 0 for the losses alone, which cost nothing.

    >>> setup = inr.fitting.Setup("identity", "sine", "mlp:depth=1,width=8", batch=64, steps=1000)
    >>> fitter = inr.Fitter(inr.open("photo.png"), setup, inr.Budget(steps=20), engine="eager")
    >>> recorder = inr.diagnostics.Recorder(fitter)
    >>> for event in fitter.run():
    ...     recorder.observe(event)
    >>> len(recorder.history().losses)
    20
    """

    def __init__(self, fitter: Fitter, *, looks: int = LOOKS) -> None:
        self._fitter, self._count = fitter, looks
        signal = fitter.signal
        self._blocks: list[Block] = []
        if looks and isinstance(signal, GridSignal):
            self._blocks = blocks_of(signal, points=POINTS, count=BLOCKS)
        self._losses: list[float] = []
        self._stride = 1
        self._looks: list[Look] = []
        self._due: set[int] = set()

    def observe(self, event: Event) -> None:
        """Take note of an event."""
        if event.kind == "start":
            self._due = log_spaced(event.steps, self._count)
        if event.kind == "step" and (event.step - 1) % self._stride == 0:
            self._losses.append(event.loss)
            if len(self._losses) > _MOST_LOSSES:
                self._losses, self._stride = self._losses[::2], 2 * self._stride
        if not self._count:
            return
        due = event.kind == "start" or (event.kind == "step" and event.step in self._due)
        if due or (event.kind == "end" and (not self._looks or self._looks[-1].step != event.step)):
            self._looks.append(self._look(event.step))

    def history(self) -> History:
        """What was seen so far."""
        return History(tuple(self._losses), self._stride, tuple(self._looks))

    def _look(self, step: int) -> Look:
        fitter = self._fitter
        fitter.parametrisation.write_to(fitter.field)
        shape = fitter.signal.domain.shape
        return look_at(fitter.field, self._blocks, fitter.execute, step, shape)


@torch.no_grad()
def look_at(field: Field, blocks: Sequence[Block], execute: Any, step: int, shape: Sequence[int] | None) -> Look:
    """A field as it stands.

    Args:
        field: what is looked at.
        blocks: of its signal.
        execute: what evaluates it.
        step: after which.
        shape: samples of the signal along its axes, in array order; None of signals that are no grid.
    """
    bands: tuple[float, ...] = ()
    if blocks:
        missed = np.mean([band_powers(block.residual(execute)) for block in blocks], axis=0)
        wanted = np.mean([band_powers(block.target * block.there) for block in blocks], axis=0)
        bands = tuple(float(each) for each in missed / np.maximum(wanted, 1e-9 * wanted.sum()))
    ranks = layer_ranks(field)
    hidden = len(ranks) > 1 and field.device.type == "cpu"
    if not hidden:
        return Look(step, bands, ranks)
    sizes = list(shape or [64] * field.domain.in_dim)
    spacing = 2 / torch.tensor(sizes[::-1], dtype=torch.float32)
    corner = torch.ones(field.domain.in_dim)
    crossed = regions_along(field, -corner, corner).regions
    return Look(step, bands, ranks, hamming_distances(field, spacing, pairs=_PAIRS), crossed)


def log_spaced(steps: int, count: int) -> set[int]:
    """About so many steps from the first to the last, evenly by their logarithm."""
    exponents = (index / max(count - 1, 1) for index in range(count))
    return set(itertools.chain([steps], (round(max(steps, 1) ** exponent) for exponent in exponents)))


def decibels(loss: float) -> float:
    """Of a mean squared error of normalised values, as they are written for people: the higher, the worse."""
    return 10 * math.log10(max(float(loss), 1e-30))
