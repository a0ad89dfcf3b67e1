"""Sweeps: every combination of parts fitted to one signal at equal cost, and the search for the best."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.sweeping._checks import check_sweep as check_sweep
    from inr.sweeping._lists import split_specs as split_specs
    from inr.sweeping._result import SweepResult as SweepResult
    from inr.sweeping._rows import Row as Row
    from inr.sweeping._sweep import SweepEvent as SweepEvent
    from inr.sweeping._sweep import sweep as sweep

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Row": "._rows",
        "SweepEvent": "._sweep",
        "SweepResult": "._result",
        "check_sweep": "._checks",
        "split_specs": "._lists",
        "sweep": "._sweep",
    },
)
