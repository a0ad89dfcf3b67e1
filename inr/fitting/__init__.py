"""Fitting: budgets, optimisers, parametrisations, the one loop and its events, checkpoints."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.fitting._adam import FusedAdam as FusedAdam
    from inr.fitting._adam import TorchAdam as TorchAdam
    from inr.fitting._adjustments import AdjustedPlan as AdjustedPlan
    from inr.fitting._adjustments import Adjustment as Adjustment
    from inr.fitting._adjustments import adjustments as adjustments
    from inr.fitting._bounded import BoundedWeights as BoundedWeights
    from inr.fitting._budget import Budget as Budget
    from inr.fitting._checks import check_buildable as check_buildable
    from inr.fitting._checks import check_seed as check_seed
    from inr.fitting._checks import check_smooth as check_smooth
    from inr.fitting._compiled import CompiledFits as CompiledFits
    from inr.fitting._compiled import FieldQueue as FieldQueue
    from inr.fitting._compiled import reason_of as reason_of
    from inr.fitting._defaults import LARGE_BATCH as LARGE_BATCH
    from inr.fitting._defaults import Setup as Setup
    from inr.fitting._defaults import default_setup as default_setup
    from inr.fitting._defaults import suited_batch as suited_batch
    from inr.fitting._defaults import suited_samples as suited_samples
    from inr.fitting._defaults import suited_steps as suited_steps
    from inr.fitting._evaluate import between_psnr as between_psnr
    from inr.fitting._evaluate import decibels as decibels
    from inr.fitting._evaluate import evaluate as evaluate
    from inr.fitting._evaluate import whole_errors as whole_errors
    from inr.fitting._evaluate import whole_psnr as whole_psnr
    from inr.fitting._events import Event as Event
    from inr.fitting._events import Reason as Reason
    from inr.fitting._fit import make_fitter as make_fitter
    from inr.fitting._fit import stopping_on_interrupt as stopping_on_interrupt
    from inr.fitting._fitter import Fitter as Fitter
    from inr.fitting._frequencies import Choice as Choice
    from inr.fitting._frequencies import choose_frequencies as choose_frequencies
    from inr.fitting._frequencies import second_opinions as second_opinions
    from inr.fitting._fresh import fresh_distance as fresh_distance
    from inr.fitting._fresh import radial_spectrum as radial_spectrum
    from inr.fitting._kernel import RIDGES as RIDGES
    from inr.fitting._kernel import gradient_gram as gradient_gram
    from inr.fitting._kernel import leave_one_out as leave_one_out
    from inr.fitting._kernel import tangent_kernel as tangent_kernel
    from inr.fitting._make_optimiser import OPTIMISERS as OPTIMISERS
    from inr.fitting._make_optimiser import make_optimiser as make_optimiser
    from inr.fitting._muon import Muon as Muon
    from inr.fitting._muon import orthogonalised as orthogonalised
    from inr.fitting._optimiser import Gradients as Gradients
    from inr.fitting._optimiser import Group as Group
    from inr.fitting._optimiser import LearningRates as LearningRates
    from inr.fitting._optimiser import Optimiser as Optimiser
    from inr.fitting._optimiser import dense as dense
    from inr.fitting._parameter_groups import default_learning_rates as default_learning_rates
    from inr.fitting._parameter_groups import parameter_groups as parameter_groups
    from inr.fitting._parametrisation import Parametrisation as Parametrisation
    from inr.fitting._parametrisation import PlainWeights as PlainWeights
    from inr.fitting._patches import dense_patches as dense_patches
    from inr.fitting._preconditioning import Flattening as Flattening
    from inr.fitting._preconditioning import flattening as flattening
    from inr.fitting._presets import Preset as Preset
    from inr.fitting._presets import preset_setup as preset_setup
    from inr.fitting._presets import presets as presets
    from inr.fitting._sample_counts import SampleCounts as SampleCounts
    from inr.fitting._schedules import SCHEDULES as SCHEDULES
    from inr.fitting._scorer import FieldScorer as FieldScorer
    from inr.fitting._scorer import tangent_product as tangent_product
    from inr.fitting._soap import Soap as Soap
    from inr.fitting._soap import recommended_optimiser as recommended_optimiser
    from inr.fitting._solve import at_points as at_points
    from inr.fitting._solve import solve as solve
    from inr.fitting._solve import solved as solved
    from inr.fitting._state import checkpoint_gap as checkpoint_gap
    from inr.fitting._state import fingerprint as fingerprint
    from inr.fitting._suggest import Suggestion as Suggestion
    from inr.fitting._suggest import suggest as suggest
    from inr.fitting._threads import on_threads as on_threads
    from inr.fitting._threads import one_thread as one_thread

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "BoundedWeights": "._bounded",
        "AdjustedPlan": "._adjustments",
        "Adjustment": "._adjustments",
        "Budget": "._budget",
        "Choice": "._frequencies",
        "CompiledFits": "._compiled",
        "Event": "._events",
        "FieldQueue": "._compiled",
        "FieldScorer": "._scorer",
        "Fitter": "._fitter",
        "Flattening": "._preconditioning",
        "FusedAdam": "._adam",
        "Gradients": "._optimiser",
        "Group": "._optimiser",
        "LARGE_BATCH": "._defaults",
        "LearningRates": "._optimiser",
        "Muon": "._muon",
        "OPTIMISERS": "._make_optimiser",
        "Optimiser": "._optimiser",
        "Parametrisation": "._parametrisation",
        "PlainWeights": "._parametrisation",
        "Preset": "._presets",
        "RIDGES": "._kernel",
        "Reason": "._events",
        "SCHEDULES": "._schedules",
        "SampleCounts": "._sample_counts",
        "Setup": "._defaults",
        "Soap": "._soap",
        "Suggestion": "._suggest",
        "TorchAdam": "._adam",
        "adjustments": "._adjustments",
        "at_points": "._solve",
        "between_psnr": "._evaluate",
        "check_buildable": "._checks",
        "check_seed": "._checks",
        "check_smooth": "._checks",
        "checkpoint_gap": "._state",
        "choose_frequencies": "._frequencies",
        "decibels": "._evaluate",
        "default_learning_rates": "._parameter_groups",
        "default_setup": "._defaults",
        "dense": "._optimiser",
        "dense_patches": "._patches",
        "evaluate": "._evaluate",
        "fingerprint": "._state",
        "gradient_gram": "._kernel",
        "flattening": "._preconditioning",
        "fresh_distance": "._fresh",
        "leave_one_out": "._kernel",
        "make_fitter": "._fit",
        "make_optimiser": "._make_optimiser",
        "on_threads": "._threads",
        "one_thread": "._threads",
        "orthogonalised": "._muon",
        "parameter_groups": "._parameter_groups",
        "preset_setup": "._presets",
        "presets": "._presets",
        "radial_spectrum": "._fresh",
        "reason_of": "._compiled",
        "recommended_optimiser": "._soap",
        "second_opinions": "._frequencies",
        "solve": "._solve",
        "solved": "._solve",
        "stopping_on_interrupt": "._fit",
        "suggest": "._suggest",
        "suited_batch": "._defaults",
        "suited_samples": "._defaults",
        "suited_steps": "._defaults",
        "tangent_kernel": "._kernel",
        "tangent_product": "._scorer",
        "whole_errors": "._evaluate",
        "whole_psnr": "._evaluate",
    },
)
