"""Explanations of fits: the rules, the history, and what is written."""

import math
import re
import shlex

import numpy as np
import pytest
import torch
from scipy.fft import idctn

import inr
from inr import diagnostics
from inr.diagnostics import History, Look
from inr.diagnostics._explain._blocks import blocks_of
from inr.diagnostics._explain._capacity import Capacity, capacity_of
from inr.diagnostics._explain._facts import Facts, Grid
from inr.diagnostics._explain._frequency import Ladder, lost_by_running_on
from inr.diagnostics._explain._history import log_spaced
from inr.diagnostics._explain._page import page_text
from inr.diagnostics._explain._parts import part_rows
from inr.diagnostics._explain._rules import advise
from inr.diagnostics._explain._settings import command, settings_of
from inr.diagnostics._explain._trying import held_out

FIT = {"rates": {"network": 1e-3}, "schedule": "cosine", "steps": 400, "batch": 64, "seed": 0, "engine": "eager"}


def falling(steps: int = 400, rate: float = 30.0) -> History:
    return History(tuple(0.1 * math.exp(-min(step, steps / 2) / rate) + 1e-5 for step in range(steps)))


@pytest.fixture(scope="module")
def signal() -> inr.signals.GridSignal:
    y, x = np.mgrid[0:20, 0:24] / 24
    return inr.from_array((np.sin(9 * x) * np.cos(7 * y)).astype(np.float32), kind="image")


@pytest.fixture
def field(signal) -> inr.Field:
    torch.manual_seed(0)
    found = inr.Field.build(
        signal.domain, encoding="fourier:sigma=2,frequencies=8", activation="relu", network="mlp:depth=2,width=16"
    )
    found.fit = dict(FIT)
    return found


HEALTHY = {
    "psnr": 40.0, "psnr_of_mean": 12.0, "bands": (0.0, 0.001, 0.01), "limits": (0.25, 0.5, 1.0), "alias": 0.5,
    "noise": 0.003, "mse": 4e-4, "rank": 0.2, "whiteness": 0.1, "baseline": 35.0,
    "ranks": {"a": 3.0, "b": 9.0, "c": 1.0},
    "ladders": (Ladder("encoding", "sigma", 2.0, ((1.0, 2.0), (2.0, 1.0), (4.0, 2.0))),), "history": falling(),
    "suited": {"network": 1.1e-3}, "fit": FIT,
}  # fmt: skip
LOWER = Ladder("encoding", "sigma", 2.0, ((0.25, 1.0), (0.5, 0.1), (1.0, 0.2), (2.0, 1.0)))
HIGHER = Ladder("encoding", "sigma", 2.0, ((2.0, 1.0), (4.0, 0.3), (8.0, 0.1), (16.0, 0.2)))
FOURIER = "fourier:kind=gaussian,frequencies=8,sigma={},octaves=none"
SPIKY = History(tuple(1e-3 * (1 + 3 * (step % 2)) for step in range(400)))
FEW = Capacity(600, 2_000, 10_000, "width 16 -> 32", {"network": "mlp:depth=2,width=32,bias=true"}, 5.0)
NOTHING = {"psnr": 11.4, "history": History((0.1,) * 400)}
STILL = History(tuple(0.1 * math.exp(-step / 100) for step in range(400)))


@pytest.mark.parametrize(
    ("cause", "changed", "changes"),
    [
        ("stuck", {"psnr": 12.4, "history": History((0.1,) * 400)}, {"learning_rate": {"network": 1e-4}}),
        ("rate_high", {"history": SPIKY, "fit": FIT | {"schedule": "constant"}}, {"schedule": "cosine"}),
        ("rate_high", {"history": SPIKY}, {"learning_rate": {"network": 2.5e-4}}),
        ("rate_high", {"history": SPIKY, "suited": {"network": 5e-4}}, {"learning_rate": {"network": 5e-4}}),
        (
            "rate_high", {"history": SPIKY, "suited": {"network": 5e-4}, "fit": FIT | {"schedule": "constant"}},
            {"learning_rate": {"network": 5e-4}, "schedule": "cosine"},
        ),
        ("rate_low", {"suited": {"network": 0.02}}, {"learning_rate": {"network": 0.02}}),
        ("budget_short", {"history": STILL}, {"steps": 800}),
        ("budget_short", {**NOTHING, "fit": FIT | {"steps": 15}}, {"steps": 400}),
        ("rate_low", NOTHING | {"suited": {"network": 10.0}}, {"learning_rate": {"network": 10.0}}),
        ("narrow", NOTHING | {"capacity": FEW}, FEW.changes),
        # the loss falls below (2 · 0.05)² after 70 steps
        ("noise", {"noise": 0.05, "mse": 1e-3, "run_on": 3.0}, {"steps": 140}),
        ("frequency_high", {"alias": 5.0, "ladders": (LOWER,)}, {"encoding": FOURIER.format(0.5)}),
        ("frequency_high", {"psnr_held_out": 20.0, "ladders": ()}, {"lattice_only": False}),
        ("frequency_high", {"alias": 5.0, "invented": 4e-3, "ladders": ()}, {"lattice_only": False}),
        ("frequency_low", {"bands": (0.0, 0.1, 0.8), "ladders": (HIGHER,)}, {"encoding": FOURIER.format(8.0)}),
        ("narrow", {"rank": 0.8, "whiteness": 0.7, "capacity": FEW}, {"network": "mlp:depth=2,width=32,bias=true"}),
        ("narrow", {"whiteness": 0.7, "capacity": FEW}, {"network": "mlp:depth=2,width=32,bias=true"}),
        ("dead", {"dead": 0.95, "psnr": 20.0}, {"activation": "sine"}),
        ("dead", {"ranks": {"a": 3.0, "b": 1.05, "c": 1.0}, "psnr": 20.0}, {"learning_rate": {"network": 5e-4}}),
    ],
)  # fmt: skip
def test_a_cause_is_named_with_its_change(field, cause, changed, changes):
    assert advise(Facts(**HEALTHY), field) == []
    first, *_ = advise(Facts(**HEALTHY | changed), field)
    assert first.cause == cause
    found = {key: value for key, value in first.changes.items() if key != "steps" or cause != "noise"}
    assert found == {key: value for key, value in changes.items() if key != "steps" or cause != "noise"}
    if cause == "noise":
        assert abs(first.changes["steps"] - 140) < 4
    assert first.expected >= 1
    assert f"{first.threshold:g}" in first.words or f"{first.threshold:.0%}" in first.words


def test_a_coarse_grid(signal):
    field = inr.Field.build(signal.domain, encoding="dense:levels=2,coarsest=2,finest=4", network="mlp:depth=1,width=8")
    (found,) = advise(Facts(**HEALTHY | {"ladders": (), "grid": Grid("finest", 4, 0.9, 0.2), "ranks": {}}), field)
    assert found.cause == "grid_coarse"
    assert "finest=8" in found.changes["encoding"]
    assert found.expected == pytest.approx(10)  # without nine tenths of the residual


@pytest.mark.parametrize(
    "changed",
    [
        {"whiteness": 0.7, "capacity": FEW, "mse": 1e-6, "noise": 0.01},  # it has come down to the noise
        {"whiteness": 0.7, "capacity": FEW, "history": STILL, "fit": {}},  # it is still learning
        {"alias": 5.0, "invented": 1e-4, "ladders": ()},  # what is invented is less than what is missed anyway
        {
            "psnr": 84.0,
            "mse": 1.6e-8,
            "history": STILL,
        },  # it is still learning, but its error is a ten-thousandth of the range already
        {"dead": 0.95},  # but as good as it should be
        {"noise": 0.05, "mse": 1e-3, "run_on": 0.2},  # nothing is lost by it
    ],
)
def test_what_would_bring_nothing_is_not_advised(field, changed):
    assert advise(Facts(**HEALTHY | changed), field) == []


def test_what_more_parameters_would_bring():
    """A signal whose cosine coefficients fall by 10 dB when there are four times as many of them."""
    side = 64
    order = np.argsort(np.hypot(*np.mgrid[0:side, 0:side]), axis=None)
    spectrum = np.zeros(side**2)
    spectrum[order] = (1 + np.arange(side**2)) ** (-(1 + 1 / math.log10(4)) / 2)  # what is left goes as P^(-1/log10 4)
    values = idctn(spectrum.reshape(side, side), norm="ortho")
    signal = inr.from_array((values / np.abs(values).max()).astype(np.float32), kind="image")
    field = inr.Field.build(signal.domain, network="mlp:depth=2,width=6")
    found = capacity_of(field, signal, [])
    assert found.parameters == field.parameter_count == 67
    assert found.larger == 2 * 12 + 12 + 12 * 12 + 12 + 12 + 1
    assert found.gain == pytest.approx(0.7 * 10 / math.log10(4) * math.log10(found.larger / 67), rel=0.1)
    assert "width=12" in found.changes["network"]
    assert capacity_of(inr.Field.build(signal.domain, network="mlp:depth=3,width=64"), signal, []) is None
    parts = {"encoding": "hash:levels=2,coarsest=4,finest=8,log2_size=6", "network": "mlp:depth=1,width=8"}
    assert "log2_size=8" in capacity_of(inr.Field.build(signal.domain, **parts), signal, []).changes["encoding"]


def test_noise_is_lost_by_running_on(signal):
    field = inr.Field.build(signal.domain, activation="sine:omega=10", network="mlp:depth=2,width=32")
    noisy = signal.array + np.random.default_rng(0).normal(0, 0.2, signal.array.shape)
    given = inr.from_array(noisy.astype(np.float32), kind="image", channels_last=True)
    level = (0.2 / (np.ptp(noisy) / 2)) ** 2
    assert lost_by_running_on(field, given, level) > 2
    assert lost_by_running_on(field, signal, 1e-3) < 1


def test_a_fit_that_learned_nothing_says_nothing_of_its_parts(field):
    facts = Facts(**HEALTHY | {"psnr": 12.2, "alias": 50.0, "ladders": (LOWER,), "history": History((0.1,) * 400)})
    assert [each.cause for each in advise(facts, field)] == ["stuck"]


def test_a_fit_that_learned_nothing_at_a_good_rate_may_be_too_coarse(field):
    nothing = NOTHING | {"bands": (1.0, 1.0, 1.0), "ladders": (HIGHER,)}
    (found,) = advise(Facts(**HEALTHY | nothing), field)
    assert found.cause == "frequency_low"
    (found,) = advise(Facts(**HEALTHY | nothing | {"suited": {"network": 2e-5}}), field)
    assert found.cause == "stuck"


def test_a_constant_has_nothing_to_be_learned(field):
    assert advise(Facts(**HEALTHY | NOTHING | {"psnr_of_mean": 120.0}), field) == []


def test_what_a_history_says():
    assert not History((1.0, 1.9, 0.5)).blew_up()
    assert History((1.0, 2.1, 0.5)).blew_up()
    assert History((1.0, math.nan)).blew_up()
    assert falling().spikes() == 0
    assert SPIKY.spikes() == pytest.approx(0.5)
    assert SPIKY.rising() == pytest.approx(0.5, abs=0.01)
    expected = 10 * math.log10(math.exp(1.9 * 1.0))  # from the middle of the first stretch to that of the last
    assert STILL.gain(0.5) == pytest.approx(expected, rel=0.01)
    assert STILL.first_below(0.1 * math.exp(-1)) == 102
    assert STILL.first_below(1e-9) is None
    assert SPIKY.above_least() == pytest.approx(10 * math.log10(2.5))
    assert log_spaced(400, 30) >= {1, 400}
    assert len(log_spaced(400, 30)) <= 31


def test_a_history_is_kept(tmp_path):
    history = History((1.0, math.nan, 0.5), 2, (Look(0, (1.0, math.nan), {"a": 2.0}, (1.0, 3.0), 7), Look(4)))
    history.save(tmp_path / "h.json", belongs_to=5)
    found = diagnostics.load_history(tmp_path / "h.json", belongs_to=5)
    assert str(found) == str(history)
    assert diagnostics.load_history(tmp_path / "h.json", belongs_to=6) is None
    for wrong in ("no json", "[]", '{"inr history": 1, "losses": 3}'):
        (tmp_path / "h.json").write_text(wrong)
        with pytest.raises(inr.DamagedFile, match="inr fit --explain"):
            diagnostics.load_history(tmp_path / "h.json")


@pytest.fixture(scope="module")
def fitted(signal):
    """A fit with its history."""
    fitter = inr.fitting.make_fitter(
        signal, budget=inr.Budget(steps=8), activation="sine:omega=5", network="mlp:depth=2,width=16", engine="eager",
        batch=128, lattice_only=True,
    )  # fmt: skip
    recorder = diagnostics.Recorder(fitter)
    for event in fitter.run():
        recorder.observe(event)
    return fitter.field, recorder.history()


def test_recording_changes_nothing(signal, fitted):
    field, history = fitted
    assert len(history.losses) == 8
    assert history.looks[0].step == 0
    assert history.looks[-1].step == 8
    assert history.looks[-1].bands[0] < history.looks[0].bands[0]
    again = inr.fitting.make_fitter(
        signal, budget=inr.Budget(steps=8), activation="sine:omega=5", network="mlp:depth=2,width=16", engine="eager",
        batch=128, lattice_only=True,
    )  # fmt: skip
    list(again.run())
    for name, tensor in again.field.state_dict().items():
        assert torch.equal(tensor, field.state_dict()[name]), name


@pytest.fixture(scope="module")
def explained(signal, fitted):
    field, history = fitted
    return diagnostics.explain(field, signal, history=history, name="photo.png")


def test_explain(fitted, explained, tmp_path):
    (_, history), found = fitted, explained
    assert [row.part for row in found.parts] == ["encoding", "network"]
    assert sum(row.kernel_share for row in found.parts) == pytest.approx(1)
    assert len(found.bands) == len(history.looks[-1].bands)
    assert found.shares.sum() == pytest.approx(1)
    assert set(found.lines) == {"x", "y", "diagonal"}
    text = page_text(found, "photo <1>")
    assert "photo &lt;1&gt;" in text
    assert len(text) < 1_500_000
    assert not re.search(r'(src|href)="(?!data:)', text)  # nothing is fetched
    diagnostics.explanation_page(found, tmp_path / "page.html")
    with pytest.raises(inr.InrError, match="exists"):
        diagnostics.explanation_page(found, tmp_path / "page.html")
    assert diagnostics.explanation_document(found)["facts"]["regions"]["x"] >= 1
    assert str(found)


def test_explain_says_what_it_lacks(signal, fitted, field):
    alone = diagnostics.explain(fitted[0])
    assert any("no signal" in note for note in alone.notes)
    assert any("no history" in note for note in alone.notes)
    assert page_text(alone, "alone")
    field.fit = {}
    assert any("does not say how" in note for note in diagnostics.explain(field, signal).notes)
    other = inr.from_array(np.zeros((20, 25), np.float32), kind="image")
    with pytest.raises(inr.InrError, match="20 x 25 samples of 1 channel, but the field was fitted to 20 x 24"):
        diagnostics.explain(field, other)


def test_scattered_signals_and_sounds_are_explained():
    draw = np.random.default_rng(0)
    scattered = inr.signals.from_samples(draw.random((50, 2)), draw.random(50))
    field = inr.Field.build(scattered.domain, network="mlp:depth=1,width=8")
    assert any("no grid" in note for note in diagnostics.explain(field, scattered).notes)
    sound = inr.from_array(np.sin(np.arange(300) / 5).astype(np.float32), kind="audio", sample_rate=8_000.0)
    found = diagnostics.explain(inr.Field.build(sound.domain, network="mlp:depth=1,width=8"), sound)
    assert found.residual.ndim == 2
    assert page_text(found, "sound")


def test_held_out_samples_are_those_that_the_fit_lacked(signal):
    learned, unseen = held_out(signal, 0.2, 0)
    assert learned.size + unseen.size == signal.size
    assert not (~learned.missing & ~unseen.missing).any()
    torch.manual_seed(0)
    field = inr.Field.build(learned.domain, network="mlp:depth=1,width=8")
    facts = diagnostics.explain(field, signal).facts
    with torch.no_grad():
        coords, values = next(iter(unseen.blocks(1_000)))
        error = (field(coords).clamp(-1, 1) - values).square().mean()
    assert facts.psnr_held_out == pytest.approx(10 * math.log10(4 / float(error)), abs=1e-3)


def test_blocks_leave_missing_samples_out(signal):
    learned, _ = held_out(signal, 0.3, 1)
    (block,) = blocks_of(learned, points=1_000, count=1)
    assert block.shape == (20, 24)
    assert int(block.there.sum()) == learned.size
    residual = block.residual(lambda coords: torch.zeros(len(coords), 1))
    assert np.allclose(residual, -block.target * block.there)
    coords, values = block.samples()
    expected = next(iter(learned.blocks(1_000)))
    assert torch.equal(coords, expected[0])
    assert torch.equal(values, expected[1])


def test_commands_are_those_that_fitted(field):
    whole = command(settings_of(field) | {"lattice_only": True}, "my photo.png", "out.inr")
    words = shlex.split(whole)
    assert words[:5] == ["inr", "fit", "my photo.png", "-o", "out.inr"]
    options = dict(zip(words[5::2], words[6::2], strict=True))
    assert options["--encoding"].startswith("fourier:")
    assert options["--lr"] == "network=0.001"
    assert options["--steps"] == "400"
    assert options["--for"] == "memory"
    assert "--schedule" not in options  # as usual


def test_a_trial_compares_equal_budgets(signal, fitted, explained):
    field, _ = fitted
    advice = diagnostics.Finding("narrow", "rank", 1.0, 0.6, 3.0, "words (expected +3.0 dB)",
                                 {"network": "mlp:depth=2,width=24"}, "", "")  # fmt: skip
    trial = diagnostics.try_finding(field, signal, advice, engine="eager")
    assert trial.steps == 20
    assert math.isfinite(trial.gain)
    assert trial.after != trial.before
    stop = diagnostics.Finding("noise", "", 1.0, 0.6, 3.0, "", {"steps": 5}, "", "")
    with pytest.raises(inr.InrError, match="number of steps"):
        diagnostics.try_finding(field, signal, stop)
    assert explained.facts.fit["steps"] == 8


def test_parts_share_the_kernel_by_their_gradients(signal):
    torch.manual_seed(0)
    field = inr.Field.build(signal.domain, encoding="dense:levels=1,finest=8", network="mlp:depth=1,width=8")
    rows = part_rows(field, None)
    assert [row.parameters for row in rows] == [128, 8 * 2 + 8 + 8 + 1]
    assert sum(row.weight_share for row in rows) == pytest.approx(1)
    assert all(0 <= row.time <= 1 for row in rows)


def waves(side: int) -> inr.signals.GridSignal:
    """A picture whose contrast is not everywhere the same."""
    y, x = np.mgrid[0:side, 0:side] / 24
    return inr.from_array((np.sin(9 * x) * np.cos(7 * y) * (y / y.max())).astype(np.float32), kind="image")


@pytest.mark.long
def test_a_large_signal_takes_no_longer_and_is_told_as_well():
    seen = {}
    for side in (160, 640):
        signal = waves(side)
        torch.manual_seed(0)
        field = inr.Field.build(signal.domain, activation="sine", network="mlp:depth=1,width=8")
        counts: list[int] = []

        def execute(coords, field=field, counts=counts):
            counts.append(len(coords))
            return field(coords)

        facts = diagnostics.explain(field, signal, execute=execute).facts
        assert facts.looked_at == (4 * 64 * 64, side * side)
        with torch.no_grad():
            found = field(inr.signals.grid_coords((side, side), torch.arange(side**2))).clamp(-1, 1)
            error = float((found - signal.values(torch.arange(side**2))).square().mean())
        assert abs(facts.psnr - 10 * math.log10(4 / error)) < 4 * facts.errors["psnr"]
        assert 0.1 < facts.errors["psnr"] < 5
        seen[side] = counts
    assert seen[160] == seen[640]
    assert sum(seen[160]) < 10 * 4 * 64 * 64
