"""Objectives: what is minimised over a field and a signal."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.objectives._absolute import AbsoluteError as AbsoluteError
    from inr.objectives._base import PointwiseObjective as PointwiseObjective
    from inr.objectives._base import mean_squared_error as mean_squared_error
    from inr.objectives._base import objectives as objectives
    from inr.objectives._huber import Huber as Huber
    from inr.objectives._regression import Regression as Regression
    from inr.objectives._relative import RelativeError as RelativeError

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "AbsoluteError": "._absolute",
        "Huber": "._huber",
        "PointwiseObjective": "._base",
        "Regression": "._regression",
        "RelativeError": "._relative",
        "mean_squared_error": "._base",
        "objectives": "._base",
    },
)
