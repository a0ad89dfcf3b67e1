"""Pictures and measures of fits: sheets, fits side by side, kernels, regions, ranks; explanations with advice."""

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
    from inr.diagnostics._explain._explanation import BandRow as BandRow
    from inr.diagnostics._explain._explanation import Explanation as Explanation
    from inr.diagnostics._explain._explanation import Finding as Finding
    from inr.diagnostics._explain._explanation import PartRow as PartRow
    from inr.diagnostics._explain._explanation import explain as explain
    from inr.diagnostics._explain._history import History as History
    from inr.diagnostics._explain._history import Look as Look
    from inr.diagnostics._explain._history import Recorder as Recorder
    from inr.diagnostics._explain._history import load_history as load_history
    from inr.diagnostics._explain._page import explanation_page as explanation_page
    from inr.diagnostics._explain._trying import Trial as Trial
    from inr.diagnostics._explain._trying import tried as tried
    from inr.diagnostics._explain._trying import try_finding as try_finding
    from inr.diagnostics._explain._words import band_cells as band_cells
    from inr.diagnostics._explain._words import explanation_document as explanation_document
    from inr.diagnostics._explain._words import part_cells as part_cells
    from inr.diagnostics._figures import Series as Series
    from inr.diagnostics._figures import Subplot as Subplot
    from inr.diagnostics._figures import plot as plot
    from inr.diagnostics._live import LiveCurve as LiveCurve
    from inr.diagnostics._live import live_curve as live_curve
    from inr.diagnostics._measures._alias import alias_power as alias_power
    from inr.diagnostics._measures._alias import alias_ratio as alias_ratio
    from inr.diagnostics._measures._alias import invented_power as invented_power
    from inr.diagnostics._measures._alias import twice_as_dense as twice_as_dense
    from inr.diagnostics._measures._amplitude import amplitude_bound as amplitude_bound
    from inr.diagnostics._measures._amplitude import harmonic_bounds as harmonic_bounds
    from inr.diagnostics._measures._bands import band_limits as band_limits
    from inr.diagnostics._measures._bands import band_powers as band_powers
    from inr.diagnostics._measures._bands import band_residuals as band_residuals
    from inr.diagnostics._measures._bands import spectral_bias_index as spectral_bias_index
    from inr.diagnostics._measures._complexity import Complexity as Complexity
    from inr.diagnostics._measures._complexity import chebyshev_complexity as chebyshev_complexity
    from inr.diagnostics._measures._complexity import fourier_complexity as fourier_complexity
    from inr.diagnostics._measures._complexity import lempel_ziv_words as lempel_ziv_words
    from inr.diagnostics._measures._complexity import untrained_complexity as untrained_complexity
    from inr.diagnostics._measures._confusion import gradient_cosines as gradient_cosines
    from inr.diagnostics._measures._kernel_spectrum import kernel_ends as kernel_ends
    from inr.diagnostics._measures._kernel_spectrum import kernel_spectrum as kernel_spectrum
    from inr.diagnostics._measures._kernel_spectrum import kernel_trace as kernel_trace
    from inr.diagnostics._measures._kernel_spectrum import lanczos as lanczos
    from inr.diagnostics._measures._kernel_spectrum import spectral_density as spectral_density
    from inr.diagnostics._measures._layers import feature_rank as feature_rank
    from inr.diagnostics._measures._layers import layer_ranks as layer_ranks
    from inr.diagnostics._measures._layers import layers_at as layers_at
    from inr.diagnostics._measures._noise import noise_estimate as noise_estimate
    from inr.diagnostics._measures._random_features import RandomFeatures as RandomFeatures
    from inr.diagnostics._measures._random_features import random_features as random_features
    from inr.diagnostics._measures._regions import activation_patterns as activation_patterns
    from inr.diagnostics._measures._regions import dead_units as dead_units
    from inr.diagnostics._measures._regions import hamming as hamming
    from inr.diagnostics._measures._regions import hamming_distances as hamming_distances
    from inr.diagnostics._measures._regions import region_count as region_count
    from inr.diagnostics._measures._regions import regions_along as regions_along
    from inr.diagnostics._measures._target_shares import predicted_residual as predicted_residual
    from inr.diagnostics._measures._target_shares import target_shares as target_shares
    from inr.diagnostics._measures._whiteness import autocorrelation as autocorrelation
    from inr.diagnostics._measures._whiteness import autocorrelation_map as autocorrelation_map
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
    from inr.fitting import fresh_distance as fresh_distance
    from inr.fitting import radial_spectrum as radial_spectrum

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "BandRow": "._explain._explanation",
        "CodedPicture": "._codec_sheet",
        "Comparison": "._comparison",
        "Complexity": "._measures._complexity",
        "Explanation": "._explain._explanation",
        "Finding": "._explain._explanation",
        "History": "._explain._history",
        "LiveCurve": "._live",
        "Look": "._explain._history",
        "PartRow": "._explain._explanation",
        "RandomFeatures": "._measures._random_features",
        "ReconstructedPicture": "._methods_sheet",
        "Recorder": "._explain._history",
        "Run": "._comparison",
        "Series": "._figures",
        "Subplot": "._figures",
        "Thumbnail": "._thumbnail",
        "Trial": "._explain._trying",
        "activation_patterns": "._measures._regions",
        "alias_power": "._measures._alias",
        "alias_ratio": "._measures._alias",
        "amplitude_bound": "._measures._amplitude",
        "autocorrelation": "._measures._whiteness",
        "autocorrelation_map": "._measures._whiteness",
        "band_cells": "._explain._words",
        "band_limits": "._measures._bands",
        "band_powers": "._measures._bands",
        "band_residuals": "._measures._bands",
        "chebyshev_complexity": "._measures._complexity",
        "codec_sheet": "._codec_sheet",
        "comparison_sheet": "._sheet",
        "completion_sheet": "._completion_sheet",
        "dead_units": "._measures._regions",
        "distance_preservation": "._embedding",
        "estimate": "._sampling",
        "explain": "._explain._explanation",
        "explanation_document": "._explain._words",
        "explanation_page": "._explain._page",
        "feature_rank": "._measures._layers",
        "field_html": "._notebook",
        "field_png": "._notebook",
        "fourier_complexity": "._measures._complexity",
        "fresh_distance": "inr.fitting",
        "gradient_cosines": "._measures._confusion",
        "hamming": "._measures._regions",
        "hamming_distances": "._measures._regions",
        "harmonic_bounds": "._measures._amplitude",
        "invented_power": "._measures._alias",
        "kernel_ends": "._measures._kernel_spectrum",
        "kernel_spectrum": "._measures._kernel_spectrum",
        "kernel_trace": "._measures._kernel_spectrum",
        "lanczos": "._measures._kernel_spectrum",
        "latex_table": "._paper_table",
        "layer_ranks": "._measures._layers",
        "layers_at": "._measures._layers",
        "lempel_ziv_words": "._measures._complexity",
        "live_curve": "._live",
        "load_history": "._explain._history",
        "markdown_table": "._paper_table",
        "methods_sheet": "._methods_sheet",
        "noise_estimate": "._measures._noise",
        "part_cells": "._explain._words",
        "plot": "._figures",
        "predicted_residual": "._measures._target_shares",
        "radial_spectrum": "inr.fitting",
        "random_features": "._measures._random_features",
        "region_count": "._measures._regions",
        "regions_along": "._measures._regions",
        "sample_counts_sheet": "._sample_counts",
        "signal_html": "._notebook",
        "signal_png": "._notebook",
        "spectral_bias_index": "._measures._bands",
        "spectral_density": "._measures._kernel_spectrum",
        "stable_rank": "._embedding",
        "sweep_curves": "._sweep_curves",
        "sweep_page": "._sweep_page",
        "sweep_sheet": "._sweep_sheet",
        "table_html": "._notebook",
        "target_shares": "._measures._target_shares",
        "thumbnail": "._thumbnail",
        "tried": "._explain._trying",
        "try_finding": "._explain._trying",
        "twice_as_dense": "._measures._alias",
        "untrained_complexity": "._measures._complexity",
    },
)
