"""Fitting: budgets, learning rates, the loop and its events, checkpoints."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.fitting._budget import Budget
    from inr.fitting._defaults import Setup, default_setup
    from inr.fitting._evaluate import evaluate
    from inr.fitting._events import Event
    from inr.fitting._fit import fit, make_fitter, stopping_on_interrupt
    from inr.fitting._fitter import Fitter

__all__ = [
    "Budget",
    "Event",
    "Fitter",
    "Setup",
    "default_setup",
    "evaluate",
    "fit",
    "make_fitter",
    "stopping_on_interrupt",
]
__getattr__, _ = lazy_exports(
    __name__,
    {
        "Budget": "._budget",
        "Event": "._events",
        "Fitter": "._fitter",
        "Setup": "._defaults",
        "default_setup": "._defaults",
        "evaluate": "._evaluate",
        "fit": "._fit",
        "make_fitter": "._fit",
        "stopping_on_interrupt": "._fit",
    },
)
