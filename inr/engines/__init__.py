"""Engines: how a field is executed and differentiated."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.engines._base import DerivativePlan as DerivativePlan
    from inr.engines._base import Engine as Engine
    from inr.engines._base import Plan as Plan
    from inr.engines._base import engines as engines
    from inr.engines._batch import Batch as Batch
    from inr.engines._batch import RowSparse as RowSparse
    from inr.engines._batch import StepResult as StepResult
    from inr.engines._choose import automatic as automatic
    from inr.engines._choose import plan as plan
    from inr.engines._cpu._grid_ops import grid_encode as grid_encode
    from inr.engines._derivative_steps import local_loss as local_loss
    from inr.engines._derivative_steps import overall_step as overall_step
    from inr.engines._doctor import doctor as doctor
    from inr.engines._doctor import machine as machine
    from inr.engines._doctor import versions as versions
    from inr.engines._eager import Eager as Eager
    from inr.engines._objectives import NUMBERS as NUMBERS
    from inr.engines._objectives import AnyObjective as AnyObjective
    from inr.engines._objectives import At as At
    from inr.engines._objectives import Local as Local
    from inr.engines._objectives import Objective as Objective
    from inr.engines._objectives import Overall as Overall
    from inr.engines._objectives import PointSet as PointSet
    from inr.engines._objectives import Scheduled as Scheduled
    from inr.engines._objectives import Stateful as Stateful
    from inr.engines._objectives import Term as Term
    from inr.engines._objectives import point_sets as point_sets
    from inr.engines._program import Course as Course
    from inr.engines._program import ProgramPlan as ProgramPlan
    from inr.engines._program import StepProgram as StepProgram
    from inr.engines._render import executor as executor
    from inr.engines._render import render as render
    from inr.engines._tcnn._exchange import from_tcnn as from_tcnn
    from inr.engines._tcnn._exchange import to_tcnn as to_tcnn
    from inr.engines._triton._coverage import without_whole_fits as without_whole_fits
    from inr.engines._triton._many_fields import ManyFields as ManyFields
    from inr.engines._triton._mlp_ops import fused_mlp as fused_mlp

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "AnyObjective": "._objectives",
        "At": "._objectives",
        "Batch": "._batch",
        "Course": "._program",
        "DerivativePlan": "._base",
        "Eager": "._eager",
        "Engine": "._base",
        "Local": "._objectives",
        "ManyFields": "._triton._many_fields",
        "NUMBERS": "._objectives",
        "Objective": "._objectives",
        "Overall": "._objectives",
        "Plan": "._base",
        "PointSet": "._objectives",
        "ProgramPlan": "._program",
        "RowSparse": "._batch",
        "Scheduled": "._objectives",
        "Stateful": "._objectives",
        "StepProgram": "._program",
        "StepResult": "._batch",
        "Term": "._objectives",
        "automatic": "._choose",
        "doctor": "._doctor",
        "engines": "._base",
        "executor": "._render",
        "from_tcnn": "._tcnn._exchange",
        "fused_mlp": "._triton._mlp_ops",
        "grid_encode": "._cpu._grid_ops",
        "local_loss": "._derivative_steps",
        "machine": "._doctor",
        "overall_step": "._derivative_steps",
        "plan": "._choose",
        "point_sets": "._objectives",
        "render": "._render",
        "to_tcnn": "._tcnn._exchange",
        "versions": "._doctor",
        "without_whole_fits": "._triton._coverage",
    },
)
