"""Where the time of a fit's steps goes."""

import time
from typing import Any

from inr.engines import Plan


class Profile:
    """Seconds of a fit's steps by what they were spent on.

    Args:
        plan: tells what happens within the engine; None where that is of no interest.
    """

    def __init__(self, plan: Plan | None = None) -> None:
        self.steps = 0
        self.seconds = 0.0
        self._spent = {"sampling": 0.0, "engine": 0.0, "optimiser": 0.0, "the rest": 0.0}
        self._plan = plan
        self._before = plan.profile() if plan is not None else {}
        self._start = self._last = 0.0

    def start_step(self) -> None:
        """A step begins."""
        self._start = self._last = time.perf_counter()

    def record(self, phase: str) -> None:
        """Count what has passed since the last record, or the step's beginning, as spent on `phase`."""
        now = time.perf_counter()
        self._spent[phase] += now - self._last
        self._last = now

    def add(self, phase: str, seconds: float) -> None:
        """Count seconds that were spent on `phase` before the first step."""
        self._spent[phase] += seconds
        self.seconds += seconds

    def end_step(self) -> float:
        """End the step; the seconds it took."""
        spent = time.perf_counter() - self._start
        self.seconds += spent
        self.steps += 1
        return spent

    def phases(self) -> dict[str, float]:
        """Seconds by phase, which sum to those of the steps; "the rest" is what no phase accounts for.

        An engine that does not look into its own steps has one phase, "forward and backward".
        """
        inside = self._inside() or {"forward and backward": self._spent["engine"]}
        found = {"sampling": self._spent["sampling"] + inside.pop("sampling", 0.0)}
        found |= inside | {"optimiser": self._spent["optimiser"]}
        return found | {"the rest": max(self.seconds - sum(found.values()), 0.0)}

    def _inside(self) -> dict[str, float]:
        if self._plan is None:
            return {}
        return {name: seconds - self._before.get(name, 0.0) for name, seconds in self._plan.profile().items()}

    def document(self) -> dict[str, Any]:
        """The same as plain JSON: seconds and their shares by phase, milliseconds a step, and the plan's roofline."""
        total, steps = max(self.seconds, 1e-12), max(self.steps, 1)
        roofline = self._plan.roofline() if self._plan is not None else {}
        return {
            "steps": self.steps,
            "milliseconds_a_step": 1e3 * self.seconds / steps,
            "phases": {
                name: {"seconds": seconds, "milliseconds_a_step": 1e3 * seconds / steps, "share": seconds / total}
                for name, seconds in self.phases().items()
            },
            "roofline": {
                name: {"reached": reached, "peak": peak, "share": reached / peak if peak > 0 else 0.0}
                for name, (reached, peak) in roofline.items()
            },
        }
