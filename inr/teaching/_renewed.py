"""Points of a pool that is renewed beside the steps."""

import torch

from inr._errors import InrError
from inr.engines import Batch
from inr.signals import POINTS_OF_A_BLOCK, ShapeSignal, Signal
from inr.teaching._base import Scorer, Teacher, teachers
from inr.teaching._uniform import Uniform

_FIRST = 16  # blocks that are drawn before the first step
_STEPS_A_BLOCK = 8


@teachers.register(
    "renewed",
    formula="one point of each of n equal runs of a pool, of which a block is drawn anew every 8 steps",
    limits="for shapes",
)
class Renewed(Teacher):
    """Uniform batches of points around a shape, which are replaced by new ones as the fit goes on.

    A fit begins with few points, so that it begins soon; further blocks are drawn beside the steps until the pool is
    full, and then take the place of the oldest. What the pool holds in a step is a function of the seed and of the
    step's number alone.
    """

    def __init__(self) -> None:
        self._uniform = Uniform()

    def prepare(self) -> float:
        """See `Teacher.prepare`."""
        return self._uniform.prepare()

    def check(self, signal: Signal) -> None:
        """Refuse signals that are no shapes told by values."""
        if not isinstance(signal, ShapeSignal):
            raise InrError("teacher 'renewed' draws points around shapes; 'uniform' is for samples, 'sets' for points")

    def bind(self, signal: Signal, steps: int, batch: int, seed: int, device: torch.device | None = None) -> None:
        """See `Teacher.bind`; the first points are drawn."""
        self.check(signal)
        assert isinstance(signal, ShapeSignal)
        self._signal, self._drawn = signal, -1
        self._of_step = batch, seed, device
        self._hold(_blocks_drawn(0))

    def _hold(self, drawn: int) -> None:
        """Have in the pool what is there after so many blocks were drawn."""
        if drawn == self._drawn:
            return
        blocks = self._signal.blocks_of_points
        for block in range(min(drawn, blocks)):
            self._signal.renew(block, (drawn - 1 - block) // blocks)
        self._drawn = drawn
        batch, seed, device = self._of_step
        size = min(drawn * POINTS_OF_A_BLOCK, self._signal.size)
        self._uniform.bind_to(size, batch, seed, device)

    def select(self, step: int, scorer: Scorer | None = None) -> Batch:
        """A function of the seed and the step alone."""
        self._hold(_blocks_drawn(step))
        return self._uniform.select(step, scorer)


def _blocks_drawn(step: int) -> int:
    return _FIRST + step // _STEPS_A_BLOCK
