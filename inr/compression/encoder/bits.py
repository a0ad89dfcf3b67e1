"""Which tensor gets how many bits, so that a budget in bytes costs the least loss."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from inr._errors import InrError

# by how much a bound may seem to exceed a loss through rounding
_SLACK = 1e-9
# sizes that are told apart: bounds the combinations to be looked at
_SIZES = 2**16


def packed_bytes(count: int, bits: int) -> int:
    """Bytes that so many integers take when they are laid bit by bit, before any entropy coding."""
    return -(-count * bits // 8)


def choose_widths(
    loss_increase: Callable[[str, int], float], sizes: Mapping[str, Mapping[int, int]], budget: int
) -> dict[str, int]:
    """The width of every tensor, such that all fit in the budget and their losses' sum is least.

    That sum stands for the loss of all together, as if tensors did not influence each other. Tensors are added one by
    one, and of the combinations those are kept that no other beats in both bytes and loss, and that could still beat a
    solution known: the lower convex hulls of the tensors that are left tell how much loss they will add at least
    (Lagrange's relaxation). Hence the choice is exact, and a larger budget never has a larger loss. Only where the
    largest widths take more than 64 KiB beyond the smallest, bytes of a tensor beyond its smallest are counted in
    65,536ths of that, rounded up.

    Args:
        loss_increase: by how much the loss grows when that tensor alone is quantised to that width; called once for
            each width of each. It need not fall with the width.
        sizes: bytes of each tensor by the widths to choose from; see `packed_bytes`.
        budget: bytes for all together.

    Returns: the widths by name. Of equally good choices those with the fewest bytes.

    Raises:
        InrError: a budget below the smallest possible, which is named; sizes below 0; losses that are not finite.
    """
    options = [_undominated(name, widths, loss_increase) for name, widths in sizes.items()]
    smallest = sum(int(option.sizes[0]) for option in options)
    if budget < smallest:
        raise InrError(f"a budget of {budget} bytes is too small: with their smallest widths tensors take {smallest}")
    unit = -(-sum(int(option.sizes[-1] - option.sizes[0]) for option in options) // _SIZES) or 1
    options = [option.beyond_smallest(unit) for option in options]
    budget = (budget - smallest) // unit
    known = _greedy_loss(options, budget)
    slack = _SLACK * sum(float(np.abs(option.losses).max()) for option in options)
    total_sizes, total_losses = np.zeros(1, dtype=np.int64), np.zeros(1)
    steps: list[tuple[np.ndarray, np.ndarray]] = []
    for index, option in enumerate(options):
        hull = _Hull.of(options[index + 1 :])
        summed_sizes = (total_sizes[:, None] + option.sizes).ravel()
        summed_losses = (total_losses[:, None] + option.losses).ravel()
        left = budget - summed_sizes
        hopeful = np.flatnonzero((left >= 0) & (summed_losses + hull.least(left) <= known + slack))
        kept = hopeful[_front(summed_sizes[hopeful], summed_losses[hopeful])]
        total_sizes, total_losses = summed_sizes[kept], summed_losses[kept]
        steps.append(np.divmod(kept, len(option.sizes)))
    # on the front the last has the least loss
    place, widths = len(total_sizes) - 1, {}
    for name, option, (before, chosen) in reversed(list(zip(sizes, options, steps, strict=True))):
        widths[name] = int(option.widths[chosen[place]])
        place = before[place]
    return {name: widths[name] for name in sizes}


@dataclass(frozen=True)
class _Options:
    """What may be chosen for a tensor: more bytes, less loss."""

    widths: np.ndarray
    sizes: np.ndarray
    losses: np.ndarray

    def beyond_smallest(self, unit: int) -> "_Options":
        """The same with sizes less the smallest, in units, rounded up."""
        sizes = -(-(self.sizes - self.sizes[0]) // unit)
        kept = _front(sizes, self.losses)
        return _Options(self.widths[kept], sizes[kept], self.losses[kept])


@dataclass(frozen=True)
class _Hull:
    """The least loss of several tensors together by sizes beyond the smallest, were mixtures of widths allowed."""

    sizes: np.ndarray
    losses: np.ndarray

    @classmethod
    def of(cls, options: list[_Options]) -> "_Hull":
        """Hulls add up by their pieces, steepest first."""
        start = 0, sum(float(option.losses[0]) for option in options)
        pieces = [piece for option in options for piece in itertools.pairwise(_corners(option))]
        moves = [(size - first, loss - before) for (first, before), (size, loss) in pieces]
        moves.sort(key=lambda move: move[1] / move[0])
        sizes, losses = zip(start, *moves, strict=True)
        return cls(np.cumsum(sizes), np.cumsum(losses))

    def least(self, left: np.ndarray) -> np.ndarray:
        """A lower bound of the loss with so many bytes left."""
        return np.interp(left, self.sizes, self.losses)


def _undominated(name: str, sizes: Mapping[int, int], loss_increase: Callable[[str, int], float]) -> _Options:
    """The widths that no other beats in both bytes and loss, by bytes."""
    if not sizes:
        raise InrError(f"there are no widths to choose from for '{name}'")
    widths = np.array(sorted(sizes))
    size = np.array([sizes[width] for width in sorted(sizes)], dtype=np.int64)
    loss = np.array([loss_increase(name, width) for width in sorted(sizes)], dtype=np.float64)
    if size.min() < 0:
        raise InrError(f"'{name}' cannot take {size.min()} bytes")
    if not np.isfinite(loss).all():
        width = widths[~np.isfinite(loss)][0]
        raise InrError(f"the loss of '{name}' at {width} bits is not finite")
    kept = _front(size, loss)
    return _Options(widths[kept], size[kept], loss[kept])


def _front(sizes: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Which pairs no other beats, by size: losses fall strictly."""
    order = np.lexsort((losses, sizes))
    least = np.minimum.accumulate(losses[order])
    return order[np.concatenate([[True], losses[order][1:] < least[:-1]])]


def _corners(option: _Options) -> list[tuple[int, float]]:
    """The corners of the lower convex hull."""
    corners: list[tuple[int, float]] = []
    for size, loss in zip(option.sizes.tolist(), option.losses.tolist(), strict=True):
        while len(corners) > 1:
            (a, f), (b, g) = corners[-2:]
            if (g - f) * (size - b) < (loss - g) * (b - a):
                break
            corners.pop()
        corners.append((size, loss))
    return corners


def _greedy_loss(options: list[_Options], budget: int) -> float:
    """The loss of one choice that fits: steps along the hulls, steepest first, those left out that do not fit."""
    moves = []
    for index, option in enumerate(options):
        for (first, before), (size, loss) in itertools.pairwise(_corners(option)):
            moves.append(((loss - before) / (size - first), index, size - first, loss - before))
    left = budget
    total = sum(float(option.losses[0]) for option in options)
    closed = set()
    for _, index, size, loss in sorted(moves):
        if size > left or index in closed:
            closed.add(index)
            continue
        left -= size
        total += loss
    return total
