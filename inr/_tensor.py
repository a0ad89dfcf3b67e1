"""`Tensor` for annotations in modules that have to be imported without torch: reading a signal's file takes none.

It is torch's wherever that was imported before, as it is by the tests, which check annotations, and by type checkers.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or "torch" in sys.modules:
    from torch import Tensor as Tensor
else:
    Tensor = Any
