"""inr where there is no `constriction`, as on Linux on ARM: everything but entropy coding works, and that says so."""

import subprocess
import sys

CODE = """
import sys
sys.modules['constriction'] = None
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


def test_a_field_is_fitted_saved_and_rendered_and_coding_says_what_it_lacks(tmp_path):
    """All in one process, for its start is what takes long."""
    done = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "(6, 5, 3)"
    assert "info 0" in lines
    assert lines[-1] == "recompress 2"
    assert "entropy coding needs constriction, which is not installed: pip install 'inr[compress]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "b.inr").exists()
