"""Machine code that several processes kept on disk."""

import subprocess
import sys

import pytest

SYMBOL = """
import inr.jit._compile as compiling

class Kept(compiling.CFunc):
    def compile(self):
        super().compile()
        print(self.native_name)

compiling.CFunc = Kept
compiling.entry_point("def entry(block, worker, workers):\\n    worker + workers\\n", "entry", {})
"""


@pytest.mark.long
def test_processes_do_not_give_functions_the_same_symbol(monkeypatch, tmp_path):
    # symbols also hold the order of a set of flags, which would hide equal ones
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    symbols = []
    for place in ("one", "other"):
        monkeypatch.setenv("INR_CACHE_DIR", str(tmp_path / place))
        symbols.append(
            subprocess.run([sys.executable, "-c", SYMBOL], capture_output=True, text=True, check=True).stdout
        )
    assert all("entry" in symbol for symbol in symbols)
    assert symbols[0] != symbols[1]
