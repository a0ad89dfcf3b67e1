"""Looking at fits: the comparison sheet."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.diagnostics._sheet import comparison_sheet as comparison_sheet

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "comparison_sheet": "._sheet",
    },
)
