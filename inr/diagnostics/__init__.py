"""Pictures and measures of fits and encodings: sheets, fits side by side, curves, stable rank."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.diagnostics._codec_sheet import CodedPicture as CodedPicture
    from inr.diagnostics._codec_sheet import codec_sheet as codec_sheet
    from inr.diagnostics._comparison import Comparison as Comparison
    from inr.diagnostics._comparison import Run as Run
    from inr.diagnostics._completion_sheet import completion_sheet as completion_sheet
    from inr.diagnostics._embedding import distance_preservation as distance_preservation
    from inr.diagnostics._embedding import stable_rank as stable_rank
    from inr.diagnostics._figures import Series as Series
    from inr.diagnostics._figures import Subplot as Subplot
    from inr.diagnostics._figures import plot as plot
    from inr.diagnostics._live import LiveCurve as LiveCurve
    from inr.diagnostics._live import live_curve as live_curve
    from inr.diagnostics._methods_sheet import ReconstructedPicture as ReconstructedPicture
    from inr.diagnostics._methods_sheet import methods_sheet as methods_sheet
    from inr.diagnostics._notebook import field_html as field_html
    from inr.diagnostics._notebook import field_png as field_png
    from inr.diagnostics._notebook import signal_html as signal_html
    from inr.diagnostics._notebook import signal_png as signal_png
    from inr.diagnostics._notebook import table_html as table_html
    from inr.diagnostics._paper_table import latex_table as latex_table
    from inr.diagnostics._paper_table import markdown_table as markdown_table
    from inr.diagnostics._sample_counts import sample_counts_sheet as sample_counts_sheet
    from inr.diagnostics._sampling import estimate as estimate
    from inr.diagnostics._sheet import comparison_sheet as comparison_sheet
    from inr.diagnostics._sweep_curves import sweep_curves as sweep_curves
    from inr.diagnostics._sweep_page import sweep_page as sweep_page
    from inr.diagnostics._sweep_sheet import sweep_sheet as sweep_sheet
    from inr.diagnostics._thumbnail import Thumbnail as Thumbnail
    from inr.diagnostics._thumbnail import thumbnail as thumbnail

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "CodedPicture": "._codec_sheet",
        "Comparison": "._comparison",
        "LiveCurve": "._live",
        "ReconstructedPicture": "._methods_sheet",
        "Run": "._comparison",
        "Series": "._figures",
        "Subplot": "._figures",
        "Thumbnail": "._thumbnail",
        "codec_sheet": "._codec_sheet",
        "comparison_sheet": "._sheet",
        "completion_sheet": "._completion_sheet",
        "distance_preservation": "._embedding",
        "estimate": "._sampling",
        "field_html": "._notebook",
        "field_png": "._notebook",
        "live_curve": "._live",
        "latex_table": "._paper_table",
        "markdown_table": "._paper_table",
        "methods_sheet": "._methods_sheet",
        "plot": "._figures",
        "sample_counts_sheet": "._sample_counts",
        "signal_html": "._notebook",
        "signal_png": "._notebook",
        "stable_rank": "._embedding",
        "sweep_curves": "._sweep_curves",
        "sweep_page": "._sweep_page",
        "sweep_sheet": "._sweep_sheet",
        "table_html": "._notebook",
        "thumbnail": "._thumbnail",
    },
)
