"""Every example in a docstring of the package and in a page of documentation runs, and prints what it says.

An example is typed as a user would: `inr`, `np` and `torch` are imported, and the folder it runs in holds `photo.png`,
a small picture. One that speaks of CUDA is skipped where there is none.
"""

import ast
import doctest
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import inr

ROOT = Path(__file__).resolve().parents[1]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST


def docstrings(path: Path) -> Iterator[tuple[str, str, int]]:
    """Name, text and line of every docstring of a module that holds examples, found without importing it."""
    source = path.read_text(encoding="utf-8")
    if ">>> " not in source:
        return
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    nodes: list[tuple[str, ast.AST]] = [(module, ast.parse(source))]
    for name, node in nodes:
        nodes += [
            (f"{name}.{child.name}", child)
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.ClassDef | ast.FunctionDef)
        ]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ">>> " in (ast.get_docstring(node) or ""):
            yield name, ast.get_docstring(node) or "", getattr(node, "lineno", 1)


def write_photo(path: Path) -> None:
    """A smooth picture in colour, 24 rows of 32 pixels."""
    rows, columns = np.mgrid[:24, :32]
    waves = [127 + 100 * np.sin(rows / 5 + channel) * np.cos(columns / 7) for channel in range(3)]
    inr.Signal.from_array(np.stack(waves, axis=-1).astype(np.uint8)).save(path)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [found for path in sorted((ROOT / "inr").rglob("*.py")) for found in docstrings(path)]
# a fence ends what an example prints
TEXTS = [(path.name, re.sub("^```.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)) for path in PAGES]
EXAMPLES += [(name, text, 1) for name, text in TEXTS if ">>> " in text]
# examples that take seconds, for runs with --long
SLOW = {
    "inr.compression.fit_series.FitSeries",
    "inr.diagnostics._explain._explanation.explain",
    "inr.engines._cpu._grid_ops.grid_encode",
    "inr.fitting._suggest.suggest",
    "inr.jit._stage.Stage",
    "inr.priors._base.Base",
    "inr.priors._coded.compress_signals",
    "inr.priors._learn.learn",
    "inr.sklearn.FieldRegressor",
}
ROWS = [pytest.param(*found, id=found[0], marks=[pytest.mark.long] * (found[0] in SLOW)) for found in EXAMPLES]


def test_examples_are_found():
    assert {"inr", "inr.signals._metrics.psnr", *SLOW} <= {name for name, _, _ in EXAMPLES}


@pytest.mark.parametrize(("name", "text", "line"), ROWS)
def test_the_example_runs(name, text, line, tmp_path, monkeypatch):
    if "cuda" in text.partition(">>> ")[2] and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    monkeypatch.chdir(tmp_path)
    write_photo(Path("photo.png"))
    test = doctest.DocTestParser().get_doctest(text, {"inr": inr, "np": np, "torch": torch}, name, None, line)
    report = io.StringIO()
    failures = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.write).failed
    assert failures == 0, report.getvalue()
