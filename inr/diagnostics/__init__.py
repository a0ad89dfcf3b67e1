"""Looking at fits and at encodings: comparison sheets, fits side by side, where a teacher looked, what features do."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.diagnostics._contest import Contender as Contender
    from inr.diagnostics._contest import Contest as Contest
    from inr.diagnostics._contest_page import sweep_page as sweep_page
    from inr.diagnostics._contest_sheet import sweep_sheet as sweep_sheet
    from inr.diagnostics._embedding import distance_preservation as distance_preservation
    from inr.diagnostics._embedding import stable_rank as stable_rank
    from inr.diagnostics._figures import Series as Series
    from inr.diagnostics._figures import Subplot as Subplot
    from inr.diagnostics._figures import plot as plot
    from inr.diagnostics._looks import Look as Look
    from inr.diagnostics._looks import look_at as look_at
    from inr.diagnostics._race import sweep_curves as sweep_curves
    from inr.diagnostics._sample_counts import sample_counts_sheet as sample_counts_sheet
    from inr.diagnostics._sheet import comparison_sheet as comparison_sheet

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Contender": "._contest",
        "Contest": "._contest",
        "Look": "._looks",
        "sample_counts_sheet": "._sample_counts",
        "comparison_sheet": "._sheet",
        "distance_preservation": "._embedding",
        "look_at": "._looks",
        "plot": "._figures",
        "Series": "._figures",
        "Subplot": "._figures",
        "stable_rank": "._embedding",
        "sweep_curves": "._race",
        "sweep_page": "._contest_page",
        "sweep_sheet": "._contest_sheet",
    },
)
