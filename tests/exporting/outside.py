"""Programs run outside of PyTorch: by a C compiler, Node.js and ONNX Runtime; browsers have a file of their own."""

import ctypes
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from inr.exporting._c import c
from inr.exporting._exchange import save_onnx
from inr.exporting._js import js
from inr.exporting._program import Program


def identifier(name: str) -> str:
    """A part's name as programs can have it."""
    return "f_" + "".join(letter if letter.isalnum() else "_" for letter in name)


def in_c(
    programs: Mapping[str, Program], points: np.ndarray, folder: Path, real: type[np.floating] = np.float64
) -> dict[str, np.ndarray]:
    """Values of programs by name, (n, C), all compiled at once.

    Args:
        programs: by name.
        points: (n, D).
        folder: where text and library are written.
        real: what C computes with.
    """
    (folder / "all.c").write_bytes(b"".join(c(program, identifier(name), []) for name, program in programs.items()))
    held = {np.float64: "double", np.float32: "float"}[real]
    command = ["cc", "-std=c11", "-O0", "-Wall", "-Werror", "-shared", "-fPIC", f"-Dreal={held}", "all.c", "-lm"]
    subprocess.run([*command, "-o", f"{held}.so"], cwd=folder, check=True, timeout=300)
    library = ctypes.CDLL(str(folder / f"{held}.so"))
    given = points.astype(real)
    found = {}
    for name, program in programs.items():
        values = np.zeros((len(points), program.outputs.size), real)
        function = getattr(library, identifier(name))
        for point, into in zip(given, values, strict=True):
            function(point.ctypes.data_as(ctypes.c_void_p), into.ctypes.data_as(ctypes.c_void_p))
        found[name] = values
    return found


def in_node(programs: Mapping[str, Program], points: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    """Values of programs by name, (n, C), by one run of Node.js.

    Args:
        programs: by name.
        points: (n, D).
        folder: where modules are written.
    """
    for name, program in programs.items():
        (folder / f"{identifier(name)}.mjs").write_bytes(js(program, "field", []))
    lines = [f'import {{ field as {identifier(name)} }} from "./{identifier(name)}.mjs";' for name in programs]
    found = ", ".join(f"{json.dumps(name)}: points.map((each) => [...{identifier(name)}(each)])" for name in programs)
    lines += [f"const points = {json.dumps(points.tolist())};", f"console.log(JSON.stringify({{{found}}}));"]
    (folder / "main.mjs").write_text("\n".join(lines))
    done = subprocess.run(["node", "main.mjs"], cwd=folder, capture_output=True, text=True, check=True, timeout=300)
    return {name: np.array(values) for name, values in json.loads(done.stdout).items()}


def in_onnx_runtime(module: nn.Module, points: np.ndarray, path: Path) -> np.ndarray:
    """Values of a module of 32 bits, (n, C), written as ONNX to a path."""
    import onnxruntime

    save_onnx(module.eval(), points.shape[1], torch.float32, path, None)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"coords": points.astype(np.float32)})
    return found
