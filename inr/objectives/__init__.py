"""Objectives: what is minimised over a field and a signal."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.objectives._regression import Regression as Regression

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Regression": "._regression",
    },
)
