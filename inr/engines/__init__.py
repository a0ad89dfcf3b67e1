"""Engines: how a field is executed and differentiated."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.engines._base import Batch, Engine, Objective, Plan, StepResult, engines
    from inr.engines._choose import plan
    from inr.engines._doctor import doctor
    from inr.engines._eager import Eager

__all__ = ["Batch", "Eager", "Engine", "Objective", "Plan", "StepResult", "doctor", "engines", "plan"]
__getattr__, _ = lazy_exports(
    __name__,
    {
        "Batch": "._base",
        "Eager": "._eager",
        "Engine": "._base",
        "Objective": "._base",
        "Plan": "._base",
        "StepResult": "._base",
        "doctor": "._doctor",
        "engines": "._base",
        "plan": "._choose",
    },
)
