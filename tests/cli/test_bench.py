"""`inr bench`."""

import json

import pytest

from tests.cli.clirun import contents, one_line


def test_the_table_is_printed_and_written(inr_cli, tmp_path):
    done = inr_cli("bench", "render", "--tiny", "-o", "results")
    assert done.status == 0
    assert "beside plain PyTorch" in done.out
    assert "ratio" in done.out
    assert "numbers mean nothing" in done.out
    assert set(contents(tmp_path / "results")) == {"bench-render.md", "bench-render.json"}
    document = json.loads((tmp_path / "results" / "bench-render.json").read_text())
    assert document["rows"]
    again = inr_cli("bench", "render", "--tiny", "-o", "results")
    assert again.status == 2
    assert "bench-render.md" in one_line(again.err)


def test_an_unknown_benchmark_is_bad_input(inr_cli, tmp_path):
    done = inr_cli("bench", "renders", "-o", "results")
    assert done.status == 2
    assert "there is no benchmark 'renders'" in one_line(done.err)
    assert contents(tmp_path) == {}


def test_help_names_all_benchmarks(inr_cli):
    from inr.bench import BENCHMARKS

    text = inr_cli("bench", "--help").out
    for name in BENCHMARKS:
        assert f" {name} " in text


def test_a_gpu_that_there_is_not_is_told_in_a_line(inr_cli, tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = inr_cli("bench", "gpu")
    assert done.status == 2
    assert any(word in one_line(done.err) for word in ("CUDA", "GPU", "triton"))
