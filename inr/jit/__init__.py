"""The runtime of compiled kernels, for whoever has loops that PyTorch has no operator for.

Engines, optimisers, teachers and codecs write such loops in Python; numba compiles them for the processor at hand, and
the machine code is kept on disk (`kernel`, and `inline` for what kernels call). A `Stage` is a kernel that several
threads share: a program is a list of `Call`s of stages, which `run` hands to worker threads that are ready within a
microsecond. `Clock` adds up where the time goes.

What numba has no words for is in modules of its own: `inr.jit.vector` (vector instructions, atomic flags,
flush-to-zero), `inr.jit.maths` (elementary functions that become vector instructions, by the numbers of
`inr.jit.polynomials`), `inr.jit.products` (matrix products), `inr.jit.planes` (products of small matrices with long
rows), `inr.jit.lanes` (vectors as values) and `inr.jit.roofline` (what the machine can do at best).
"""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.jit._clock import Clock as Clock
    from inr.jit._clock import split_phase as split_phase
    from inr.jit._compile import NUMBA_VERSIONS as NUMBA_VERSIONS
    from inr.jit._compile import cache_folder as cache_folder
    from inr.jit._compile import compile_seconds as compile_seconds
    from inr.jit._compile import exact as exact
    from inr.jit._compile import inline as inline
    from inr.jit._compile import inline_generated as inline_generated
    from inr.jit._compile import kernel as kernel
    from inr.jit._compile import usable_folder as usable_folder
    from inr.jit._pool import run as run
    from inr.jit._pool import run_inline as run_inline
    from inr.jit._pool import warm as warm
    from inr.jit._splitmix import GOLDEN_STEP as GOLDEN_STEP
    from inr.jit._splitmix import mix_bits as mix_bits
    from inr.jit._stage import B1 as B1
    from inr.jit._stage import D2 as D2
    from inr.jit._stage import F1 as F1
    from inr.jit._stage import F2 as F2
    from inr.jit._stage import I1 as I1
    from inr.jit._stage import I2 as I2
    from inr.jit._stage import Array as Array
    from inr.jit._stage import Call as Call
    from inr.jit._stage import Stage as Stage
    from inr.jit._stage import share as share
    from inr.jit._worker_rows import worker_rows as worker_rows

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Array": "._stage",
        "B1": "._stage",
        "Call": "._stage",
        "Clock": "._clock",
        "D2": "._stage",
        "F1": "._stage",
        "F2": "._stage",
        "GOLDEN_STEP": "._splitmix",
        "I1": "._stage",
        "I2": "._stage",
        "NUMBA_VERSIONS": "._compile",
        "Stage": "._stage",
        "cache_folder": "._compile",
        "compile_seconds": "._compile",
        "exact": "._compile",
        "inline": "._compile",
        "inline_generated": "._compile",
        "kernel": "._compile",
        "mix_bits": "._splitmix",
        "run": "._pool",
        "run_inline": "._pool",
        "share": "._stage",
        "split_phase": "._clock",
        "usable_folder": "._compile",
        "warm": "._pool",
        "worker_rows": "._worker_rows",
    },
)
