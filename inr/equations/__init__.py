"""Equations: differential equations solved for a field, in closed form or by steps."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    pass

__getattr__, __all__ = lazy_exports(__name__, {})
