"""What methods of a lower floor leave to a higher one: a field's rendering by engines, pictures in notebooks.

Rooms import downwards only (docs/design.md). These few methods are where people look for them, at the field and at the
signal; their work is done above, and is found by name when they are called.
"""

import importlib
from typing import Any

_WHERE = {
    "render": "inr.engines",
    "field_html": "inr.diagnostics",
    "field_png": "inr.diagnostics",
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
