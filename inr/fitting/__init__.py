"""Fitting: budgets, learning rates, the loop and its events, checkpoints."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.fitting._budget import Budget as Budget
    from inr.fitting._defaults import Setup as Setup
    from inr.fitting._defaults import default_setup as default_setup
    from inr.fitting._evaluate import evaluate as evaluate
    from inr.fitting._evaluate import whole_psnr as whole_psnr
    from inr.fitting._events import Event as Event
    from inr.fitting._fit import fit as fit
    from inr.fitting._fit import make_fitter as make_fitter
    from inr.fitting._fit import stopping_on_interrupt as stopping_on_interrupt
    from inr.fitting._fitter import Fitter as Fitter
    from inr.fitting._parametrisation import Parametrisation as Parametrisation
    from inr.fitting._parametrisation import PlainWeights as PlainWeights
    from inr.fitting._sample_counts import SampleCounts as SampleCounts
    from inr.fitting._schedules import SCHEDULES as SCHEDULES
    from inr.fitting._solve import solve as solve
    from inr.fitting._state import fingerprint as fingerprint

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "SCHEDULES": "._schedules",
        "SampleCounts": "._sample_counts",
        "Budget": "._budget",
        "Event": "._events",
        "Fitter": "._fitter",
        "Parametrisation": "._parametrisation",
        "PlainWeights": "._parametrisation",
        "Setup": "._defaults",
        "default_setup": "._defaults",
        "evaluate": "._evaluate",
        "fingerprint": "._state",
        "fit": "._fit",
        "make_fitter": "._fit",
        "solve": "._solve",
        "stopping_on_interrupt": "._fit",
        "whole_psnr": "._evaluate",
    },
)
