"""Where the time of a plan's programs goes."""

import time
from collections.abc import Iterable

from inr.jit._compile import kernel
from inr.jit._stage import Call
from inr.jit.vector import ticks


@kernel
def _now() -> int:
    return ticks()


class Clock:
    """Adds up the ticks of calls by phase, and turns them into seconds."""

    def __init__(self) -> None:
        self._begin: tuple[float, int] | None = None
        self._spent: dict[str, int] = {}

    def add(self, calls: Iterable[Call]) -> None:
        """Take over what calls spent in their last run."""
        if self._begin is None:
            _now()  # its first call compiles it: that is not to lie between the two clocks
            self._begin = time.perf_counter(), _now()
        for call in calls:
            phase = call.stage.phase
            self._spent[phase] = self._spent.get(phase, 0) + int(call.clock[0])
            call.clock[0] = 0

    def seconds(self) -> dict[str, float]:
        """Seconds by phase; empty where the processor's clock cannot be read."""
        if self._begin is None or not any(self._spent.values()):
            return {}
        passed, counted = time.perf_counter() - self._begin[0], _now() - self._begin[1]
        return {phase: spent * passed / max(counted, 1) for phase, spent in self._spent.items()}


def split_phase(seconds: dict[str, float], phase: str, parts: dict[str, int]) -> dict[str, float]:
    """The phases with one of them split_phase in the proportion of `parts`."""
    whole = seconds.pop(phase, 0.0)
    total = sum(parts.values())
    return {name: whole * part / total for name, part in parts.items() if total} | seconds
