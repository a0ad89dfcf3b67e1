"""Learning bases, and what comes of them."""

import os
import signal as posix_signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import inr
from inr.priors import Base, Learning, collect, learn, load_base
from inr.priors._trunk import features_of, head_of, solved_heads

METHODS = ["trunk", "reptile:inner_steps=2", "maml:inner_steps=2", "modulated:latents=3",
           "modulated:latents=3,solver=descent"]  # fmt: skip
TINY = {"network": "mlp:depth=1,width=8", "engine": "eager"}


def pictures(count=6, side=6, seed=0):
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    return [
        (0.5 + 0.4 * np.sin(3 * x + a) * np.cos(4 * y + b)).astype(np.float32) for a, b in draw.normal(size=(count, 2))
    ]


@pytest.fixture(scope="module")
def bases():
    return {method: learn(pictures(), method=method, steps=5, **TINY) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_a_base_is_read_as_it_was_written(method, bases, tmp_path):
    base = bases[method]
    saved = base.save(tmp_path / "a.inr")
    read = load_base(tmp_path / "a.inr")
    assert read.name == base.name == saved.name
    assert read.method.config() == base.method.config()
    assert read.about == base.about
    assert read.about["signals"] == 5
    assert read.about["held_out_signals"] == 1
    picture = pictures(seed=1)[0]
    for name, each in read.start(picture).items():
        assert torch.equal(each, base.start(picture)[name])
    assert torch.equal(torch.from_numpy(read.adapt(picture).render()), torch.from_numpy(base.adapt(picture).render()))


@pytest.mark.parametrize("method", METHODS)
def test_interrupted_learning_goes_on_exactly(method, resumes_exactly):
    resumes_exactly(lambda **options: Learning(pictures(), method=method, steps=6, **TINY, **options).fitter, 3)


@pytest.mark.skipif(not hasattr(posix_signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.long
def test_killed_learning_goes_on_to_the_same_bytes(tmp_path):
    script = """
        import os, signal
        import numpy as np, torch
        torch.set_num_threads(1)
        from inr.priors import learn

        def die(event):
            if event.event.step == 4:
                os.kill(os.getpid(), signal.SIGKILL)

        learn([*np.load("pictures.npy")], method="maml:inner_steps=2", network="mlp:depth=1,width=8", engine="eager",
              steps=6, out="a.inr", every=0, progress=die)
    """
    np.save(tmp_path / "pictures.npy", np.stack(pictures()))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, env=environment, check=False)
    assert run.returncode == -posix_signal.SIGKILL
    assert not (tmp_path / "a.inr").exists()
    assert (tmp_path / "a.inr.checkpoint").exists()
    options = {"method": "maml:inner_steps=2", "steps": 6, **TINY}
    with pytest.raises(inr.InrError, match="holds unfinished work"):
        learn(pictures(), out=tmp_path / "a.inr", **options)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        learn(pictures(), out=tmp_path / "a.inr", resume=True, **options)
        learn(pictures(), out=tmp_path / "b.inr", **options)
    finally:
        torch.set_num_threads(threads)
    assert (tmp_path / "a.inr").read_bytes() == (tmp_path / "b.inr").read_bytes()
    assert not (tmp_path / "a.inr.checkpoint").exists()


def test_rates_of_zero_leave_the_start_and_codes_of_zero_the_base(bases):
    maml = bases["maml:inner_steps=2"]
    still = Base(maml.method, maml.parts, maml.domain, maml.weights,
                 {name: torch.zeros_like(each) for name, each in maml.own.items()}, maml.about)  # fmt: skip
    for name, each in still.adapt(pictures()[0]).state_dict().items():
        assert torch.equal(each, maml.weights[name])
    modulated = bases["modulated:latents=3"]
    field = modulated.field(modulated.domain)
    for name, each in modulated.method.decoded(modulated.learned, field, torch.zeros(1, 3)).weights.items():
        assert torch.equal(each[0], modulated.weights[name])
    moved = modulated.adapt(pictures()[0]).state_dict()
    assert any(not torch.equal(each, modulated.weights[name]) for name, each in moved.items())


def test_more_codes_steps_come_nearer(bases):
    modulated = bases["modulated:latents=3"]
    levels = [modulated.adapt(pictures(seed=2)[0], steps).metrics["psnr"] for steps in (0, 1, 3)]
    assert levels == sorted(levels)
    assert levels[0] < levels[1]


@pytest.mark.long
def test_held_out_signals_teach_nothing():
    given = pictures()
    first = Learning(given, steps=3, **TINY)
    for _ in first.run():
        pass
    changed = [each if name in first.signals.names else np.roll(each, 2) for name, each in
               zip([f"signal {place}" for place in range(len(given))], given, strict=True)]  # fmt: skip
    second = Learning(changed, steps=3, **TINY)
    assert second.held.names == first.held.names
    for _ in second.run():
        pass
    for name, each in first.base().weights.items():
        assert torch.equal(second.base().weights[name], each)
    assert second.base().about["held_out"] != first.base().about["held_out"]


@pytest.mark.long
def test_shuffled_weights_lose_what_was_learned():
    """The values of each layer's weights do not help, their places do: more than 3 dB (11 were measured)."""
    given = pictures(12, 12)
    base = learn(
        given, steps=400, held_out=0.25, network="mlp:depth=2,width=24", activation="sine:omega=10", engine="eager"
    )
    torch.manual_seed(0)
    weights = {name: each.flatten()[torch.randperm(each.numel())].view_as(each) for name, each in base.weights.items()}
    shuffled = Base(base.method, base.parts, base.domain, weights, {}, {})
    others = collect(pictures(4, 12, seed=3))
    assert base.measure(others) > shuffled.measure(others) + 3


def test_a_last_layer_in_closed_form_is_the_least_squares_one(bases):
    base = bases["trunk"]
    field = base.field(base.domain)
    signal = collect(pictures(3, seed=4))
    coords = signal.signal(0).coords(torch.arange(36)).double()
    double = {name: each.double() for name, each in base.weights.items()}
    setup = inr.fitting.Setup(**base.parts)
    features = features_of(base.domain, setup, double, coords)
    heads = head_of(base.domain, setup)
    assert heads == {"network.layers.1.weight": 8, "network.layers.1.bias": 1}
    head = torch.cat([double[name].reshape(1, -1) for name in heads], dim=1)
    torch.testing.assert_close(features @ head.T, field.double()(coords), rtol=1e-9, atol=1e-10)
    solved = solved_heads(features, signal.targets.double(), dict(field.named_parameters()) and
                          {name: field.get_parameter(name) for name in heads}, 0.0)  # fmt: skip
    exact = torch.linalg.lstsq(features, signal.targets.double()[..., 0].T).solution.T
    found = torch.cat([each.reshape(3, -1) for each in solved.values()], dim=1)
    torch.testing.assert_close(features @ found.T, features @ exact.T, rtol=1e-6, atol=1e-7)


def test_the_mean_of_last_layers_begins_with_the_mean_of_values():
    learning = Learning(pictures(), held_out=0, steps=3, **TINY)
    for _ in learning.run():
        pass
    coords = learning.signals.signal(0).coords(torch.arange(36))
    base = learning.base()
    mean = learning.fitter.field(coords).mean(1, keepdim=True)
    torch.testing.assert_close(base.field(base.domain)(coords), mean, rtol=1e-4, atol=1e-5)


def test_a_fit_begins_from_a_base(bases, tmp_path):
    base = bases["trunk"].save(tmp_path / "base.inr")
    picture = pictures(side=9, seed=5)[0]
    fitter = inr.compression.FitOptions(base=base, coding="exact", engine="eager", steps=3)
    signal = inr.from_array(picture)
    begun = fitter.fitter(signal, fitter.keeping()).field.state_dict()
    for name, each in base.start(signal).items():
        assert torch.equal(begun[name], each)
    field = inr.fit(picture, base=tmp_path / "base.inr", steps=3, coding="exact", engine="eager")
    assert field.config()["network"] == base.parts["network"]
    assert field.domain.shape == (9, 9)
    with pytest.raises(inr.InrError, match="a base brings its own parts"):
        inr.fit(picture, base=base, network="mlp")
    with pytest.raises(inr.InrError, match=r"is for pictures of 1 channel, and this is of the sort pictures of 3"):
        inr.fit(np.zeros((4, 4, 3), np.uint8), base=base, steps=3)


def test_all_fields_of_a_set_begin_from_a_base(bases):
    from inr.sets import Recipe

    base = bases["trunk"]
    setup = inr.fitting.Setup(**base.parts, batch=36, learning_rate=1e-3)
    recipe = Recipe(setup, inr.Budget(steps=2), start=base.start())
    fitter = recipe.fitter("a", inr.from_array(pictures()[0]), engine="eager")
    for name, each in base.weights.items():
        assert torch.equal(fitter.field.state_dict()[name], each)


@pytest.mark.parametrize("method", METHODS)
def test_adapted_fields_are_of_values_at_points(bases, method):
    """They know samples alone: rendered as means over cells, as pixels are, they would be asked for more."""
    picture = inr.from_array(pictures(seed=6)[0], sampling="area")
    assert bases[method].adapt(picture).domain.sampling == "point"


def test_a_code_is_small_and_needs_its_base(bases, tmp_path, monkeypatch):
    base = bases["modulated:latents=3"].save(tmp_path / "base.inr")
    picture = pictures(seed=6)[0]
    field = base.adapt(picture)
    field.save(tmp_path / "a.inr")
    assert (tmp_path / "a.inr").stat().st_size < 400
    read = inr.load(tmp_path / "a.inr")
    assert np.array_equal(read.render(), field.render())
    assert read.metrics["psnr"] == pytest.approx(field.metrics["psnr"], rel=1e-5)
    read.save(tmp_path / "again.inr")
    assert (tmp_path / "again.inr").read_bytes() == (tmp_path / "a.inr").read_bytes()
    (tmp_path / "base.inr").rename(tmp_path / "renamed.inr")
    assert np.array_equal(inr.load(tmp_path / "a.inr").render(), field.render())  # by what it holds
    bases["trunk"].save(tmp_path / "base.inr")
    away = tmp_path / "elsewhere" / "base.inr"
    away.parent.mkdir()
    (tmp_path / "renamed.inr").rename(away)
    needs = r"a\.inr needs the base base\.inr of SHA-256 "
    with pytest.raises(inr.InrError, match=f"{needs}.* neither beside it nor in the folder that INR_BASES names"):
        inr.load(tmp_path / "a.inr")
    with pytest.raises(inr.InrError, match=f"{needs}.* is another"):
        inr.load(tmp_path / "a.inr", base=tmp_path / "base.inr")
    assert np.array_equal(inr.load(tmp_path / "a.inr", base=away).render(), field.render())
    monkeypatch.setenv("INR_BASES", str(away.parent))
    assert np.array_equal(inr.load(tmp_path / "a.inr").render(), field.render())
    with torch.no_grad():
        read.get_parameter("network.layers.0.bias").add_(1)
    read.save(tmp_path / "changed.inr")  # which no code makes: all weights are kept
    assert np.array_equal(inr.load(tmp_path / "changed.inr").render(), read.render())


def test_what_is_no_base_is_refused(bases, tmp_path):
    inr.fit(pictures()[0], steps=2, coding="exact", engine="eager", network="mlp:depth=1,width=4").save(
        tmp_path / "f.inr"
    )
    with pytest.raises(inr.InrError, match=r"f\.inr holds no base; make one"):
        load_base(tmp_path / "f.inr")
    bases["trunk"].save(tmp_path / "base.inr")
    with pytest.raises(inr.InrError, match="is a base, which signals begin from, and no field"):
        inr.load(tmp_path / "base.inr")
    data = bytearray((tmp_path / "base.inr").read_bytes())
    data[-3] ^= 1
    (tmp_path / "bad.inr").write_bytes(data)
    with pytest.raises(inr.DamagedFile):
        load_base(tmp_path / "bad.inr")


@pytest.mark.parametrize(
    ("signals", "options", "words"),
    [
        ([], {}, "there are no signals to learn from"),
        (pictures(2), {}, "at least 2 signals, and there are 2, besides 1 held out"),
        ([*pictures(2), np.zeros((6, 6, 3), np.uint8)], {}, r"several sorts.*pictures of 1 channel: 2.*pictures of 3"),
        ([*pictures(2), *pictures(1, 8)], {}, r"several sizes \(6x6: 2.*8x8: 1.*--size"),
        (pictures(3), {"held_out": 1.0}, "share of signals that is held out"),
        (pictures(3), {"steps": 0}, "at least 1 step"),
        (pictures(3), {"method": "trnuk"}, "unknown method 'trnuk'; did you mean 'trunk'"),
        (pictures(3), {"size": (3,)}, "2 numbers of samples"),
        ([np.array([[0.0, np.nan], [1.0, 0.5]])] * 3, {}, "lacks samples"),
    ],
)  # fmt: skip
def test_what_nothing_can_be_learned_from_is_refused(signals, options, words):
    with pytest.raises(inr.InrError, match=words):
        Learning(signals, **options)


def test_files_that_cannot_be_read_are_left_out(tmp_path):
    for place, each in enumerate(pictures(4)):
        inr.from_array((each * 255).astype(np.uint8)).save(tmp_path / f"{place}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    with pytest.warns(inr.InrWarning, match="left out: .*broken.png"):
        found = collect(tmp_path)
    assert len(found) == 4
    assert len(found.unreadable) == 1
    with pytest.warns(inr.InrWarning, match="left out"), pytest.raises(inr.InrError, match="no signals to learn from"):
        collect([tmp_path / "broken.png"])


def test_sizes_are_brought_to_one_grid_by_means():
    found = collect([*pictures(2, 6), *pictures(2, 12)], size=(3, 6))
    assert found.values.shape == (4, 3, 6, 1)
    mean = inr.from_array(pictures(1, 6)[0]).grid_values.reshape(3, 2, 6, 1).mean(1)
    assert found.values[0] == pytest.approx(mean, abs=1e-6)
    assert found.domain.shape == (3, 6)
