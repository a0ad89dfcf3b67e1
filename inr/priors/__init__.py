"""Priors: what signals of one sort have in common, learned once, so that fields of further ones begin from it."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.priors._base import Base as Base
    from inr.priors._base import field_of_base as field_of_base
    from inr.priors._base import load_base as load_base
    from inr.priors._base import read_base as read_base
    from inr.priors._coded import compress_signals as compress_signals
    from inr.priors._coded import decompress_signals as decompress_signals
    from inr.priors._coded import read_signals as read_signals
    from inr.priors._coded import told_of_signals as told_of_signals
    from inr.priors._collection import Collection as Collection
    from inr.priors._collection import collect as collect
    from inr.priors._collection import signal_files as signal_files
    from inr.priors._completion import Completed as Completed
    from inr.priors._completion import Figures as Figures
    from inr.priors._completion import Periodic as Periodic
    from inr.priors._completion import complete as complete
    from inr.priors._decoding import field_of_code as field_of_code
    from inr.priors._kind import is_base as is_base
    from inr.priors._kind import is_coded as is_coded
    from inr.priors._learn import Learning as Learning
    from inr.priors._learn import LearningEvent as LearningEvent
    from inr.priors._learn import check_outputs as check_outputs
    from inr.priors._learn import checkpoint_of as checkpoint_of
    from inr.priors._learn import learn as learn
    from inr.priors._learn import save as save
    from inr.priors._lookup import found_base as found_base
    from inr.priors._method import Adapted as Adapted
    from inr.priors._method import Learned as Learned
    from inr.priors._method import Method as Method
    from inr.priors._method import Sampled as Sampled
    from inr.priors._method import methods as methods
    from inr.priors._telling import tells_coefficients as tells_coefficients

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Adapted": "._method",
        "Base": "._base",
        "Collection": "._collection",
        "Completed": "._completion",
        "Figures": "._completion",
        "Learned": "._method",
        "Learning": "._learn",
        "LearningEvent": "._learn",
        "Method": "._method",
        "Periodic": "._completion",
        "Sampled": "._method",
        "check_outputs": "._learn",
        "checkpoint_of": "._learn",
        "collect": "._collection",
        "complete": "._completion",
        "compress_signals": "._coded",
        "decompress_signals": "._coded",
        "field_of_base": "._base",
        "field_of_code": "._decoding",
        "is_base": "._kind",
        "is_coded": "._kind",
        "found_base": "._lookup",
        "learn": "._learn",
        "load_base": "._base",
        "methods": "._method",
        "read_base": "._base",
        "read_signals": "._coded",
        "save": "._learn",
        "signal_files": "._collection",
        "tells_coefficients": "._telling",
        "told_of_signals": "._coded",
    },
)
