"""inr parts and inr doctor, help, versions, completion, pipes."""

import os
import subprocess
import sys

import pytest

import inr
from inr.activations import activations
from inr.compression.codecs import codecs
from inr.encodings import encodings
from inr.engines import engines
from inr.fitting import adjustments, presets
from inr.networks import initialisations, networks
from inr.objectives import objectives
from inr.priors import methods
from inr.teaching import teachers
from tests.cli.clirun import ENTRY
from tests.tables import mostly_long

REGISTRIES = (
    encodings, activations, networks, initialisations, objectives, adjustments, teachers, engines, codecs, presets,
    methods,
)  # fmt: skip


def test_every_part_is_listed_with_its_parameters(inr_cli):
    listed = {(part["kind"], part["name"]): part for part in inr_cli("parts", "--json").json["parts"]}
    assert set(listed) == {(registry.kind, name) for registry in REGISTRIES for name in registry.names()}
    for registry in REGISTRIES:
        for name in registry.names():
            info, part = registry.info(name), listed[registry.kind, name]
            assert part["summary"] == info.summary != ""
            assert [param["name"] for param in part["params"]] == [param.name for param in info.params]
            assert all(param["description"] and param["type"] for param in part["params"])


def test_parts_are_readable_at_80_columns(inr_cli):
    run = inr_cli("parts")
    assert (run.status, run.err) == (0, "")
    assert max(map(len, run.out.splitlines())) <= 80
    for registry in REGISTRIES:
        assert f"{registry.kind}s" in run.out
        for name in registry.names():
            assert name in run.out
            whole = inr_cli("parts", registry.kind, name)
            assert max(map(len, whole.out.splitlines())) <= 80
            for param in registry.info(name).params:
                assert f"{param.name}=" in whole.out
    everything = sum(len(registry.names()) for registry in REGISTRIES)
    assert len(run.out.splitlines()) == everything + 2 * len(REGISTRIES) + 1  # a line each


def test_one_kind_and_one_part(inr_cli):
    kind = inr_cli("parts", "encoding", "--json").json["parts"]
    assert {part["name"] for part in kind} == set(encodings.names())
    assert inr_cli("parts", "encodings", "--json").json["parts"] == kind
    (part,) = inr_cli("parts", "activation", "sine", "--json").json["parts"]
    assert part["source"].startswith("Sitzmann")
    assert {param["name"]: param["default"] for param in part["params"]} == {"omega": 30.0, "first_omega": None}
    whole = inr_cli("parts", "activation", "sine").out
    assert inr_cli("parts", "sine").out == whole
    assert "sqrt(6/n)" in whole
    assert "sqrt(6/n)" not in inr_cli("parts", "activation").out


def test_presets_are_listed_with_their_settings(inr_cli):
    (wire,) = inr_cli("parts", "presets", "wire", "--json").json["parts"]
    assert wire["options"]["activation"] == "gabor:omega=20,scale=30"
    assert (wire["options"]["lr"], wire["options"]["batch"]) == (5e-3, 65_536)
    assert "gabor:omega=20,scale=30" in inr_cli("parts", "presets", "wire").out
    assert "WIRE" in inr_cli("parts", "presets").out


def test_the_doctor_prints_what_it_finds(inr_cli):
    found = inr_cli("doctor", "--json").json
    run = inr_cli("doctor", env={"COLUMNS": "100"})
    assert (run.status, run.err) == (0, "")
    for engine in found["engines"]:
        assert engine["name"] in run.out
    assert found["versions"]["torch"] in run.out
    assert found["auto"][0].split(",")[0] in [engine["name"] for engine in found["engines"] if not engine["problem"]]
    assert "or else" in run.out


def test_versions_and_help(inr_cli):
    assert inr_cli("--version").out == f"inr {inr.__version__}\n"
    plain, asked = inr_cli(), inr_cli("--help")
    assert plain.status == asked.status == 0
    assert plain.out == asked.out
    for command in ("fit", "render", "info", "parts", "doctor"):
        assert command in plain.out
        text = inr_cli(command, "--help").out
        assert text.count(f"inr {command} ") >= 3  # the usage and at least two examples
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("args", mostly_long([["fit", "--help"], ["--help"], ["--version"], ["parts", "--help"]]))
def test_help_imports_nothing_heavy(args, root, tmp_path):
    code = (
        "import sys\nfrom inr.cli import app\n"
        f"try: app({args!r})\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numba', 'triton', 'numpy', 'PIL', 'sympy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_env(root), cwd=tmp_path, stdout=subprocess.DEVNULL)


def test_completion_knows_the_commands_and_imports_nothing_heavy(root, tmp_path):
    code = "import sys\nfrom inr.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    env = _env(root) | {"_INR_COMPLETE": "complete_bash", "COMP_WORDS": "inr re", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["render", "recompress", "reconstruct"], "")


@pytest.mark.parametrize("args", [["--help"], pytest.param(["parts"], marks=pytest.mark.long)])
def test_a_closed_pipe_is_silent(args, root, tmp_path):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*ENTRY, *args], env=_env(root), cwd=tmp_path, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.stderr == b""


def _env(root):
    return os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
