"""The options of jobs: what requests may write, what it means for a fit, and what is refused before a job waits."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.serving.options._check import check as check
    from inr.serving.options._check import fit_options as fit_options
    from inr.serving.options._options import OPTIONS as OPTIONS
    from inr.serving.options._options import normalised as normalised

__getattr__, __all__ = lazy_exports(
    __name__,
    {"OPTIONS": "._options", "check": "._check", "fit_options": "._check", "normalised": "._options"},
)
