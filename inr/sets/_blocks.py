"""Blocks of a set whose fields are to be fitted, and what fits them: this process, or the machines of a cluster."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inr._cluster import Cluster, modules_of
from inr._errors import InrError
from inr.sets._file import Label
from inr.sets._recipe import Recipe
from inr.sets._rows import Rows, fit_rows
from inr.signals import Signal

# what a task of a cluster has at most: by its cost some seconds to a minute of a core, for signals of most sizes
_TASK_FIELDS, _TASK_SAMPLES = 128, 1 << 17


@dataclass
class OpenBlock:
    """A block whose fields are to be fitted.

    Attributes:
        place: among the blocks of the set.
        recipe: of all its fits.
        key: what it is made of.
        names, labels, signals: of its fields; the signals go as soon as they are fitted or sent.
    """

    place: int
    recipe: Recipe
    key: str
    names: list[str]
    labels: list[Label] | None
    signals: list[Signal]


Fitted = Iterator[tuple[OpenBlock, Rows]]
Tell = Callable[[int], bool]


def fit_here(blocks: Iterator[OpenBlock], tell: Tell, workers: int) -> Fitted:
    """Fit blocks one after the other, in this process.

    Args:
        blocks: as they are read.
        tell: told how many fields are fitted of those that are not in a block that is done; whether to go on.
        workers: threads that fit side by side.
    """
    for block in blocks:
        rows = fit_rows(block.recipe, block.names, block.signals, workers=min(workers, len(block.names)), done=tell)
        block.signals.clear()  # before the next ones are read
        if len(rows.names) < len(block.names):
            raise KeyboardInterrupt
        yield block, rows


def fit_away(blocks: Iterator[OpenBlock], tell: Tell, cluster: Cluster, workers: int | None) -> Fitted:
    """Fit blocks on a cluster, in tasks of some of their fields each; yields them as they are done, in any order.

    Args:
        blocks: as they are read; as many are read ahead as there are tasks under way.
        tell: as of `fit_here`.
        cluster: that fits.
        workers: tasks under way at most; as many as suit the cluster when None.

    Raises:
        InrError: a task that failed, and why.
    """
    first = next(blocks, None)
    if first is None:
        return
    recipe = first.recipe
    missing: dict[int, tuple[OpenBlock, dict[int, Rows | None]]] = {}

    def tasks() -> Iterator[tuple[tuple[int, int], tuple[list[str], list[Signal]]]]:
        for block in itertools.chain([first], blocks):
            cuts = list(itertools.pairwise(_cuts(block.signals)))
            sent = [(block.names[start:stop], block.signals[start:stop]) for start, stop in cuts]
            missing[block.place] = block, dict.fromkeys(range(len(sent)))
            block.signals.clear()
            for part in range(len(sent)):
                yield (block.place, part), sent[part]
                sent[part] = [], []

    fitted = 0
    outcomes = cluster.run(
        _fit_task, recipe, tasks(), modules=modules_of(recipe.setup.classes()), at_once=workers,
        go_on=lambda: tell(fitted),
    )  # fmt: skip
    for outcome in outcomes:
        place, part = outcome.key
        block, parts = missing[place]
        if outcome.value is None:
            raise InrError(f"fields of the block from {block.names[0]} on could not be fitted: {outcome.failure}")
        parts[part] = outcome.value
        fitted += len(outcome.value.names)
        done = [rows for rows in parts.values() if rows is not None]
        if len(done) == len(parts):
            del missing[place]
            fitted -= len(block.names)
            yield block, _joined(done)


def _fit_task(recipe: Recipe, given: tuple[list[str], list[Signal]]) -> Rows:
    """A task: fit some fields of a block."""
    names, signals = given
    return fit_rows(recipe, names, signals)


def _cuts(signals: Sequence[Signal]) -> list[int]:
    """Where a block is cut into tasks: their first places, and the block's end."""
    cuts, samples = [0], 0
    for place, signal in enumerate(signals):
        if place > cuts[-1] and (place - cuts[-1] == _TASK_FIELDS or samples + signal.size > _TASK_SAMPLES):
            cuts.append(place)
            samples = 0
        samples += signal.size
    return [*cuts, len(signals)]


def _joined(parts: Sequence[Rows]) -> Rows:
    """Rows one after the other."""
    return Rows(
        tuple(name for part in parts for name in part.names),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.psnr for part in parts]),
        np.concatenate([part.steps for part in parts]),
        tuple(reason for part in parts for reason in part.reasons),
        tuple(domain for part in parts for domain in part.domains),
        tuple(note for part in parts for note in part.notes),
    )
