"""Equations: differential equations solved for a field, in closed form or by steps."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.equations._collocation import CollocationFit as CollocationFit
    from inr.equations._collocation_setup import collocation_fit as collocation_fit
    from inr.equations._collocation_setup import finished_field as finished_field
    from inr.equations._comparing import known_solution as known_solution
    from inr.equations._comparing import relative_errors as relative_errors
    from inr.equations._functions import cos as cos
    from inr.equations._functions import cosh as cosh
    from inr.equations._functions import erf as erf
    from inr.equations._functions import exp as exp
    from inr.equations._functions import log as log
    from inr.equations._functions import maximum as maximum
    from inr.equations._functions import minimum as minimum
    from inr.equations._functions import sign as sign
    from inr.equations._functions import sin as sin
    from inr.equations._functions import sinh as sinh
    from inr.equations._functions import sqrt as sqrt
    from inr.equations._functions import tan as tan
    from inr.equations._functions import tanh as tanh
    from inr.equations._objective import EquationLoss as EquationLoss
    from inr.equations._options import SolveOptions as SolveOptions
    from inr.equations._options import solve_options as solve_options
    from inr.equations._preset import Preset as Preset
    from inr.equations._presets import PRESETS as PRESETS
    from inr.equations._problem import Problem as Problem
    from inr.equations._solve import closed_form as closed_form
    from inr.equations._solve import closed_form_first as closed_form_first
    from inr.equations._solve import solve as solve
    from inr.equations._solve import solved as solved
    from inr.equations._stating import state as state
    from inr.equations._text import channels_and_domain as channels_and_domain
    from inr.equations._tracing import Channel as Channel

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Channel": "._tracing",
        "CollocationFit": "._collocation",
        "EquationLoss": "._objective",
        "SolveOptions": "._options",
        "PRESETS": "._presets",
        "Preset": "._preset",
        "Problem": "._problem",
        "closed_form": "._solve",
        "closed_form_first": "._solve",
        "relative_errors": "._comparing",
        "cos": "._functions",
        "cosh": "._functions",
        "channels_and_domain": "._text",
        "erf": "._functions",
        "exp": "._functions",
        "finished_field": "._collocation_setup",
        "known_solution": "._comparing",
        "log": "._functions",
        "solve_options": "._options",
        "maximum": "._functions",
        "minimum": "._functions",
        "sign": "._functions",
        "sin": "._functions",
        "sinh": "._functions",
        "solve": "._solve",
        "solved": "._solve",
        "sqrt": "._functions",
        "state": "._stating",
        "collocation_fit": "._collocation_setup",
        "tan": "._functions",
        "tanh": "._functions",
    },
)
