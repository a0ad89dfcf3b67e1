"""Parts that a script registers: `--load`, and files that need them."""

import pytest

SCRIPT = '''
from inr.activations import Activation, activations

@activations.register("double-sine", formula="sin(2 z)")
class DoubleSine(Activation):
    """Sines of twice the argument."""

    @staticmethod
    def formula(ops, *planes, **constants):
        return (ops.sin(2 * planes[0]),)
'''


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.long
def test_a_script_is_found_and_a_file_that_needs_it_says_so(inr_process, inr_cli, photo, script):
    def run(*args):
        """In a process, which is told of the parts."""
        process = inr_process(*args)
        _, err = process.communicate()
        return process.returncode, err

    options = ("--load", script, "--activation", "double-sine", "--encoding", "identity", "--exact")
    small = ("--network", "mlp:depth=1,width=8", "--steps", "5", "--engine", "eager", "--no-comparison", "-q")
    assert run("fit", photo, *options, *small, "-o", "a.inr") == (0, "")
    done = inr_cli("render", "a.inr", "-o", "a.png")
    assert done.status == 2
    assert "the activation 'double-sine'" in done.err
    assert "--load" in done.err
    assert run("render", f"--load={script}", "a.inr", "-o", "a.png", "-q") == (0, "")


@pytest.mark.long
def test_a_script_that_fails_says_where(inr_process, photo, script):
    script.write_text("import nothing_of_that_name")
    process = inr_process("fit", "--load", script, photo, "--steps", "5")
    _, err = process.communicate()
    assert process.returncode == 2
    assert "mine.py does not load" in err
    assert "nothing_of_that_name" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [("--load", "missing.py"), ("--load",), ("--load=",)])
def test_a_script_that_is_not_there_is_refused(inr_cli, words):
    done = inr_cli("fit", "photo.png", *words)
    assert done.status == 2
    assert "--load" in done.err
