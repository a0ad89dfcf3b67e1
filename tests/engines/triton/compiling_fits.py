"""Compile the kernels of whole fits for a GPU that is not there: `python compiling_fits.py CAPABILITY DEPTH WIDTH`.

Prints what compiling.py prints. Run by test_compiling.py in a process of its own, in which Triton does not interpret.
"""

import sys
from types import SimpleNamespace

import numpy as np
import torch
from compiling import Compiled

import inr
from inr.engines import Course
from inr.engines._triton import _library, _many_fields, _whole_fits
from inr.field import Field


def main():
    capability, depth, width = map(int, sys.argv[1:])
    _library.device = lambda: torch.device("cpu")
    _many_fields._whole_fits = SimpleNamespace(
        **vars(_whole_fits) | {name: Compiled(getattr(_whole_fits, name), capability) for name in ("fit", "measure")}
    )
    signal = inr.from_array(np.zeros((32, 32, 3), np.uint8))
    field = Field.build(
        signal.domain, encoding="identity", activation="sine", network=f"mlp:depth={depth},width={width}"
    )
    start = np.concatenate([tensor.detach().numpy().ravel() for tensor in field.state_dict().values()])[None]
    course = Course(1024, np.zeros((600, 1, 6)), 35.0, 1.05, 12, 10)
    fields = _many_fields.ManyFields(field, [signal], [0], start, course)
    fields.advance(100)
    fields.results()


if __name__ == "__main__":
    main()
