"""`make docs`: every link holds, and the reference has every public name of every room."""

import importlib
import importlib.util
import os
import subprocess
import sys

import pytest

import inr


@pytest.mark.long
def test_the_site_builds_and_has_every_public_name(root, tmp_path):
    missing = [name for name in ("material", "mkdocstrings_handlers") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip("mkdocs is not installed: pip install 'inr[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(root), "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    rooms = [name for name in inr.__all__ if (root / "inr" / name / "__init__.py").is_file()]
    assert "encodings" in rooms
    for room in rooms:
        page = (tmp_path / "reference" / f"inr.{room}.html").read_text(encoding="utf-8")
        for name in importlib.import_module(f"inr.{room}").__all__:
            assert f'id="inr.{room}.{name}"' in page, f"inr.{room}.{name}"
