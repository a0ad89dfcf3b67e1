"""Engines: how a field is executed and differentiated."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.engines._base import Batch as Batch
    from inr.engines._base import Engine as Engine
    from inr.engines._base import Objective as Objective
    from inr.engines._base import Plan as Plan
    from inr.engines._base import RowSparse as RowSparse
    from inr.engines._base import StepResult as StepResult
    from inr.engines._base import engines as engines
    from inr.engines._choose import automatic as automatic
    from inr.engines._choose import plan as plan
    from inr.engines._cpu._grid_ops import grid_encode as grid_encode
    from inr.engines._doctor import doctor as doctor
    from inr.engines._doctor import machine as machine
    from inr.engines._doctor import versions as versions
    from inr.engines._eager import Eager as Eager
    from inr.engines._render import executor as executor
    from inr.engines._render import render as render
    from inr.engines._tcnn._exchange import from_tcnn as from_tcnn
    from inr.engines._tcnn._exchange import to_tcnn as to_tcnn
    from inr.engines._triton._mlp_ops import fused_mlp as fused_mlp

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Batch": "._base",
        "Eager": "._eager",
        "Engine": "._base",
        "Objective": "._base",
        "Plan": "._base",
        "RowSparse": "._base",
        "StepResult": "._base",
        "automatic": "._choose",
        "doctor": "._doctor",
        "engines": "._base",
        "executor": "._render",
        "from_tcnn": "._tcnn._exchange",
        "fused_mlp": "._triton._mlp_ops",
        "grid_encode": "._cpu._grid_ops",
        "machine": "._doctor",
        "plan": "._choose",
        "render": "._render",
        "to_tcnn": "._tcnn._exchange",
        "versions": "._doctor",
    },
)
