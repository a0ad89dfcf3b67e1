"""Objectives: what is minimised over a field and a signal."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.objectives._absolute import AbsoluteError as AbsoluteError
    from inr.objectives._base import PointwiseObjective as PointwiseObjective
    from inr.objectives._base import mean_squared_error as mean_squared_error
    from inr.objectives._base import objectives as objectives
    from inr.objectives._digs import DivergenceGuided as DivergenceGuided
    from inr.objectives._distance import ClippedDistance as ClippedDistance
    from inr.objectives._distance import RelativeDistance as RelativeDistance
    from inr.objectives._eikonal import ImplicitGeometric as ImplicitGeometric
    from inr.objectives._eikonal import SirenDistance as SirenDistance
    from inr.objectives._huber import Huber as Huber
    from inr.objectives._occupancy import Occupancy as Occupancy
    from inr.objectives._regression import Regression as Regression
    from inr.objectives._relative import RelativeError as RelativeError

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "AbsoluteError": "._absolute",
        "ClippedDistance": "._distance",
        "DivergenceGuided": "._digs",
        "Huber": "._huber",
        "ImplicitGeometric": "._eikonal",
        "Occupancy": "._occupancy",
        "PointwiseObjective": "._base",
        "Regression": "._regression",
        "RelativeDistance": "._distance",
        "RelativeError": "._relative",
        "SirenDistance": "._eikonal",
        "mean_squared_error": "._base",
        "objectives": "._base",
    },
)
