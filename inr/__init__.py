"""Turn any sampled signal into a small continuous function: fit, render, differentiate and save neural fields.

>>> import inr
>>> field = inr.fit(inr.open("photo.png"), steps=100)
>>> field.save("photo.inr")
>>> inr.render(inr.load("photo.inr"), shape=(48, 64)).shape
(48, 64, 3)
"""

import importlib
from typing import TYPE_CHECKING, Any

from inr._imageio_table import register as _register
from inr._version import __version__ as __version__
from inr._when_imported import when_imported as _when_imported

if TYPE_CHECKING:
    from inr import (
        activations,
        compression,
        container,
        diagnostics,
        encodings,
        engines,
        equations,
        exporting,
        fitting,
        geometry,
        listeners,
        networks,
        objectives,
        priors,
        reconstruction,
        sets,
        shapes,
        signals,
        sweeping,
        teaching,
    )
    from inr._errors import DamagedFile, InrError, InrWarning, MissingExtra
    from inr._params import Range
    from inr.compression import compress, decompress, fit
    from inr.engines import render
    from inr.equations import solve
    from inr.exporting import export
    from inr.field import Field
    from inr.fitting import Budget, Event, Fitter, Suggestion, suggest
    from inr.io import load
    from inr.priors import Base, complete, learn, load_base
    from inr.reconstruction import reconstruct
    from inr.sets import Fields, fit_many, load_set
    from inr.signals import Signal, from_array, open
    from inr.sweeping import sweep


__all__ = [
    "Base",
    "Budget",
    "DamagedFile",
    "Event",
    "Field",
    "Fields",
    "Fitter",
    "InrError",
    "InrWarning",
    "MissingExtra",
    "Range",
    "Signal",
    "Suggestion",
    "activations",
    "complete",
    "compress",
    "compression",
    "container",
    "decompress",
    "diagnostics",
    "encodings",
    "engines",
    "equations",
    "export",
    "exporting",
    "fit",
    "fit_many",
    "fitting",
    "from_array",
    "geometry",
    "learn",
    "listeners",
    "load",
    "load_base",
    "load_set",
    "networks",
    "objectives",
    "open",
    "priors",
    "reconstruct",
    "reconstruction",
    "render",
    "sets",
    "shapes",
    "signals",
    "solve",
    "suggest",
    "sweep",
    "sweeping",
    "teaching",
]

_ROOMS = {
    "activations",
    "compression",
    "container",
    "diagnostics",
    "encodings",
    "engines",
    "equations",
    "exporting",
    "fitting",
    "geometry",
    "imageio",
    "listeners",
    "networks",
    "objectives",
    "priors",
    "reconstruction",
    "sets",
    "shapes",
    "signals",
    "sweeping",
    "teaching",
}
_NAMES = {
    "Base": "inr.priors",
    "Budget": "inr.fitting",
    "DamagedFile": "inr._errors",
    "Event": "inr.fitting",
    "Field": "inr.field",
    "Fields": "inr.sets",
    "Fitter": "inr.fitting",
    "InrError": "inr._errors",
    "InrWarning": "inr._errors",
    "MissingExtra": "inr._errors",
    "Range": "inr._params",
    "Signal": "inr.signals",
    "Suggestion": "inr.fitting",
    "complete": "inr.priors",
    "compress": "inr.compression",
    "decompress": "inr.compression",
    "export": "inr.exporting",
    "fit": "inr.compression",
    "fit_many": "inr.sets",
    "from_array": "inr.signals",
    "learn": "inr.priors",
    "load": "inr.io",
    "load_base": "inr.priors",
    "load_set": "inr.sets",
    "open": "inr.signals",
    "reconstruct": "inr.reconstruction",
    "render": "inr.engines",
    "solve": "inr.equations",
    "suggest": "inr.fitting",
    "sweep": "inr.sweeping",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"inr.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'inr' has no attribute '{name}'")


_when_imported("imageio.config", _register)
