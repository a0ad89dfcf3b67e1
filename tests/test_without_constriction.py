"""inr where there is no `constriction`, as on Linux on ARM: everything but entropy coding works, and that says so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
import numpy, inr
from inr.cli import main
picture = numpy.random.default_rng(0).random((12, 10, 3), dtype=numpy.float32)
field = inr.fit(inr.Signal.from_array(picture), network="mlp:depth=1,width=8", engine="eager", steps=3)
field.save("a.inr")
print(inr.load("a.inr").render(shape=(6, 5)).shape)
for words in (["info", "a.inr", "--json"], ["recompress", "a.inr", "-o", "b.inr"]):
    sys.argv[1:] = words
    try:
        main()
        status = 0
    except SystemExit as end:
        status = end.code or 0
    print(words[0], status)
"""


def check(out: str, err: str, folder: Path) -> None:
    lines = out.splitlines()
    assert lines[0] == "(6, 5, 3)"
    assert "info 0" in lines
    assert lines[-1] == "recompress 2"
    assert "entropy coding needs constriction, which is not installed: pip install 'inr[compress]'" in err
    assert "Traceback" not in err
    assert not (folder / "b.inr").exists()


def test_a_field_is_fitted_saved_and_rendered_and_coding_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "constriction", None)
    monkeypatch.setattr(sys, "argv", ["inr"])
    monkeypatch.chdir(tmp_path)
    exec(CODE, {})
    check(*capsys.readouterr(), tmp_path)


def test_it_is_imported_where_something_is_coded_only(root):
    imports = re.compile(r"^\s*(import|from) constriction", re.MULTILINE)
    found = [path.name for path in (root / "inr").rglob("*.py") if imports.search(path.read_text(encoding="utf-8"))]
    assert found == ["stream.py"]


@pytest.mark.long
def test_the_same_in_a_process_that_never_had_it(tmp_path):
    code = f"import sys\nsys.modules['constriction'] = None\n{CODE}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check(done.stdout, done.stderr, tmp_path)
