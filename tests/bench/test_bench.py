"""`inr bench` and what it is made of: tables, timing, quality, and every benchmark at tiny sizes."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

import inr
from inr.bench import BENCHMARKS, Table, baselines, fit, output_paths, quality, run, speed, tables, timing


@pytest.mark.parametrize(
    "name", [name if name == "render" else pytest.param(name, marks=pytest.mark.long) for name in BENCHMARKS
             if name != "gpu"]
)  # fmt: skip
def test_every_benchmark_runs_at_tiny_sizes(name):
    heard = []
    table = run(name, tiny=True, on_row=lambda table, row: heard.append(row))
    assert heard == table.rows
    assert len(table.rows) > 2
    for row in table.rows:
        assert set(row) <= set(table.columns)
        assert float(row.get("ours", 1)) > 0
    assert "numbers mean nothing" in table.markdown()


def test_a_picture_of_ones_own_is_measured(tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (20, 24, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "own.png")
    assert run("render", picture=tmp_path / "own.png", tiny=True).rows
    with pytest.raises(inr.InrError, match="smaller than 32 x 32"):
        run("compress", picture=tmp_path / "own.png", tiny=True)


def test_an_unknown_benchmark_is_told_with_those_there_are():
    with pytest.raises(inr.InrError, match="no benchmark 'sped'; there are speed, fit"):
        run("sped")


class TestTable:
    @pytest.fixture
    def table(self):
        return Table(
            "speed", "A title", ["work", "ratio"], "a machine", [{"work": "steps", "ratio": "2.0"}], ["A note."]
        )

    def test_it_is_written_as_markdown_and_json(self, table, tmp_path):
        markdown, document = table.save(tmp_path / "new")
        assert markdown.read_text() == (
            "# A title\n\na machine.\n\n| work | ratio |\n|---|---|\n| steps | 2.0 |\n\n- A note.\n"
        )
        assert json.loads(document.read_text())["rows"] == table.rows

    def test_nothing_is_overwritten_without_force(self, table, tmp_path):
        table.save(tmp_path)
        for refused in (lambda: table.save(tmp_path), lambda: output_paths("speed", tmp_path, force=False)):
            with pytest.raises(inr.InrError, match="exists"):
                refused()
        table.save(tmp_path, force=True)


class TestTsv:
    def test_each_machine_is_named_before_its_rows(self, tmp_path):
        path = tmp_path / "table.tsv"
        for number, machine in enumerate(["slow", "slow", "fast", "slow"]):
            tables.append(path, ("number",), {"number": number}, machine)
        assert path.read_text() == "# slow\nnumber\n0\n1\n# fast\n2\n# slow\n3\n"
        assert [row["number"] for row in tables.read(path)] == ["0", "1", "2", "3"]
        assert tables.origin(path) == "slow; then fast"

    def test_a_run_that_is_kept_is_not_made_again(self, tmp_path):
        made = []

        def make():
            made.append(1)
            return {"psnr": "30"}

        for _ in range(2):
            ledger = tables.Ledger(tmp_path / "runs.tsv", ("picture", "psnr"), ("picture",), "here")
            ledger.once({"picture": "one"}, make)
        assert len(made) == 1
        assert tables.read(tmp_path / "runs.tsv") == [{"picture": "one", "psnr": "30"}]


class TestTiming:
    def test_the_fastest_turn_counts_and_the_first_does_not(self, monkeypatch):
        clock = [0.0]
        monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
        monkeypatch.setattr(timing.time, "sleep", lambda seconds: None)
        spent = {"theirs": iter([1, 8, 6, 7]), "ours": iter([1, 3, 2, 4])}

        def side(name):
            def once():
                clock[0] += next(spent[name])

            return once

        assert timing.paired(side("theirs"), side("ours"), 3, pause=0, wake=0) == (6, 2)

    def test_a_turn_is_some_runs(self):
        counts = [0, 0]

        def side(index):
            def once():
                counts[index] += 1

            return once

        timing.paired(side(0), side(1), 2, (2, 5), pause=0, wake=0)
        assert counts == [6, 15]


class TestFit:
    def test_seconds_to_a_goal_and_bounds(self):
        theirs, ours = [(1.0, 20.0), (8.0, 26.0)], [(0.5, 24.0), (2.0, 31.0)]
        cells = [[fit.goal_row("m", goal, theirs, ours)[key] for key in fit.COLUMNS[2:]] for goal in (25, 30, 35)]
        assert cells == [["8.00", "2.00", "4.0"], ["", "2.00", "> 4.0"], ["", "", ""]]
        assert fit.goal_row("m", 25, theirs, [(4.0, 20.0)])["ratio"] == "< 2.00"

    def test_quality_is_looked_at_now_and_then(self):
        looks = [*fit.looks(8.0)]
        assert looks[-1] == math.inf
        assert looks[-2] == pytest.approx(8.0 / math.sqrt(2))
        assert all(later > sooner for sooner, later in itertools.pairwise(looks))


def test_psnr_is_of_the_clipped_field():
    signal = inr.Signal.from_array(np.full((8, 8), 255, np.uint8))
    assert quality.psnr(lambda x: 0 * x[:, :1] + 0.8, signal) == pytest.approx(10 * math.log10(4 / 0.04), abs=1e-4)
    signal = inr.Signal.from_array(np.array([[0, 255], [255, 255]], np.uint8))
    assert quality.psnr(lambda x: 0 * x[:, :1] + 3, signal) == pytest.approx(10 * math.log10(4 * 4 / 4), abs=1e-4)


def test_a_step_of_sixteen_bits_has_a_peak_of_its_own(monkeypatch):
    monkeypatch.setattr(speed, "DOT_PRODUCTS", True)
    monkeypatch.setattr(speed, "peak", lambda number="float32": {"float32": 100.0, "bfloat16": 200.0}[number])
    assert speed.products_seconds(3e9, "float32") == pytest.approx(0.03)
    assert speed.products_seconds(3e9, "bfloat16") == pytest.approx(0.02)


def test_the_baselines_share_nothing_with_the_package():
    lines = [
        line for line in Path(baselines.__file__).read_text().splitlines() if line.startswith(("import ", "from "))
    ]
    assert {line.split()[1].partition(".")[0] for line in lines} == {"math", "collections", "torch"}
