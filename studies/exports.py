"""Every part of the registries outside of PyTorch, beside PyTorch in float64: the worst difference by target.

    python -m studies.exports [--only c glsl …]

One small field of each part is written by `inr.exporting` for every target, run by what takes such programs, and
compared at 40 points of the square; "pixels" are the shader's values at 48 x 40 pixel centres in a headless Chromium
beside those of `inr render`. Differences are shares of the range of values, those of pixels grey levels of 255. Fields
have random weights, so that no values are near 0; one of them is too large for a shader's text and lies in a texture.

Rows are kept in results/exports.tsv as they are found and not made again; results/exports.md is written from all. A
target whose program is not on the machine (cc, node, chromium) is left out and named.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from inr.bench import machine
from inr.bench.tables import append, markdown, origin, read
from inr.exporting import printed
from inr.exporting._exchange import InUnits, exported
from studies import RESULTS
from tests.exporting import browser
from tests.exporting.fields import POINTS, cases, centres, rendered
from tests.exporting.outside import in_c, in_node, in_onnx_runtime

TABLE = RESULTS / "exports.tsv"
COLUMNS = ["target", "part", "difference"]
Found = Iterator[tuple[str, str, float]]  # target, part and difference


def _beside(target: str, name: str, values: np.ndarray) -> tuple[str, str, float]:
    return target, name, float(np.abs(values - cases()[name].values).max())


def by_c(names: Sequence[str], folder: Path) -> Found:
    programs = {name: cases()[name].program for name in names}
    for target, real in (("c", np.float32), ("c, doubles", np.float64)):
        for name, values in in_c(programs, POINTS, folder, real).items():
            yield _beside(target, name, values)


def by_node(names: Sequence[str], folder: Path) -> Found:
    for name, values in in_node({name: cases()[name].program for name in names}, POINTS, folder).items():
        yield _beside("js", name, values)


def by_browser(language: str) -> Callable[[Sequence[str], Path], Found]:
    def run(names: Sequence[str], folder: Path) -> Found:
        shaders = {name: printed(cases()[name].field, language) for name in names}
        with browser.page(folder) as page:
            found = browser.run(page, language, shaders, np.concatenate([POINTS, centres()]), 3)
        for name, values in found.items():
            yield _beside(language, name, values[: len(POINTS)])
            yield f"{language}, pixels", name, float(np.abs(255 * values[len(POINTS) :] - rendered(name)).max())

    return run


def by_onnx(names: Sequence[str], folder: Path) -> Found:
    for name in names:
        yield _beside("onnx", name, in_onnx_runtime(InUnits(cases()[name].field), POINTS, folder / "field.onnx"))


def by_torch(names: Sequence[str], folder: Path) -> Found:
    for name in names:
        module = exported(InUnits(cases()[name].field), 2, torch.float32).module()
        yield _beside("pt2", name, module(torch.from_numpy(POINTS).float()).detach().numpy())


RUNS: dict[str, tuple[str, str, Callable[[Sequence[str], Path], Found]]] = {  # what is needed, by whom it is run
    "c": ("cc", "cc", by_c),
    "js": ("node", "Node.js", by_node),
    "glsl": ("chromium", "WebGL 2 in headless Chromium (SwiftShader)", by_browser("glsl")),
    "wgsl": ("chromium", "WebGPU in headless Chromium (SwiftShader)", by_browser("wgsl")),
    "onnx": ("", "ONNX Runtime, float32", by_onnx),
    "pt2": ("", "torch.export, float32", by_torch),
}


def report(table: Path) -> str:
    """The worst of every target as Markdown."""
    rows = read(table)
    lines = []
    for target in dict.fromkeys(row["target"] for row in rows):
        found = {row["part"]: float(row["difference"]) for row in rows if row["target"] == target}
        worst = max(found, key=lambda part: found[part])
        unit = " grey levels" if target.endswith("pixels") else ""
        largest, usual = (f"{each:.1e}{unit}" for each in (found[worst], np.median(list(found.values()))))
        lines.append([target, RUNS[target.partition(",")[0]][1], str(len(found)), largest, worst, usual])
    head = ["target", "run by", "fields", "largest difference", "of", "median"]
    return "\n".join(["# Exported fields beside PyTorch", "", *markdown(head, lines), "", origin(table), ""])


def main() -> None:
    """Run what is not in the table yet, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(RUNS), default=list(RUNS), help="targets")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    comment = machine.describe()
    for target in options.only:
        needed, _, run = RUNS[target]
        if needed and shutil.which(needed) is None:
            print(f"{target}: there is no {needed} on this machine")
            continue
        done = {row["part"] for row in read(options.out) if row["target"] == target}
        names = [name for name in cases() if name not in done]
        with tempfile.TemporaryDirectory() as folder:
            for kind, name, difference in run(names, Path(folder)) if names else ():
                append(options.out, COLUMNS, {"target": kind, "part": name, "difference": f"{difference:.2e}"}, comment)
                print(kind, name, f"{difference:.2e}", flush=True)
    options.out.with_suffix(".md").write_text(report(options.out))


if __name__ == "__main__":
    main()
