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
        """Take over what calls spent in their last runs.

        Args:
            calls: of one or several programs; their own clocks start again at 0.
        """
        if self._begin is None:
            _now()  # its first call compiles it, which is not to lie between the two clocks
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
    """The phases of a profile, with one of them divided.

    Args:
        seconds: seconds by phase.
        phase: the one that is divided; it need not be there.
        parts: what takes its place, with the proportion of its seconds.

    Returns:
        Seconds by phase, the new ones first.

    >>> inr.jit.split_phase({"network": 4.0, "packing": 1.0}, "network", {"products": 3, "activations": 1})
    {'products': 3.0, 'activations': 1.0, 'packing': 1.0}
    """
    whole = seconds.pop(phase, 0.0)
    total = sum(parts.values())
    return {name: whole * part / total for name, part in parts.items() if total} | seconds
