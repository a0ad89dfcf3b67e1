"""inr where there is no `constriction`, as on Linux on ARM: everything but entropy coding works, and that says so."""

import subprocess
import sys

HIDDEN = "import sys; sys.modules['constriction'] = None\n"
FIT = """
import numpy, inr
picture = numpy.random.default_rng(0).random((12, 10, 3), dtype=numpy.float32)
field = inr.fit(inr.Signal.from_array(picture), network="mlp:depth=1,width=8", engine="eager", steps=3)
field.save("a.inr")
print(inr.load("a.inr").render(shape=(6, 5)).shape)
"""
COMMAND = "from inr.cli import main; main()"


def run(code: str, *arguments: str, folder) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", HIDDEN + code, *arguments], cwd=folder, capture_output=True, text=True)


def test_a_field_is_fitted_saved_and_rendered_and_coding_says_what_it_lacks(tmp_path):
    fitted = run(FIT, folder=tmp_path)
    assert fitted.returncode == 0, fitted.stderr
    assert fitted.stdout == "(6, 5, 3)\n"
    shown = run(COMMAND, "info", "a.inr", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    coded = run(COMMAND, "recompress", "a.inr", "-o", "b.inr", folder=tmp_path)
    assert coded.returncode == 2
    assert "entropy coding needs constriction, which is not installed: pip install 'inr[compress]'" in coded.stderr
    assert "Traceback" not in coded.stderr
    assert not (tmp_path / "b.inr").exists()
