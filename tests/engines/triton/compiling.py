"""Compile a network's kernels for a GPU that is not there: `python compiling.py CAPABILITY ACTIVATION WIDTH …`.

Prints a line a kernel: its name, bytes of shared memory, registers, bytes of stack, and what multiplies. Run by
test_compiling.py in a process of its own, in which Triton does not interpret.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from inr.activations import activations
from inr.engines._triton import _network
from inr.engines._triton._network import Runner, Waves
from inr.networks import networks

TYPES = {
    torch.float64: "*fp64", torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16",
    torch.int64: "*i64", torch.int32: "*i32", int: "i32", float: "fp32",
}  # fmt: skip
DISASSEMBLER = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
POINTS = 4096


class Compiled:
    """In a kernel's place: launching it compiles it."""

    def __init__(self, kernel, capability):
        self.kernel, self.capability = kernel, capability

    def __getitem__(self, grid):
        return self.launch

    def launch(self, *arguments, **named):
        names = self.kernel.arg_names
        given = dict(zip(names, arguments, strict=False)) | named
        options = {name: value for name, value in given.items() if name not in names}
        signature, constants, divisible = {}, {}, {}
        for index, name in enumerate(names):
            value = given[name]
            if name.isupper():
                signature[name], constants[index,] = "constexpr", value
                continue
            signature[name] = TYPES[value.dtype if isinstance(value, torch.Tensor) else type(value)]
            if isinstance(value, torch.Tensor) or (isinstance(value, int) and value % 16 == 0):
                divisible[index,] = [["tt.divisibility", 16]]
        source = ASTSource(self.kernel, signature=signature, constexprs=constants, attrs=divisible)
        made = triton.compile(source, target=GPUTarget("cuda", self.capability, 32), options=options)
        registers, stack = usage(made.asm["cubin"])
        found = {
            "kernel": self.kernel.__name__, "shared": made.metadata.shared, "registers": registers, "stack": stack,
            "tensor cores": next((op for op in ("tcgen05.mma", "wgmma", "mma.sync") if op in made.asm["ptx"]), "none"),
        }  # fmt: skip
        print(json.dumps(found), flush=True)


def usage(binary):
    """Registers a thread and bytes of stack."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        said = subprocess.run([DISASSEMBLER, "-res-usage", file.name], capture_output=True, text=True, check=True)
    return [int(number) for number in re.search(r"REG:(\d+) STACK:(\d+)", said.stdout).groups()]


def main():
    capability, activation, width, inputs, waves, precision = sys.argv[1:]
    width, inputs, waves = int(width), int(inputs), int(waves)
    network = networks.build(f"mlp:depth=3,width={width}", 2 * waves or inputs, 3, activations.build(activation))
    given = Waves(torch.zeros(inputs, waves), torch.zeros(waves)) if waves else None
    runner = Runner(network, given, precision, torch.device("cpu"))
    for module, names in ((runner._kernels, ("render", "learn")), (_network._weight_gradients, ("first", "hidden"))):
        kernels = SimpleNamespace(**{name: Compiled(getattr(module, name), int(capability)) for name in names})
        if module is runner._kernels:
            runner._kernels = kernels
        else:
            _network._weight_gradients = kernels
    x = torch.zeros(POINTS, runner.shape.dim)
    runner.values(x)
    runner.learn(x, torch.zeros(POINTS, 3), None, task="fit", scale=1.0, factor=1.0, of_features=not waves)


if __name__ == "__main__":
    main()
