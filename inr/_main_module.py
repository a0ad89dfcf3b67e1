"""Processes that are begun from whatever script somebody runs."""

import contextlib
import sys
import types
from collections.abc import Iterator


@contextlib.contextmanager
def nothing_of_this_script() -> Iterator[None]:
    """Start processes that do not run the main module again, so that scripts need not guard what they do."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
