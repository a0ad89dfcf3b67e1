"""Benchmarks: how fast this machine fits, renders and compresses, beside what one would write in plain PyTorch.

`inr bench NAME` runs one and prints its table; `run` does so from Python. They are part of the package, so that an
installation can be measured without a checkout, and stand above all rooms that they measure.
"""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.bench._run import BENCHMARKS as BENCHMARKS
    from inr.bench._run import Options as Options
    from inr.bench._run import run as run
    from inr.bench._table import Table as Table
    from inr.bench._table import output_paths as output_paths

__getattr__, __all__ = lazy_exports(
    __name__, {"BENCHMARKS": "._run", "Options": "._run", "Table": "._table", "output_paths": "._table", "run": "._run"}
)
