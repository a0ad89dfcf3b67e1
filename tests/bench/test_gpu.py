"""`benchmarks/gpu.py` where there is no GPU: every step at tiny sizes with interpreted kernels, and its report."""

import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

GPU = torch.cuda.is_available()
if not GPU:
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when kernels are defined, thus before they are imported

needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
# numbers by chance overflow in 16 bits here and there, which NumPy tells where a GPU does not
interpreted = [
    needs_triton,
    pytest.mark.skipif(GPU, reason="kernels are not interpreted where there is a GPU"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]
FACTS = {"card": "NVIDIA H100 80GB HBM3", "driver": "1", "torch": "2", "triton": "3", "CUDA of torch": "12"}


@pytest.fixture
def load(root, monkeypatch):
    """A module of the script, by name."""
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures by the names of the Kodak ones."""
    pixels = np.random.default_rng(0).integers(0, 255, (12, 14, 3)).astype(np.uint8)
    for name in ("kodim08", "kodim20", "kodim23", "large"):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.fixture
def tinycudann(monkeypatch):
    """A stand-in for tiny-cuda-nn, which learns nothing of its grids; returns the networks made."""
    from tests.engines.tcnn import reference

    class Grid(reference.Grid):
        def backward(self, slope):
            return np.zeros((len(slope), self.n_dims))

    made = []

    class Network(reference.Network):
        half = True

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    class NetworkWithInputEncoding(reference.NetworkWithInputEncoding):
        half = True

    monkeypatch.setitem(reference.ENCODINGS, "Grid", Grid)
    module = ModuleType("tinycudann")
    module.Network, module.NetworkWithInputEncoding = Network, NetworkWithInputEncoding
    module.supports_jit_fusion, module.free_temporary_memory = lambda: True, lambda: None
    monkeypatch.setitem(sys.modules, "tinycudann", module)
    return made


@pytest.fixture
def bench(load, tmp_path, pictures, monkeypatch):
    """What steps are given, at tiny sizes."""
    setting, steps, report = load("inr.bench.gpu.setting"), load("inr.bench.gpu.steps"), load("inr.bench.gpu.report")
    tiny = setting.Setting.tiny(pictures, pictures / "large.png")
    tiny = replace(tiny, points=20, repeats=1, precisions=("tf32", "float32"), fit_steps=1, siren_steps=1, seconds=4.0)
    return steps.StoredBench(tiny, setting.Card("cpu"), report.Store(tmp_path / "rows.json", dict(FACTS), dry=True))


# step, and its rows that have numbers of both sides
ROWS = {
    "siren": ["siren/eager", "siren/share"],
    "compile": ["compile/best"],
    "siren64": ["siren64/eager", "siren64/tcnn"],
    "relu": ["relu/2x64/infer", "relu/2x64/train", "relu/3x32/infer", "relu/3x32/train"],
    "wire": ["wire/eager"],
    "memory": ["memory/siren", "memory/siren64", "memory/relu"],
    "hash": ["hash/tcnn"],
    "quality": ["quality/kodim08", "quality/kodim20", "quality/kodim23", "quality/siren"],
    "sets": ["sets/rate"],
}


class TestSteps:
    pytestmark = interpreted

    @pytest.mark.parametrize(
        "step",
        [
            # the dry run of `first` goes through most of them
            pytest.param(step, marks=pytest.mark.long)
            for step in ROWS
        ],
    )
    def test_every_step_measures_its_rows(self, step, bench, load, tinycudann):
        load("inr.bench.gpu.steps").STEPS[step](bench)
        store = bench.store
        assert list(store.rows) == ROWS[step]
        for row in store.rows.values():
            assert isinstance(row["theirs"], float)
            assert isinstance(row["ours"], float)
        assert store.failed() == []
        kept = load("inr.bench.gpu.report").Store(store.path)
        assert (kept.rows, kept.extras) == (store.rows, store.extras)

    @pytest.mark.long
    @pytest.mark.parametrize("step", ["siren", "compile", "wire", "memory", "tune"])
    def test_widths_are_what_they_will_be(self, step, bench, load, tinycudann):
        bench = replace(bench, setting=replace(bench.setting, widest=256, seconds=60.0))
        load("gpu").measuring(step)(bench)
        assert bench.store.failed() == []

    @pytest.mark.long
    def test_the_first_look_measures_every_part(self, bench, load):
        load("inr.bench.gpu.steps").STEPS["first"](bench)
        assert bench.store.failed() == []
        found = {one["what"]: one["value"] for one in bench.store.extras["first"]}
        for part in ("siren, float32: relative error of gradients", "ReLU 2x64", "hash grid", "final PSNR"):
            assert any(what.startswith(part) for what in found)
        assert all(isinstance(value, float) for value in found.values())
        exact = [value for what, value in found.items() if "float32: relative error" in what]
        assert 0 < max(exact) < 1e-4
        (report,) = bench.store.path.parent.glob("gpu-*.md")
        assert all(what in report.read_text() for what in found)

    def test_a_part_for_which_no_time_is_left_is_said_to_be_skipped(self, bench, load, monkeypatch):
        first = load("inr.bench.gpu.first")
        found = lambda bench: iter([first.Found("quick", "", 1.0, 2.0, "ms")])  # noqa: E731

        def breaks(bench):
            raise RuntimeError("worn out")
            yield

        parts = {"quick": first.Part(0, found), "slow": first.Part(1000, found), "bad": first.Part(0, breaks)}
        monkeypatch.setattr(first, "PARTS", parts)
        rows = {row.work: row.ours for row in first.look(bench, 10)}
        assert rows["quick"] == 2.0
        assert rows["slow"].startswith("skipped: ")
        assert rows["slow"].endswith("it may take 1000 s")
        assert rows["bad"] == "failed: worn out"

    @pytest.mark.long
    def test_tiles_are_timed(self, bench, load, tinycudann):
        load("gpu_tuning").tune(bench)
        found = bench.store.extras["tune"]
        assert {one["what"].partition(",")[0].partition(":")[0] for one in found} == {
            "SIREN 5x256", "SIREN 5x64", "ReLU 2x64", "WIRE 4x128"
        }  # fmt: skip
        assert all(one["value"] or one["note"] == "out of time" for one in found)

    @pytest.mark.long
    def test_without_tiny_cuda_nn_our_side_is_measured(self, bench, load, monkeypatch):
        monkeypatch.setitem(sys.modules, "tinycudann", None)
        steps = load("inr.bench.gpu.steps").STEPS
        for step in ("siren64", "memory"):
            steps[step](bench)
        for key in ("siren64/tcnn", "memory/siren64", "memory/relu"):
            row = bench.store.rows[key]
            assert row["theirs"] is None
            assert isinstance(row["ours"], float)
            assert row["note"] == "there is no tiny-cuda-nn here"
        assert bench.store.failed() == []

    def test_without_pictures_rows_say_so(self, bench, load):
        bench = replace(bench, setting=replace(bench.setting, pictures=None, large=None))
        steps = load("inr.bench.gpu.steps").STEPS
        steps["hash"](bench)
        steps["quality"](bench)
        assert {row["ours"] for row in bench.store.rows.values()} == {None}
        assert all("was given" in row["note"] for row in bench.store.rows.values())

    def test_what_fails_is_noted_and_the_rest_is_measured(self, bench, load, monkeypatch):
        sides = load("inr.bench.gpu.sides")

        def refuses(*args, **options):
            raise RuntimeError("no\nsuch card")

        monkeypatch.setattr(sides.Plain, "step", refuses)
        load("inr.bench.gpu.steps").STEPS["wire"](bench)
        row = bench.store.rows["wire/eager"]
        assert row["theirs"] == "failed: no such card"
        assert isinstance(row["ours"], float)
        monkeypatch.setattr(sides, "Ours", refuses)
        load("inr.bench.gpu.steps").STEPS["siren64"](bench)
        assert bench.store.rows["siren64/eager"]["ours"] == "failed: no such card"
        assert len(bench.store.failed()) == 3

    def test_operations_are_counted_as_elsewhere(self, load):
        import inr
        from inr.field import Field

        domain = inr.Signal.from_array(np.zeros((4, 4, 3), np.uint8), kind="image").domain
        for activation, hidden, last in (("sine", 32 * 32, 3 * 32), ("gabor", 4 * 32 * 32, 2 * 3 * 32)):
            built = Field.build(domain, encoding="identity", activation=activation, network="mlp:depth=4,width=32")
            network = built.network
            counted = load("inr.bench.gpu.steps").learning_flops(network)
            assert counted == 4 * 2 * 32 + 6 * (3 * hidden + last)  # coordinates have no gradient


class TestSides:
    pytestmark = needs_triton

    @pytest.mark.long
    def test_a_batch_too_large_for_the_memory_is_taken_in_chunks(self, bench, load):
        sides = load("inr.bench.gpu.sides")

        class Small(torch.nn.Module):
            most = 6

            def __init__(self):
                super().__init__()
                torch.manual_seed(0)
                self.linear = torch.nn.Linear(2, 3)

            def forward(self, x):
                if len(x) > self.most:
                    raise torch.OutOfMemoryError("too much")
                return self.linear(x)

        batches = sides.Batches(bench.setting, bench.card)
        small, large = Small(), Small()
        large.most = 1000
        for side in (
            chunked := sides.eager(small, batches, bench.card),
            whole := sides.eager(large, batches, bench.card),
        ):
            side.step()
        assert (chunked.chunks, whole.chunks) == (4, 1)
        assert "4 chunks" in chunked.note()
        torch.testing.assert_close(small.linear.weight.grad, large.linear.weight.grad)
        small.most = 0
        with pytest.raises(torch.OutOfMemoryError):
            chunked.step()

    def test_batches_do_not_fit_into_the_cache(self, load, monkeypatch):
        setting, sides = load("inr.bench.gpu.setting"), load("inr.bench.gpu.sides")
        card = setting.Card("cpu")
        monkeypatch.setattr(setting.Card, "l2", 100_000)
        pairs = sides.Batches(setting.Setting(points=500), card).pairs
        total = sum(tensor.numel() * tensor.element_size() for pair in pairs for tensor in pair)
        assert total > 2 * card.l2
        assert not torch.equal(pairs[0][0], pairs[1][0])

    def test_precisions_of_plain_pytorch_are_its_own_again(self, load):
        with load("inr.bench.gpu.sides").tf32():
            assert torch.get_float32_matmul_precision() == "high"
        assert torch.get_float32_matmul_precision() == "highest"


class TestCard:
    def test_sides_take_turns_and_one_that_fails_is_left_out(self, load):
        setting = load("inr.bench.gpu.setting")
        called = []

        def side(name, last=99):
            def run():
                called.append(name)
                if called.count(name) > last:
                    raise RuntimeError("worn out")

            return run

        small = setting.Setting(device="cpu", repeats=5, turn=0.0)
        runs = {"good": side("good"), "never": side("never", 0), "soon": side("soon", 6)}
        found = setting.turns(runs, setting.Card("cpu"), small)
        assert len(found.seconds["good"]) == 5
        assert found.of("never") == "failed: worn out"
        assert found.of("soon") == "failed: worn out"
        assert found.of("nobody") is None
        assert found.fastest("never", "good")[0] == "good"
        assert found.fastest("nobody", "never") == ("never", "failed: worn out")
        tail = called[called.index("soon") + 4 :]
        assert tail[:4] == ["good", "soon", "good", "soon"]

    def test_short_runs_are_measured_many_in_a_row(self, load, monkeypatch):
        setting = load("inr.bench.gpu.setting")
        card, clock = setting.Card("cpu"), [0.0]
        monkeypatch.setattr(setting.time, "perf_counter", lambda: clock[0])

        def run(seconds):
            clock[0] += seconds

        assert card.warm(lambda: run(1 / 64), 4.5 / 64) == 5
        assert card.warm(lambda: run(1.0), 1 / 64) == 1
        assert card.warm(lambda: run(2.0**-40), 1.0) == setting.RUNS_IN_A_ROW

    def test_memory_counts_what_others_than_torch_take(self, load, monkeypatch):
        state = {"peak": 0, "free": 1000, "allocated": 100}

        def run():
            state["peak"] = 400
            state["free"] = 1000 - 50

        fakes = {
            "synchronize": lambda device: None,
            "empty_cache": lambda: None,
            "mem_get_info": lambda device: (state["free"], 2000),
            "memory_reserved": lambda device: 300,
            "memory_allocated": lambda device: state["allocated"],
            "max_memory_allocated": lambda device: state["peak"],
            "reset_peak_memory_stats": lambda device: state.update(peak=0, free=1000),
        }
        for name, fake in fakes.items():
            assert callable(getattr(torch.cuda, name))
            monkeypatch.setattr(torch.cuda, name, fake)
        monkeypatch.setattr("gc.collect", lambda: 0)  # which takes a second among what all tests leave
        card = load("inr.bench.gpu.setting").Card("cuda")
        assert card.peak_bytes(run) == 300  # 50 more were taken before, by the run that does not count
        state["free"] = 1000
        grows = iter((0, 50))

        def growing():
            run()
            state["free"] = 1000 - next(grows)

        assert card.peak_bytes(growing) == 350


class TestReport:
    def test_a_report_says_what_was_measured_and_what_not(self, load, tmp_path):
        report = load("inr.bench.gpu.report")
        store = report.Store(tmp_path / "rows.json", dict(FACTS))
        store.begin("siren", 20)
        store.row("siren/eager", 80.0, 10.0, "a remark")
        store.row("siren/share", 800.0, 200.0)
        store.row("memory/siren", 15_000.0, 300.0)
        store.row("quality/kodim08", 30.0, 29.95)
        store.row("wire/eager", "failed: out | of memory", 5.0)
        store.extra("siren", "inference", 1.234, "ms", "fast")
        store.end("siren", "done in 3 s")
        path = report.write(report.Store(store.path), tmp_path / "results")
        assert path.name == "gpu-h100-80gb-hbm3.md"
        text = path.read_text()
        assert "- driver: 1" in text
        assert "medians of 20 turns" in text
        assert "dry run" not in text
        table = [
            [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")
        ]
        rows = {(row[0], row[1]): row[2:] for row in table if len(row) == 7}
        assert rows["work", "against"] == ["theirs", "ours", "ratio", "at least", "aim"]
        assert len(rows) == len(report.ROWS) + 1

        def cells(key):
            row = next(row for row in report.ROWS if row.key == key)
            return rows[row.work, row.against]

        assert cells("siren/eager") == ["80 ms", "10 ms", "8x", "4x", "8x"]
        assert cells("siren/share")[:3] == ["800 TFLOP/s", "200 TFLOP/s", "25.0 %"]
        assert cells("memory/siren") == ["15000 B", "300 B", "0.02x", "1/4", "1/8"]
        assert cells("quality/kodim08")[:3] == ["30.00 dB", "29.95 dB", "-0.05 dB"]
        assert cells("wire/eager")[:3] == ["failed: out / of memory", "5 ms", "not measured"]
        for key in ("compile/best", "relu/2x64/train", "hash/tcnn", "quality/siren"):
            assert cells(key)[:3] == ["not measured"] * 3
        assert "training step, PyTorch eager float32: a remark" in text
        assert "| inference | 1.23 ms | fast |" in text
        assert "- wire/eager, theirs: failed: out" in text

    def test_every_row_of_the_issue_is_there_once(self, load):
        report, gpu = load("inr.bench.gpu.report"), load("gpu")
        keys = [row.key for row in report.ROWS]
        assert len(set(keys)) == len(keys)
        assert {row.step for row in report.ROWS} <= set(gpu.STEPS)
        assert len({(row.work, row.against) for row in report.ROWS}) == len(keys)
        assert sorted(key for found in ROWS.values() for key in found) == sorted(keys)

    def test_a_step_forgets_its_own_rows_only(self, load, tmp_path):
        report = load("inr.bench.gpu.report")
        store = report.Store(tmp_path / "rows.json", dict(FACTS))
        store.row("siren/eager", 1.0, 1.0)
        store.row("siren64/eager", 1.0, 1.0)
        again = report.Store(store.path, dict(FACTS))
        again.begin("siren", 20)
        assert list(report.Store(store.path).rows) == ["siren64/eager"]
        assert again.failed() == again.failed(["siren"]) == ["step siren: begun, and not ended"]
        assert again.failed(["siren64"]) == []

    def test_rows_of_another_machine_are_put_aside(self, load, tmp_path):
        report = load("inr.bench.gpu.report")
        path = tmp_path / "rows.json"
        first = report.Store(path, dict(FACTS))
        first.row("siren/eager", 1.0, 1.0)
        for facts, dry in ((FACTS | {"card": "another"}, False), (FACTS, True)):
            other = report.Store(path, facts, dry=dry)
            assert other.rows == {}
            assert other.moved is not None
            assert "siren/eager" in json.loads(other.moved.read_text())["rows"]
            other.moved.replace(path)
        path.write_text("{")
        assert report.Store(path, dict(FACTS)).moved is not None


class TestCommand:
    def test_steps_are_listed(self, load, capsys):
        gpu = load("gpu")
        assert gpu.main(["--list"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(gpu.STEPS)
        assert set(load("inr.bench.gpu.steps").STEPS) < set(gpu.STEPS)
        assert all(gpu.measuring(step) for step in gpu.STEPS if step != "report")

    def test_a_step_that_there_is_not(self, load, capsys):
        with pytest.raises(SystemExit) as end:
            load("gpu").main(["sirens"])
        assert end.value.code == 2
        assert "no step 'sirens'; there are first, tests, " in capsys.readouterr().err

    @pytest.mark.skipif(GPU, reason="there is a GPU")
    def test_without_a_gpu_one_line_says_so(self, load, capsys, tmp_path):
        assert load("gpu").main(["--out", str(tmp_path)]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert len(output.err.splitlines()) == 1
        assert "CUDA" in output.err or "GPU" in output.err or "triton" in output.err
        assert list(tmp_path.iterdir()) == []

    def test_a_report_of_nothing(self, load, capsys, tmp_path):
        assert load("gpu").main(["report", "--out", str(tmp_path)]) == 2
        assert "nothing has been measured yet" in capsys.readouterr().err

    def test_a_report_needs_no_gpu(self, load, capsys, tmp_path):
        store = load("inr.bench.gpu.report").Store(tmp_path / "rows.json", dict(FACTS))
        store.row("siren/eager", 8.0, 1.0)
        given = ["report", "--out", str(tmp_path), "--results", str(tmp_path)]
        assert load("gpu").main(given) == 0
        assert (tmp_path / "gpu-h100-80gb-hbm3.md").exists()
        store.row("wire/eager", 8.0, "failed: no card")
        assert load("gpu").main(given) == 1
        assert "wire/eager, ours: failed: no card" in capsys.readouterr().err

    def test_missing_packages_are_named_with_what_goes_on_without_them(self, load, capsys, monkeypatch):
        gpu, here = load("gpu"), load("inr.bench.gpu.machine")
        there = importlib.util.find_spec
        absent = ("numba", "PIL", "hypothesis")
        monkeypatch.setattr(here.importlib.util, "find_spec", lambda name: None if name in absent else there(name))
        measuring = ["tests", "siren", "hash", "wire"]
        missing = gpu.lacking(measuring)
        assert missing == {"tests": ["numba", "pillow", "hypothesis"], "hash": ["numba", "pillow"]}
        monkeypatch.setattr(here, "compiler", lambda: "cc")
        gpu.announce(measuring, missing)
        line = "missing: hypothesis, numba, pillow; without them tests, hash cannot run, siren, wire can\n"
        assert capsys.readouterr().err == line
        monkeypatch.setattr(here.importlib.util, "find_spec", lambda name: None if name == "triton" else there(name))
        assert "has no triton" in here.problem(dry=True)

    def test_nvidia_smi_is_asked_and_may_be_absent(self, load, monkeypatch, tmp_path):
        here = load("inr.bench.gpu.machine")
        fake = tmp_path / "nvidia-smi"
        fake.write_text("#!/bin/sh\necho '1980 MHz, 2619 MHz'\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert here.smi("clocks.max.sm,clocks.max.memory") == "1980 MHz / 2619 MHz"
        fake.unlink()
        assert here.state() == ""

    @pytest.mark.long
    def test_tests_are_run_counted_and_stopped_in_time(self, load, tmp_path, monkeypatch):
        steps = load("gpu_tests")
        monkeypatch.setattr(steps.machine, "absent", lambda modules: ["xdist"])
        folder = tmp_path / "few"
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_few.py").write_text(
            "import time\ndef test_good(): pass\ndef test_bad(): assert False\ndef test_slow(): time.sleep(SLOW)\n"
        )
        source = (folder / "test_few.py").read_text()
        limit = 300.0
        for slow in (0, 1000):
            (folder / "test_few.py").write_text(source.replace("SLOW", str(slow)))
            start = time.perf_counter()
            said, passed, failures = steps.run_tests([str(folder), "-c", str(folder / "pytest.ini")], limit)
            assert not passed
            stopped = f"stopped after {limit:.0f} s: 1 failed, 1 passed"
            assert said.startswith(stopped if slow else "1 failed, 2 passed in")
            limit = 3 + 5 * (time.perf_counter() - start)  # a busy machine takes longer to begin
            assert len(failures) == 1
            assert "test_bad" in failures[0]

    @needs_triton
    @pytest.mark.skipif(GPU, reason="kernels are not interpreted where there is a GPU")
    @pytest.mark.long
    def test_the_first_look_is_a_dry_run_in_a_process_of_its_own(self, load, capfd, tmp_path):
        gpu = load("gpu")
        killed = ["memory", "--dry-run", "--out", str(tmp_path / "killed"), "--limit", "0.5"]
        assert gpu.main(killed) == 1
        assert "failed: not done after 0 s" in capfd.readouterr().out
        assert gpu.main(["first", "report", "--dry-run", "--out", str(tmp_path)]) == 0
        (path,) = tmp_path.glob("gpu-*.md")
        assert f"report: {path}" in capfd.readouterr().out
        text = path.read_text()
        assert "its numbers mean nothing" in text
        assert "- `first`: done in" in text
        for part in ("float32: relative error of gradients", "SIREN 5x256", "ReLU 2x64", "hash grid", "final PSNR"):
            assert part in text


def test_the_script_begins_without_any_other_package(root):
    code = (
        "import sys, inr.bench.gpu.machine, inr.bench.gpu.report;"
        "print(*({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'inr', '__main__'}))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == ""
