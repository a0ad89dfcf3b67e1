"""What a lower floor leaves to a higher one: a field's rendering by engines, pictures and curves in notebooks.

Rooms import downwards only (docs/design.md). These few functions are what methods of the field and the signal do, where
people look for them, what `inr.fit` shows, pictures of shapes for comparison sheets, fields on the Hugging Face Hub,
and fields that begin from a base or are told from one; their work is done above, and is found by name when they are
called.
"""

import importlib
from typing import Any

_WHERE = {
    "read_base": "inr.priors",
    "render": "inr.engines",
    "field_html": "inr.diagnostics",
    "field_of_base": "inr.priors",
    "field_of_code": "inr.priors",
    "field_png": "inr.diagnostics",
    "found_base": "inr.priors",
    "live_curve": "inr.diagnostics",
    "pull": "inr.hub",
    "push": "inr.hub",
    "shape_views": "inr.shapes",
    "signal_html": "inr.diagnostics",
    "signal_png": "inr.diagnostics",
}


def upstairs(name: str, *args: Any) -> Any:
    """Call a function of a higher floor.

    Args:
        name: one of those that this module lists.
        args: what it is called with.
    """
    return getattr(importlib.import_module(_WHERE[name]), name)(*args)
