"""Looking at fits: the comparison sheet, and where a teacher looked."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.diagnostics._attention import attention_sheet as attention_sheet
    from inr.diagnostics._sheet import comparison_sheet as comparison_sheet

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "attention_sheet": "._attention",
        "comparison_sheet": "._sheet",
    },
)
