"""The engine triton beside eager: whole fields, and fits."""

import copy
import itertools
import re

import numpy as np
import pytest
import torch

import inr
from inr.encodings import Encoding, encodings
from inr.engines import Batch, automatic, engines
from inr.engines import plan as choose
from inr.engines._eager import EagerPlan
from inr.engines._render import executor
from inr.engines._triton import _library
from inr.engines._triton._encoders import encoder
from inr.engines._triton._scale import GradientScale
from inr.field import Field
from inr.objectives import Regression
from tests.encodings.small import small
from tests.engines.derivatives import check_handed_over
from tests.tables import mostly_long

SHAPES = {1: (211,), 2: (17, 13), 3: (7, 5, 9), 4: (3, 5, 2, 4)}
ENCODINGS = {name: small(name) for name in encodings.names()}
# of the largest number, both engines in float32; and what a unit of relu may be off that lies on its kink
BOUND, KINKS = 3e-5, 5e-3
# those that differ most; test_maths.py has all
ACTIVATIONS = ("gabor", "gaussian", "linear", "relu", "sine")
TIMES = 8  # as far from float64 as eager in float32, where a network magnifies roundings


def signal(in_dim=2, channels=3):
    samples = np.random.default_rng(0).integers(0, 255, (*SHAPES[in_dim], channels)).astype(np.uint8)
    return inr.Signal.from_array(samples, kind="volume", channels_last=True)


def picture(height=20, width=30):
    y, x = np.mgrid[:height, :width] / width
    return inr.Signal.from_array(np.stack([x, y, np.sin(9 * x) * y / 2 + 0.5], axis=2).astype(np.float32))


def build(source, seed=1, **parts):
    torch.manual_seed(seed)
    field = Field.build(source.domain, **parts)
    for parameter in field.encoding.parameters():  # tables start too small to tell
        torch.nn.init.normal_(parameter, std=0.5)
    return field


def run(field, source, batch, engine, device):
    ready = choose(field, Regression(source), engine)[1]
    tensors = {name: parameter.detach().to(ready.device) for name, parameter in field.named_parameters()}
    result = ready.loss_and_grad(tensors, batch.to(ready.device))
    values = ready.forward(tensors, result.coords)
    return ready, result, values.cpu()


class Exact(Regression):
    """The same objective in float64."""

    def coords(self, batch):
        return super().coords(batch).double()

    def targets(self, batch):
        return super().targets(batch).double()


def compare(field, source, batch, device, engine="triton:precision=float32"):
    """Assert that the engine is within the bound of float64, or at most some times as far from it as eager."""
    ready, ours, values = run(field, source, batch, engine, device)
    _, theirs, eager = run(field, source, batch, "eager", device)
    precise = copy.deepcopy(field).double()
    reference, weights = choose(precise, Exact(source), "eager")[1], dict(precise.named_parameters())
    exact = reference.loss_and_grad(
        weights, Batch(batch.indices, None if batch.weights is None else batch.weights.double())
    )
    kinks = KINKS if field.smoothness < 1 else 0

    def close(found, eager, exact, bound):
        assert found.shape == exact.shape
        allowed = max(bound * float(exact.abs().max()), TIMES * float((eager - exact).abs().max()))
        assert (found.cpu() - exact).abs().max() <= allowed + 1e-12

    assert torch.equal(ours.coords.cpu(), theirs.coords)
    close(values, eager, reference.forward(weights, exact.coords), BOUND)
    close(ours.residuals, theirs.residuals, exact.residuals, BOUND)
    close(ours.loss, theirs.loss, exact.loss, BOUND)
    assert ours.grads.keys() == theirs.grads.keys()
    for name, gradient in exact.grads.items():
        close(ours.grads[name], theirs.grads[name], gradient, BOUND + kinks)
    return ready


SHORT = [("dense", "sine"), ("fourier", "gabor"), ("hash", "relu"), ("identity", "gaussian"), ("triplane", "linear")]
PAIRS = list(dict.fromkeys([*SHORT, *itertools.product(encodings.names(), ACTIVATIONS)]))


def runs_on_eager(encoding):
    return encoding not in ("identity", "fourier", "integer-fourier", "hash", "dense")


@pytest.mark.parametrize("encoding", encodings.names())
def test_encodings_without_kernels_run_on_eager_with_a_note(encoding):
    source = signal()
    field = build(source, encoding=ENCODINGS.get(encoding, encoding), network="mlp:depth=1,width=16")
    assert bool(choose(field, Regression(source), "triton")[1].notes) == runs_on_eager(encoding)


@pytest.mark.parametrize(("encoding", "activation"), mostly_long(PAIRS, len(SHORT)))
def test_every_pair_agrees_with_eager(encoding, activation, device):
    source = signal()
    field = build(
        source, encoding=ENCODINGS.get(encoding, encoding), activation=activation, network="mlp:depth=2,width=24"
    )
    ready = compare(field, source, Batch(torch.arange(3, 92, 2)), device)
    assert bool(ready.notes) == runs_on_eager(encoding)


@pytest.mark.parametrize("activation", mostly_long(["silu", "finer", "finer-gabor"]))
def test_newer_activations_agree_with_eager(activation, device):
    source = signal()
    field = build(source, activation=activation, network="mlp:depth=2,width=24")
    compare(field, source, Batch(torch.arange(3, 92, 2)), device)


@pytest.mark.parametrize("activation", ["gabor-2d", "real-gabor"])
def test_activations_without_code_are_refused(activation):
    field = build(signal(), activation=activation, network="mlp:depth=1,width=8")
    with pytest.raises(inr.InrError, match=f"activation '{activation}': no "):
        choose(field, None, "triton")


# all corners of a cell are many for the interpreter
OF_AXES = [("hash", 1), ("fourier", 3), ("identity", 4)]
OF_AXES += [each for each in itertools.product(("hash", "fourier", "identity"), (1, 2, 3, 4)) if each not in OF_AXES]


@pytest.mark.parametrize(("encoding", "in_dim"), mostly_long(OF_AXES, 3))
def test_any_number_of_axes(in_dim, encoding, device):
    source = signal(in_dim, channels=2)
    field = build(source, encoding=ENCODINGS.get(encoding, encoding), network="mlp:depth=2,width=24")
    compare(field, source, Batch(torch.arange(0, source.size, 3)), device)


@pytest.mark.parametrize("weights", [(50,), (50, 1), (50, 3)])
def test_importance(weights, device):
    source = signal()
    field = build(source, network="mlp:depth=1,width=16")
    compare(field, source, Batch(torch.arange(50), torch.rand(*weights) + 0.1), device)


def test_scattered_samples(device):
    generator = np.random.default_rng(0)
    source = inr.Signal.from_samples(generator.random((90, 2)), generator.random((90, 1)))
    compare(build(source, network="mlp:depth=1,width=16"), source, Batch(torch.tensor([80, 3, 3, 41])), device)


def test_deterministic_tables(device):
    source = signal()
    encoding = "hash:levels=2,coarsest=2,finest=20,log2_size=3,features=1"
    field = build(source, encoding=encoding, activation="relu", network="mlp:depth=1,width=16")
    batch = Batch(torch.arange(50))
    engine = "triton:precision=float32,deterministic=true"
    compare(field, source, batch, device, engine)
    results = [run(field, source, batch, engine, device)[1].grads["encoding.table"] for _ in range(2)]
    assert torch.equal(*results)


def test_weights_may_be_other_tensors_than_the_parameters(device):
    source = signal()
    field, other = (build(source, seed, network="mlp:depth=1,width=16") for seed in (1, 2))
    ready = choose(field, Regression(source), "triton:precision=float32")[1]
    tensors = {name: parameter.to(ready.device) for name, parameter in other.named_parameters()}
    coords = torch.rand(9, 2)
    assert torch.allclose(ready.forward(tensors, coords.to(ready.device)).cpu(), other(coords), atol=1e-6)


def test_weights_of_another_shape_are_refused():
    source = signal()
    field = build(source, encoding=ENCODINGS["hash"], activation="relu", network="mlp:depth=2,width=16")
    ready = choose(field, Regression(source), "triton")[1]
    tensors = {name: parameter.detach().to(ready.device) for name, parameter in field.named_parameters()}
    batch = Batch(torch.arange(9)).to(ready.device)
    for name in ("encoding.table", "network.layers.0.bias", "network.layers.1.weight"):
        for wrong in (tensors | {name: tensors[name][:1]}, {key: t for key, t in tensors.items() if key != name}):
            with pytest.raises(inr.InrError, match=name):
                ready.loss_and_grad(wrong, batch)
            with pytest.raises(inr.InrError, match=name):
                ready.forward(wrong, torch.zeros(9, 2, device=ready.device))
    with pytest.raises(inr.InrError, match="weights of 9 samples"):
        ready.loss_and_grad(tensors, Batch(batch.indices, torch.ones(9, 2, device=ready.device)))


def test_weights_of_16_bits_and_strided_ones(device):
    source = signal()
    field = build(source, encoding=ENCODINGS["hash"], activation="relu", network="mlp:depth=1,width=16")
    ready = choose(field, Regression(source), "triton:precision=float32")[1]
    exact = {name: parameter.detach().half().to(ready.device) for name, parameter in field.named_parameters()}
    strided = {name: torch.stack([tensor.float()] * 2, dim=-1)[..., 0] for name, tensor in exact.items()}
    batch = Batch(torch.arange(30)).to(ready.device)
    first, second = (ready.loss_and_grad(tensors, batch) for tensors in (exact, strided))
    assert torch.equal(first.residuals, second.residuals)


def test_what_it_cannot_run_is_said_in_words():
    source = signal()
    wide = Field.build(source.domain, network="mlp:depth=1,width=16").double()
    with pytest.raises(inr.InrError, match="not float32"):
        choose(wide, None, "triton")
    generator = np.random.default_rng(0)
    channels = inr.Signal.from_samples(generator.random((9, 2)), generator.random((9, 300)))
    with pytest.raises(inr.InrError, match="300 values"):
        choose(Field.build(channels.domain, network="mlp:depth=1,width=16"), None, "triton")
    with pytest.raises(inr.InrError, match="made without an objective"):
        choose(Field.build(source.domain), None, "triton")[1].loss_and_grad({}, Batch(torch.arange(3)))
    with pytest.raises(inr.InrError, match=r"shape \(n, 2\)"):
        choose(Field.build(source.domain), None, "triton")[1].forward({}, torch.zeros(3, 3))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")  # by the interpreter's numpy
def test_a_step_whose_gradients_overflow_is_skipped(device):
    source = signal()
    field = build(source, network="mlp:depth=2,width=24")
    with torch.no_grad():
        field.network.layers[-1].weight.mul_(1e6)
    ready, result, _ = run(field, source, Batch(torch.arange(90)), "triton", device)
    assert result.loss.isfinite()
    assert result.skipped
    assert result.grads == {}
    assert len(result.residuals) == 90
    tensors = {name: parameter.detach().to(ready.device) for name, parameter in field.named_parameters()}
    batch = Batch(torch.arange(90)).to(ready.device)
    skipped = 1 + sum(ready.loss_and_grad(tensors, batch).skipped for _ in range(12))
    last = ready.loss_and_grad(tensors, batch)
    assert 1 <= skipped < 12
    assert all(gradient.isfinite().all() for gradient in last.grads.values())


def test_the_scale_of_gradients():
    scale = GradientScale(adaptive=True)
    start = scale.value
    assert not scale.accepts(False)
    assert scale.value == start / 16
    assert all(scale.accepts(True) for _ in range(1000))
    assert scale.value == start / 8
    while not scale.accepts(False):
        pass
    assert scale.value <= 2.0**-24  # what does not fit then has diverged
    fixed = GradientScale(adaptive=False)
    assert fixed.accepts(False)
    assert fixed.value == 1


@pytest.mark.parametrize(
    ("engine", "bound"),
    [("triton:precision=float32", 0.01), pytest.param("triton", 0.1, marks=pytest.mark.long)],
)
def test_a_fit_is_eagers_fit(engine, bound):
    """The same steps from the same weights: after some of them, what roundings have made of it is still small."""
    source = picture(12, 18)
    options = {
        "encoding": "identity",
        "network": "mlp:depth=2,width=24",
        "batch": 90,
        "steps": 16,
        "learning_rate": 2e-2,
    }
    ours, theirs = (inr.fit(source, engine=each, **options) for each in (engine, "eager"))
    assert next(ours.parameters()).device.type == "cpu"
    assert ours.metrics["psnr"] == pytest.approx(theirs.metrics["psnr"], abs=bound)
    untrained = inr.fit(source, engine="eager", **options | {"steps": 1})
    assert ours.metrics["psnr"] > untrained.metrics["psnr"] + 8


def test_rendering(device):
    field = build(picture(5, 7), network="mlp:depth=2,width=24")
    expected = inr.render(field, (9, 13), engine="eager")
    assert np.abs(inr.render(field, (9, 13), engine="triton:precision=float32") - expected).max() < 1e-5


class Shifted(Encoding):
    """Holds a buffer."""

    def __init__(self):
        super().__init__(2, 2)
        self.register_buffer("shift", torch.ones(2))

    def config(self):
        return {"name": "shifted"}

    def forward(self, coords):
        return coords + self.shift


def test_an_encoding_follows_the_coordinates():
    """Fields that are rendered stay on the processor, whatever device the plan is for; `meta` stands for another."""
    coords = torch.empty(5, 2, device="meta")
    assert encoder(Shifted(), coords.device, deterministic=False).features({}, coords).device == coords.device
    field = build(picture(), encoding=ENCODINGS["fourier"], network="mlp:depth=1,width=16")
    ready = EagerPlan(field, None, coords.device)
    assert executor(field, ready)(torch.empty(5, 2)).device == coords.device


@pytest.mark.long
def test_a_fit_goes_on_after_an_interruption(tmp_path):
    from inr.fitting import Budget, make_fitter

    def fitter(**options):
        return make_fitter(
            picture(), encoding=ENCODINGS["hash"], network="mlp:depth=1,width=16", budget=Budget(steps=8), batch=64,
            engine="triton:precision=float32,deterministic=true", checkpoint=tmp_path / "c.inr", **options,
        )  # fmt: skip

    whole = fitter()
    list(whole.run())
    broken = fitter()
    for event in broken.run():
        if event.step == 4:
            broken.stop()
    resumed = fitter(resume=True)
    list(resumed.run())
    for ours, theirs in zip(resumed.field.parameters(), whole.field.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_auto_never_takes_the_interpreter(device):
    field = build(picture(), network="mlp:depth=1,width=16")
    name = choose(field, None)[0]
    first, second = automatic()
    assert first.startswith(name)
    if device == "cpu":
        assert name == "cpu"
        assert "triton its kernels would be interpreted" in first
        assert second.startswith("eager")
    else:
        assert name == "triton"


@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        ("triton", r"pip install 'inr\[gpu\]'"),
        ("cuda", "no CUDA"),
        ("gpu", "no NVIDIA GPU"),
        ("old", "kernels need 8.0"),
    ],
)
def test_what_is_missing_is_said(missing, problem, monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setattr(_library.platform, "system", lambda: "Linux")
    found = None if missing == "triton" else object()
    monkeypatch.setattr(_library.importlib.util, "find_spec", lambda name: found)
    monkeypatch.setattr(torch.version, "cuda", None if missing == "cuda" else "12.9")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: missing == "old")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Turing")
    assert re.search(problem, engines.build("triton").unavailable())


@pytest.mark.parametrize(
    "encoding", ["identity", "hash:levels=2,coarsest=2,finest=9,log2_size=4,interpolation=quintic"]
)
def test_derivatives_and_losses_of_them_are_eagers(encoding, device):
    field = build(picture(), encoding=encoding, activation="sine:omega=3", network="mlp:depth=2,width=16")
    check_handed_over(field, "triton")
