"""Signals of one sort on one grid: what a prior is learned from."""

import math
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn import functional as F

from inr._errors import InrError, InrWarning
from inr.signals import Domain, GridSignal, Signal, ValueMap, as_signal, sort_of

_SHOWN = 3  # names in a message
_POOLS = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)


@dataclass(frozen=True)
class Collection:
    """Signals of one kind, one number of channels and one grid.

    Attributes:
        names: of the signals.
        domain: of the first one.
        values: normalised samples, each signal's by its own value range; float32 (count, *shape, channels).
        unreadable: why files were left out, a line each.
    """

    names: tuple[str, ...]
    domain: Domain
    values: Float32[np.ndarray, "count ... channels"]
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def targets(self) -> Float32[Tensor, "count samples channels"]:
        """The values with one axis for all samples; the memory is shared."""
        return torch.from_numpy(self.values.reshape(len(self), -1, self.domain.channels))

    def part(self, places: Sequence[int]) -> "Collection":
        """The signals at some places, in that order.

        Args:
            places: from 0 on.
        """
        return replace(self, names=tuple(self.names[place] for place in places), values=self.values[list(places)])

    def divided(self, share: float, seed: int) -> tuple["Collection", "Collection"]:
        """The signals to learn from, and those that are held out.

        Args:
            share: that is held out, from 0 up to 1 (excluded); at least one signal where it is not 0.
            seed: decides which.

        Returns:
            Both in the order of the signals.

        Raises:
            InrError: a share that is none.
        """
        if not 0 <= share < 1:
            raise InrError(f"the share of signals that is held out lies from 0 up to 1 (excluded), got {share:g}")
        held = min(max(round(share * len(self)), 1 if share > 0 else 0), len(self))
        order = np.random.default_rng(seed).permutation(len(self))
        return self.part(sorted(order[held:].tolist())), self.part(sorted(order[:held].tolist()))

    def with_values(self, values: Float32[np.ndarray, "count ... channels"]) -> "Collection":
        """Other signals on the same grid, of which names do not matter.

        Args:
            values: normalised.
        """
        return replace(self, names=tuple(f"signal {place}" for place in range(len(values))), values=values)

    def stacked(self) -> GridSignal:
        """One signal whose channels are those of all signals, the first one's first; its values are the normalised."""
        channels = len(self) * self.domain.channels
        domain = replace(
            self.domain, channels=channels, values=ValueMap((-1.0,), (1.0,)), dtype="float32", meta={}, sampling="point"
        )
        array = np.ascontiguousarray(np.moveaxis(self.values, 0, -2)).reshape(*self.values.shape[1:-1], channels)
        return GridSignal(array, domain)

    def signal(self, place: int) -> GridSignal:
        """One of the signals, of normalised values.

        Args:
            place: from 0 on.
        """
        return self.part([place]).stacked()


def collect(signals: Any, *, size: Sequence[int] | None = None) -> Collection:
    """Read signals, and see that they are of one sort.

    Args:
        signals: a folder, of which every file is one; or signals, paths of files and arrays, any of them.
        size: the grid to which all are brought by means over cells, samples per axis in array order; None: they are on
            one grid as they are.

    Returns:
        The signals; files that cannot be read are left out, and named.

    Raises:
        InrError: no signals, signals of several sorts or sizes, or such as are not whole grids.
    """
    read, unreadable = _read(signals)
    if not read:
        where = f"{signals} holds" if isinstance(signals, (str, os.PathLike)) else "there are"
        reasons = f"; {unreadable[0]}" if unreadable else ""
        raise InrError(f"{where} no signals to learn from: give pictures, sounds, videos or volumes{reasons}")
    _check_alike(read)
    names, found = [name for name, _ in read], [signal for _, signal in read]
    values = [signal.grid_values for signal in found]
    if size is not None:
        values = [_pooled(each, size) for each in values]
        found[0] = GridSignal(values[0], replace(found[0].domain.resampled(size), values=ValueMap((-1.0,), (1.0,))))
    else:
        _check_sizes(read)
    domain = replace(found[0].domain, meta={})  # what one file's writer said is no business of the others
    return Collection(tuple(names), domain, np.stack(values), tuple(unreadable))


def signal_files(folder: Path) -> list[Path]:
    """The files in a folder that are not hidden, sorted; those in folders within are not among them."""
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _read(signals: Any) -> tuple[list[tuple[str, GridSignal]], list[str]]:
    """The signals with their names, and why others are not among them."""
    given: Iterable[Any] = signals
    if isinstance(signals, (str, os.PathLike)):
        folder = Path(signals)
        if not folder.is_dir():
            raise InrError(f"{folder} is no folder; signals to learn from are the files of one, or several files")
        given = signal_files(folder)
    found: list[tuple[str, GridSignal]] = []
    unreadable: list[str] = []
    for place, each in enumerate(given):
        is_path = isinstance(each, (str, os.PathLike))
        name = str(each) if is_path else f"signal {place}"
        try:
            signal = as_signal(each)
        except InrError as error:
            if not is_path:
                raise InrError(f"{name}: {error}") from error
            unreadable.append(str(error))
            continue
        found.append((name, _whole_grid(name, signal)))
    for line in unreadable:
        warnings.warn(f"left out: {line}", InrWarning, stacklevel=3)
    return found, unreadable


def _whole_grid(name: str, signal: Signal) -> GridSignal:
    if not isinstance(signal, GridSignal):
        kind = signal.domain.kind
        raise InrError(f"{name} is of kind {kind}; priors are learned from pictures, sounds, videos and volumes")
    if signal.missing is not None:
        raise InrError(f"{name} lacks samples; priors are learned from whole grids")
    return signal


def _check_alike(read: Sequence[tuple[str, GridSignal]]) -> None:
    """Refuse several sorts of signals, and say which they are."""
    groups = defaultdict(list)
    for name, signal in read:
        groups[sort_of(signal.domain)].append(name)
    if len(groups) > 1:
        ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
        sorts = "; ".join(f"{sort}: {_some(names)}" for sort, names in ordered)
        raise InrError(f"signals of several sorts, learn from one: {sorts}")


def _check_sizes(read: Sequence[tuple[str, GridSignal]]) -> None:
    sizes = defaultdict(list)
    for name, signal in read:
        sizes[signal.array.shape[:-1]].append(name)
    if len(sizes) > 1:
        ordered = sorted(sizes.items(), key=lambda item: -len(item[1]))[:_SHOWN]
        told = "; ".join(f"{'x'.join(map(str, size))}: {_some(names)}" for size, names in ordered)
        example = "x".join(map(str, ordered[0][0]))
        raise InrError(f"signals of several sizes ({told}); bring them to one grid, as by size {example} (--size)")


def _some(names: Sequence[str]) -> str:
    """How many there are, and the first."""
    shown = ", ".join(Path(name).name for name in names[:_SHOWN])
    return f"{len(names)} ({shown}{', …' if len(names) > _SHOWN else ''})"


def _pooled(values: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Means over the cells of another grid."""
    axes = values.ndim - 1
    if axes > len(_POOLS):
        raise InrError(f"signals of {axes} axes are not brought to another size; give them on one grid")
    if len(size) != axes or min(size) < 1 or math.prod(size) < 2:
        raise InrError(f"size has {axes} numbers of samples, one an axis, got {'x'.join(map(str, size))}")
    pool: Any = _POOLS[axes - 1]
    pooled = pool(torch.from_numpy(np.moveaxis(values, -1, 0).copy()), tuple(size))
    return np.ascontiguousarray(np.moveaxis(pooled.numpy(), 0, -1))
