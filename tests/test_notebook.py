"""examples/tour.ipynb runs from its beginning, and the one that is kept shows what such a run shows."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path("examples/tour.ipynb")


def shown(path: Path) -> list[list[str]]:
    """The kinds of output of every cell of code."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    return [[kind for output in cell["outputs"] for kind in output.get("data", {"text": 0})] for cell in cells]


def metrics(path: Path) -> dict[str, float]:
    """What the notebook prints of its first fit."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = ["".join(output["data"]["text/plain"]) for output in outputs if "text/plain" in output.get("data", {})]
    return ast.literal_eval(next(text for text in texts if "psnr_between" in text))


def test_the_kept_notebook_has_its_pictures_and_is_small(root):
    outputs = shown(root / NOTEBOOK)
    assert sum(kinds.count("image/jpeg") for kinds in outputs) == 6
    assert {kind for kinds in outputs for kind in kinds} == {"image/jpeg", "text", "text/plain"}
    assert (root / NOTEBOOK).stat().st_size < 400_000


@pytest.mark.long
def test_the_notebook_runs(root, tmp_path):
    missing = [name for name in ("nbclient", "ipykernel") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: pip install 'inr[dev]'")
    result = tmp_path / "tour.ipynb"
    command = [sys.executable, "tools/run_notebook.py", str(NOTEBOOK), "-o", str(result)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert shown(result) == shown(root / NOTEBOOK)
    kept, again = metrics(root / NOTEBOOK), metrics(result)
    for name in ("psnr", "psnr_between"):  # processors and numbers of threads differ in rounding
        assert again[name] == pytest.approx(kept[name], abs=0.5)
