"""What the operands of the hidden layers' products may be; their sums are float32 always."""

from typing import Literal

import torch

Precision = Literal["float16", "bfloat16", "tf32", "float32"]

# in memory: tensor cores read tf32 from float32
OPERANDS: dict[str, torch.dtype] = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "tf32": torch.float32,
    "float32": torch.float32,
}
