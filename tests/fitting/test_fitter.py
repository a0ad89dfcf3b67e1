"""The loop: budgets, events, determinism, resuming, stopping without loss."""

import functools
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import inr
from inr import Budget, InrError, Signal
from inr.fitting import between_psnr, checkpoint_gap, evaluate
from inr.fitting._fit import make_fitter

pytestmark = pytest.mark.quick

QUICK = {"encoding": "hash:levels=3,log2_size=8,finest=16", "network": "mlp:depth=1,width=16", "batch": 100}
SAPE = {
    "encoding": "sape:num_blocks=5,resolution=6,over=(fourier:frequencies=10)",
    "network": "mlp:depth=1,width=16",
    "batch": 100,
}


@pytest.fixture
def signal():
    y, x = np.mgrid[0:16, 0:16] / 16
    return Signal.from_array((255 * np.stack([x, y, x * y], axis=-1)).astype(np.uint8), kind="image")


def losses(fitter, limit=None):
    return [event.loss for event in itertools.islice(fitter.run(), limit) if event.kind == "step"]


def weights(fitter):
    return {name: tensor.clone() for name, tensor in fitter.field.state_dict().items()}


def test_events_tell_the_whole_story(signal):
    fitter = make_fitter(signal, budget=Budget(steps=30), **QUICK)
    events = list(fitter.run())
    assert [event.kind for event in events] == ["start", *["step"] * 30, "end"]
    assert [event.step for event in events[1:-1]] == list(range(1, 31))
    assert {event.steps for event in events} == {30}
    assert {event.engine for event in events} == {fitter.engine}
    assert events[-1].reason == "steps"
    assert events[-1].points == 30 * 100
    assert all(later.seconds >= earlier.seconds for earlier, later in itertools.pairwise(events))
    rates = [event.learning_rate for event in events[1:-1]]
    assert rates == pytest.approx([0.005 * (1 + math.cos(math.pi * step / 30)) for step in range(30)])
    assert events[-2].loss < events[1].loss


def test_the_same_seed_gives_the_same_file(signal, tmp_path):
    for name in ("a", "b"):
        inr.fit(signal, steps=25, seed=5, **QUICK).save(tmp_path / f"{name}.inr")
    inr.fit(signal, steps=25, seed=6, **QUICK).save(tmp_path / "c.inr")
    a, b, c = ((tmp_path / f"{name}.inr").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_fitting_leaves_the_global_generator_alone(signal):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    inr.fit(signal, steps=3, **QUICK)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("parts", [QUICK, SAPE], ids=["hash", "sape"])
@pytest.mark.parametrize("cut", [1, 17, 39])
def test_resume_gives_the_same_curve_bit_for_bit(signal, tmp_path, parts, cut):
    whole = make_fitter(signal, budget=Budget(steps=40), seed=2, **parts)
    curve = losses(whole)
    path = tmp_path / "fit.checkpoint"
    first = make_fitter(signal, budget=Budget(steps=40), seed=2, checkpoint=path, **parts)
    beginning = []
    for event in first.run():
        if event.kind == "step":
            beginning.append(event.loss)
            if len(beginning) == cut:
                first.stop()
    assert event.reason == "interrupted"
    second = make_fitter(signal, budget=Budget(steps=40), seed=2, checkpoint=path, resume=True, **parts)
    assert beginning + losses(second) == curve
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(second)[name]), name
    assert second.points == whole.points


def test_a_checkpoint_is_written_while_fitting_and_is_a_field(signal, tmp_path):
    path = tmp_path / "fit.checkpoint"
    fitter = make_fitter(signal, budget=Budget(steps=20), checkpoint=path, every=0.0, **QUICK)
    kinds = [event.kind for event in fitter.run()]
    assert kinds.count("checkpoint") == 20
    assert torch.equal(inr.load(path).encoding.table, fitter.field.encoding.table)


def test_resuming_what_is_not_there_or_another_fit(signal, tmp_path):
    path = tmp_path / "fit.checkpoint"
    resume = {"checkpoint": path, "resume": True}
    with pytest.raises(InrError, match="nothing to resume"):
        make_fitter(signal, budget=Budget(steps=9), **resume, **QUICK)
    fitter = make_fitter(signal, budget=Budget(steps=9), checkpoint=path, **QUICK)
    fitter.stop()
    list(fitter.run())
    with pytest.raises(InrError, match="of another fit: its seed differ"):
        make_fitter(signal, budget=Budget(steps=9), seed=1, **resume, **QUICK)
    with pytest.raises(InrError, match="its steps differ"):
        make_fitter(signal, budget=Budget(steps=10), **resume, **QUICK)
    other = Signal.from_array(255 - signal.array, kind="image")
    with pytest.raises(InrError, match="its signal differ"):
        make_fitter(other, budget=Budget(steps=9), **resume, **QUICK)
    make_fitter(signal, budget=Budget(seconds=5), **resume, **QUICK)  # the horizon is the checkpoint's
    inr.load(path).save(path, force=True)
    with pytest.raises(InrError, match="is not a checkpoint"):
        make_fitter(signal, budget=Budget(steps=9), **resume, **QUICK)


def test_seconds_become_steps_once(signal):
    events = list(make_fitter(signal, budget=Budget(seconds=0.5), **QUICK).run())
    assert events[0].kind == "start"
    last = events[-1]
    assert events[0].steps == last.steps > 0
    assert (last.reason == "steps" and last.step == last.steps) or (last.reason == "seconds" and last.seconds > 0.5)
    assert len({event.steps for event in events}) == 1
    assert list(make_fitter(signal, budget=Budget(seconds=5, steps=7), **QUICK).run())[-1].step == 7


@pytest.mark.parametrize("parts", [QUICK, SAPE], ids=["hash", "sape"])
def test_measuring_the_horizon_leaves_no_trace(signal, parts):
    plain = make_fitter(signal, budget=Budget(steps=12), **parts)
    timed = make_fitter(signal, budget=Budget(steps=12, seconds=20), **parts)
    assert losses(plain) == losses(timed)
    for name, tensor in weights(plain).items():
        assert torch.equal(tensor, weights(timed)[name]), name


def test_target_psnr_is_checked_on_the_whole_signal(signal):
    fitter = make_fitter(signal, budget=Budget(steps=2000, psnr=25), **QUICK)
    last = list(fitter.run())[-1]
    assert last.reason == "target"
    assert last.step < 2000
    assert evaluate(fitter.field, signal)["psnr"] >= 25


def test_losses_are_told_without_what_a_batch_is_known_to_exceed_the_signals(signal):
    plain, told = (make_fitter(signal, budget=Budget(steps=12), **QUICK) for _ in range(2))
    select = told._teacher.select
    told._teacher.select = lambda step, scorer: replace(select(step, scorer), excess=1.5 + step)
    expected = [loss / (1.5 + step) for step, loss in enumerate(losses(plain))]
    events = [event for event in told.run() if event.kind == "step"]
    assert [event.loss for event in events] == expected
    assert events[0].psnr == pytest.approx(10 * math.log10(4 / expected[0]))
    assert events[-1].psnr > 10 * math.log10(4 / expected[0])
    for name, tensor in weights(plain).items():  # steps do not heed it
        assert torch.equal(tensor, weights(told)[name]), name


def test_a_diverging_fit_keeps_its_best_state(signal):
    fitter = make_fitter(signal, budget=Budget(steps=60), **QUICK)
    step = fitter.plan.loss_and_grad
    calls = itertools.count()

    def failing(tensors, batch):
        result = step(tensors, batch)
        return result._replace(loss=result.loss * math.nan) if next(calls) == 45 else result

    fitter.plan.loss_and_grad = failing
    last = list(fitter.run())[-1]
    assert last.reason == "diverged"
    assert last.step == 45
    assert "lower learning rate" in last.message
    fitted = evaluate(fitter.field, signal)["psnr"]
    assert fitted > evaluate(make_fitter(signal, budget=Budget(steps=60), **QUICK).field, signal)["psnr"] + 5


def test_weights_that_explode_are_not_taken_for_the_best(signal):
    """The rate jumps where weights are kept: those before the jump count, and the fit says what happened."""
    fitter = make_fitter(signal, budget=Budget(steps=60), **QUICK)
    for event in fitter.run():
        if event.step == 29:
            fitter._learning_rates = dict.fromkeys(fitter._learning_rates, 1e30)
    assert event.reason == "diverged"
    assert "lower learning rate" in event.message
    unfitted = make_fitter(signal, budget=Budget(steps=60), **QUICK).field
    assert evaluate(fitter.field, signal)["psnr"] > evaluate(unfitted, signal)["psnr"] + 2


def test_an_explosion_in_the_last_step_is_undone(signal):
    fitter = make_fitter(signal, budget=Budget(steps=20), schedule="constant", **QUICK)
    for event in fitter.run():
        if event.step == 19:
            fitter._learning_rates = dict.fromkeys(fitter._learning_rates, math.inf)
    assert event.reason == "steps"
    assert all(tensor.isfinite().all() for tensor in fitter.field.state_dict().values())


def test_python_is_told_of_a_fit_that_ended_badly(signal, monkeypatch):
    monkeypatch.setattr("inr.compression.fit_options.Budget", functools.partial(Budget, overtime=0.0))
    with pytest.warns(RuntimeWarning, match="out of time after 1 steps"):
        inr.fit(signal, seconds=0.2, **QUICK)


def test_a_target_alone_gets_patience_and_says_when_it_is_missed(signal):
    fitter = make_fitter(signal, budget=Budget(psnr=100.0), **QUICK)
    assert fitter.steps == 4 * make_fitter(signal, budget=Budget(), **QUICK).steps
    short = make_fitter(signal, budget=Budget(psnr=100.0, steps=5), **QUICK)
    last = list(short.run())[-1]
    assert (last.reason, last.message) == ("steps", "finished 5 steps: below the target of 100 dB")


def test_sape_gets_the_steps_it_needs_unasked():
    series = Signal.from_array(np.sin(np.arange(50.0)), value_range=(-1, 1))
    assert make_fitter(series, budget=Budget(), encoding="sape").steps >= 1024


def test_a_checkpoint_knows_the_places_of_its_samples(tmp_path):
    path, places = tmp_path / "fit.checkpoint", np.linspace(0, 1, 20)
    small = {"encoding": "identity", "network": "mlp:depth=1,width=4", "checkpoint": path}
    fitter = make_fitter(Signal.from_samples(places, places), budget=Budget(steps=9), **small)
    fitter.stop()
    list(fitter.run())
    with pytest.raises(InrError, match="its signal differ"):
        make_fitter(Signal.from_samples(places**2, places), budget=Budget(steps=9), resume=True, **small)


def test_fields_too_large_to_load_again_are_refused(signal, monkeypatch):
    monkeypatch.setattr("inr.fitting._checks.MAX_FILE_BYTES", 1000)
    with pytest.raises(InrError, match="use fewer levels"):
        make_fitter(signal, budget=Budget(steps=9), **QUICK)


def test_a_full_disk_ends_the_fit_with_the_last_checkpoint_kept(signal, tmp_path, monkeypatch):
    path = tmp_path / "fit.checkpoint"
    fitter = make_fitter(signal, budget=Budget(steps=30), checkpoint=path, every=0.0, **QUICK)
    events = fitter.run()
    for event in events:
        if event.kind == "checkpoint" and event.step == 10:
            break
    kept = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    last = list(events)[-1]
    assert last.reason == "disk"
    assert "the disk is full" in last.message
    assert path.read_bytes() == kept
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"steps": 0}, "0 steps cannot fit"),
        ({"steps": -5}, "-5 steps cannot fit"),
        ({"seconds": 0.0}, "0 seconds"),
        ({"seconds": math.nan}, "nan seconds"),
        ({"seconds": math.inf}, "inf seconds"),
        ({"psnr": -3.0}, "between 0 and 120 dB"),
        ({"psnr": 1000.0}, "between 0 and 120 dB"),
    ],
)
def test_budgets_that_cannot_work(budget, message):
    with pytest.raises(InrError, match=message):
        Budget(**budget)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "at least 1 sample"),
        ({"schedule": "cosin"}, "unknown schedule"),
        ({"seed": -1}, "seed lies between"),
        ({"learning_rate": 0.0}, "positive number"),
        ({"learning_rate": {"body": 1e-3}}, "no learning rate to set for 'body'; this field learns: network, encoding"),
        ({"engine": "warp"}, "unknown engine 'warp'"),
        ({"teacher": "unifrom"}, "did you mean 'uniform'"),
        ({"encoding": "sape:num_blocks=16"}, "at least 32 steps"),
    ],
)
def test_settings_that_cannot_work(signal, options, message):
    with pytest.raises(InrError, match=message):
        make_fitter(signal, budget=Budget(steps=9), **{**QUICK, **options})


def test_learning_rates_by_part(signal):
    fitter = make_fitter(signal, budget=Budget(steps=5), learning_rate={"encoding": 3e-3}, **QUICK)
    assert {group.name: group.learning_rate for group in fitter._optimiser.groups} == {
        "network": 1e-2,
        "encoding": 3e-3,
    }


def test_entries_no_batch_touches_stay_as_they_are():
    """A table entry that never got a gradient keeps its value bit for bit."""
    signal = Signal.from_samples(
        np.array([[-1.0, -1.0], [-0.9, -0.9], [1.0, 1.0]], np.float32), np.array([[1.0], [2.0], [3.0]], np.float32)
    )
    fitter = make_fitter(
        signal, budget=Budget(steps=10), encoding="dense:levels=1,finest=64", network="mlp:depth=1,width=4"
    )
    before = fitter.field.encoding.table.detach().clone()
    losses(fitter)
    changed = (fitter.field.encoding.table != before).any(dim=1)
    assert 0 < changed.sum() <= 3 * 4


def test_scattered_samples_and_metrics_of_each_kind():
    rng = np.random.default_rng(0)
    coords = rng.random((200, 2))
    options = {"network": "mlp:depth=1,width=8", "engine": "eager"}
    field = inr.fit(Signal.from_samples(coords, coords.sum(axis=1)), steps=20, **options)
    assert set(field.metrics) == {"psnr", "rmse", "max_error"}
    sound = Signal.from_array(np.sin(np.arange(400) / 9), kind="audio", sample_rate=8000)
    assert set(inr.fit(sound, steps=5, **options).metrics) == {
        "psnr",
        "psnr_between",
        "rmse",
        "max_error",
        "snr",
    }


def test_evaluate_agrees_with_the_formula(signal):
    field = inr.fit(signal, steps=20, **QUICK)
    picture = np.clip(field.render(), 0, 255)
    mse = np.mean((picture.astype(np.float64) - signal.array) ** 2)
    assert field.metrics["psnr"] == pytest.approx(10 * np.log10(255**2 / mse), abs=1e-4)


def test_compiling_comes_first_and_is_not_in_the_budget(signal):
    fitter = make_fitter(signal, budget=Budget(steps=3), **QUICK)
    calls = []
    prepare, step = fitter.plan.prepare, fitter.plan.loss_and_grad
    fitter.plan.prepare = lambda: calls.append("prepare") or prepare() + 100.0
    fitter.plan.loss_and_grad = lambda *arguments: calls.append("step") or step(*arguments)
    events = list(fitter.run())
    assert calls == ["prepare", "step", "step", "step"]
    assert fitter.prepare() == events[0].compiling == events[-1].compiling >= 100
    assert events[-1].seconds < 100


def test_a_profile_accounts_for_all_of_the_time(signal):
    fitter = make_fitter(signal, budget=Budget(steps=8), engine="eager", **QUICK)
    list(fitter.run())
    phases = fitter.profile.phases()
    assert list(phases) == ["sampling", "forward and backward", "optimiser", "the rest"]
    assert all(seconds > 0 for seconds in phases.values())
    assert sum(phases.values()) == pytest.approx(fitter.profile.seconds)
    assert fitter.seconds == pytest.approx(fitter.profile.seconds)
    assert fitter.profile.steps == 8


def test_a_profile_takes_over_what_the_engine_tells(signal):
    fitter = make_fitter(signal, budget=Budget(steps=8), engine="eager", **QUICK)
    booked = {"sampling": 5.0, "encoding": 7.0}
    step = fitter.plan.loss_and_grad

    def stepping(tensors, batch):
        booked["encoding"] += 1e-7
        return step(tensors, batch)

    fitter.plan.profile = lambda: dict(booked)
    fitter.plan.roofline = lambda: {"products, GFLOP/s": (50.0, 100.0)}
    fitter.plan.loss_and_grad = stepping
    list(fitter.run())
    phases = fitter.profile.phases()
    assert list(phases) == ["sampling", "encoding", "optimiser", "the rest"]
    assert phases["encoding"] == pytest.approx(8e-7, rel=1e-3)  # what was booked before the fit does not count
    assert sum(phases.values()) == pytest.approx(fitter.profile.seconds)
    document = fitter.profile.document()
    assert document["roofline"] == {"products, GFLOP/s": {"reached": 50.0, "peak": 100.0, "share": 0.5}}
    assert sum(phase["share"] for phase in document["phases"].values()) == pytest.approx(1)


def test_measuring_runs_on_what_it_is_given(signal):
    field = make_fitter(signal, budget=Budget(steps=1), **QUICK).field
    blocks = []

    def execute(coords):
        blocks.append(len(coords))
        return signal.values(torch.arange(signal.size))[[*range(sum(blocks) - len(coords), sum(blocks))]]

    points = signal.measured_as("point")
    field.domain = points.domain
    measured = evaluate(
        field, points, execute=lambda coords: execute(coords) if sum(blocks) < 256 else field(coords), block=100
    )
    assert measured.pop("psnr_between") == pytest.approx(between_psnr(field, points))
    assert measured == {"psnr": math.inf, "rmse": 0, "max_error": 0, "ssim": pytest.approx(1)}
    assert blocks == [100, 100, 56]


@pytest.mark.parametrize(
    ("every", "cost", "seconds"), [(0, 1, 0), (60, 1, 60), (60, 7, 70), (60, 20, 120), (1.5, 0.1, 1.5)]
)
def test_checkpoints_stand_apart_by_what_they_cost(every, cost, seconds):
    assert checkpoint_gap(every, cost) == seconds
