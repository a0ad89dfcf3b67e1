"""The engine cpu beside eager: values, residuals, losses and gradients of whole fields."""

import copy
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import inr
from inr.activations import activations
from inr.encodings import encodings
from inr.engines import Batch, RowSparse
from inr.engines import plan as choose
from inr.engines._cpu import _engine
from inr.field import Field
from inr.jit import roofline
from inr.objectives import Regression
from tests.encodings.small import small
from tests.tables import mostly_long

# Errors are measured from eager in float64, and may be some times those that eager has in float32: sums go in another
# order. A unit of relu that lies within rounding of its kink may be counted on either side: a sample's share.
TIMES, ROUNDING = 8, 1e-6
ON_KINKS = 2e-3

SHAPES = {1: (211,), 2: (17, 13), 3: (7, 5, 9), 4: (3, 5, 2, 4)}
ENCODINGS = {name: small(name) for name in ("hash", "sape")}
SMOOTH = f"{ENCODINGS['hash']},interpolation=smoothstep"  # in three dimensions, as other tests have it

# those that differ most; the others are combined with fewer encodings
BASIC = ("gabor", "gaussian", "relu", "sine")
REFUSED = {
    "gabor-2d": "no kernels for 2 affine maps a unit", "real-gabor": "no kernels for 2 affine maps a unit",
}  # fmt: skip


def signal(in_dim, channels=3, seed=0):
    samples = np.random.default_rng(seed).integers(0, 255, (*SHAPES[in_dim], channels)).astype(np.uint8)
    return inr.Signal.from_array(samples, kind="volume", channels_last=True)


def build(source, **parts):
    torch.manual_seed(1)
    field = Field.build(source.domain, **parts)
    for parameter in field.encoding.parameters():  # tables start too small to tell
        torch.nn.init.normal_(parameter, std=0.5)
    return field


def dense(grad):
    return grad.to_dense() if isinstance(grad, RowSparse) else grad


def distance(found, exact):
    """Of tensors, relative to the exact one."""
    return float((found - exact).norm()) / max(float(exact.norm()), 1e-12)


class Exact(Regression):
    """The same objective in float64."""

    def coords(self, batch):
        return super().coords(batch).double()

    def targets(self, batch):
        return super().targets(batch).double()


def compare(field, source, batch, engine="cpu:threads=2,tile=24,backward=float32"):
    """Assert that the engine's errors are of the size of eager's in float32."""
    precise = copy.deepcopy(field).double()
    weights = batch.weights if batch.weights is None else batch.weights.double()
    reference = choose(precise, Exact(source), "eager")[1]
    exact = reference.loss_and_grad(dict(precise.named_parameters()), Batch(batch.indices, weights, batch.offsets))
    plans = [choose(field, Regression(source), name)[1] for name in (engine, "eager")]
    tensors = dict(field.named_parameters())
    ours, theirs = (plan.loss_and_grad(tensors, batch) for plan in plans)
    assert torch.equal(ours.coords, theirs.coords)
    assert ours.grads.keys() == theirs.grads.keys()
    assert distance(ours.loss, exact.loss) <= TIMES * distance(theirs.loss, exact.loss) + ROUNDING
    assert distance(ours.residuals, exact.residuals) <= TIMES * distance(theirs.residuals, exact.residuals) + ROUNDING
    kinks = ON_KINKS if field.smoothness < 1 else 0.0
    for name, gradient in exact.grads.items():
        found, eager = dense(ours.grads[name]), dense(theirs.grads[name])
        assert found.shape == gradient.shape
        assert distance(found, gradient) <= TIMES * distance(eager, gradient) + ROUNDING + kinks, name
    coords = torch.rand(61, field.domain.in_dim) * 2.2 - 1.1
    values, eager = (plan.forward(tensors, coords) for plan in plans)
    right = reference.forward(dict(precise.named_parameters()), coords.double())
    assert distance(values, right) <= TIMES * distance(eager, right) + ROUNDING


# Every activation has its kernels compiled, which is what takes long: by default it is sine, and test_maths.py has the
# code of the others.
@pytest.mark.parametrize(
    ("encoding", "activation", "in_dim"),
    [
        pytest.param(*row, marks=[pytest.mark.long] * (row[1:] != ("sine", 2)))
        for row in itertools.product(encodings.names(), BASIC, (2, 3))
    ],
)
def test_every_encoding_agrees_with_eager(encoding, activation, in_dim):
    source = signal(in_dim)
    field = build(source, encoding=small(encoding, in_dim), activation=activation, network="mlp:depth=2,width=21")
    compare(field, source, Batch(torch.arange(0, source.size, 2)))


def test_values_of_complex_networks_agree_with_eager():
    field = build(signal(2), activation="gabor", network="mlp:depth=3,width=21")
    tensors, coords = dict(field.named_parameters()), torch.rand(61, 2) * 2.2 - 1.1
    values, eager = (
        choose(field, None, name)[1].forward(tensors, coords) for name in ("cpu:threads=2,tile=24", "eager")
    )
    right = copy.deepcopy(field).double()(coords.double()).detach()
    assert distance(values, right) <= TIMES * distance(eager, right) + ROUNDING


@pytest.mark.long
@pytest.mark.parametrize("activation", sorted(set(activations.names()) - set(BASIC) - set(REFUSED)))
def test_every_activation_agrees_with_eager(activation):
    source = signal(2)
    for encoding in ("identity", ENCODINGS["hash"]):
        field = build(source, encoding=encoding, activation=activation, network="mlp:depth=3,width=21")
        compare(field, source, Batch(torch.arange(0, source.size, 2)))


@pytest.mark.parametrize(("activation", "reason"), REFUSED.items())
def test_activations_without_code_are_refused_and_run_on_eager(activation, reason):
    source = signal(2)
    field = build(source, activation=activation, network="mlp:depth=2,width=8")
    with pytest.raises(inr.InrError, match=f"activation '{activation}': {reason}"):
        choose(field, Regression(source), "cpu")
    name, plan = choose(field, Regression(source), "auto")
    assert name == "eager"
    assert any(reason in note for note in plan.notes)


@pytest.mark.parametrize(
    ("encoding", "in_dim", "channels"),
    mostly_long(
        [
            *((ENCODINGS["hash"], 2, 3), (SMOOTH, 3, 3)),
            *itertools.product([ENCODINGS["hash"]], (1, 3, 4), (1, 3, 9)),
            *((ENCODINGS["hash"], 2, channels) for channels in (1, 9)),
        ],
        2,
    ),
)
def test_any_number_of_axes_and_channels(encoding, in_dim, channels):
    source = signal(in_dim, channels)
    field = build(source, encoding=encoding, activation="sine:omega=3", network="mlp:depth=1,width=16")
    compare(field, source, Batch(torch.arange(source.size)))


@pytest.mark.parametrize("width", [1, 3, 8, 16, 31, 64, 100])
@pytest.mark.parametrize("activation", mostly_long(["sine", "gabor"]))
def test_any_width(width, activation):
    source = signal(2)
    field = build(source, activation=activation, network=f"mlp:depth=3,width={width}")
    compare(field, source, Batch(torch.arange(source.size)))


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("bias", ["true", "false"])
@pytest.mark.parametrize("activation", mostly_long(["sine", "relu", "gabor"]))
def test_any_depth_with_and_without_bias(depth, bias, activation):
    source = signal(2)
    field = build(source, activation=activation, network=f"mlp:depth={depth},width=12,bias={bias}")
    compare(field, source, Batch(torch.arange(source.size)))


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 23, 24, 25, 48, 220])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_batch_and_thread_count(size, threads):
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation="sine:omega=5", network="mlp:depth=2,width=16")
    compare(field, source, Batch(torch.arange(size)), engine=f"cpu:threads={threads},tile=7")


@pytest.mark.parametrize("activation", mostly_long(["sine", "relu"]))
def test_batches_longer_than_a_program(activation, monkeypatch):
    source = signal(2)
    if activation == "sine":  # has no kinks to excuse the rounding of running sums over long batches
        monkeypatch.setattr(_engine, "MAX_FEATURE_BYTES", 4_000)
    for encoding in ("identity", ENCODINGS["hash"], ENCODINGS["sape"]):
        field = build(source, encoding=encoding, activation=activation, network="mlp:depth=1,width=8")
        objective = Regression(source)
        plan = choose(field, objective, "cpu:threads=2,tile=8")[1]
        indices = torch.arange(3 * plan.block + 5) % source.size
        compare(field, source, Batch(indices))


@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3)])
def test_importance_of_samples_and_values(shape):
    source = signal(2)
    field = build(source, activation="sine", network="mlp:depth=1,width=8")
    compare(field, source, Batch(torch.arange(50), torch.rand(shape) + 0.1))


def test_offsets_join_the_residuals():
    source = signal(2)
    field = build(source, activation="sine:omega=5", encoding=ENCODINGS["hash"], network="mlp:depth=2,width=8")
    tensors, indices = dict(field.named_parameters()), torch.arange(3, 90)
    offsets = torch.randn(87, 3, generator=torch.Generator().manual_seed(0))
    for engine in ("cpu:threads=2,tile=24", "eager"):
        plan = choose(field, Regression(source), engine)[1]
        bare, shifted = (plan.loss_and_grad(tensors, Batch(indices, None, given)) for given in (None, offsets))
        torch.testing.assert_close(shifted.residuals, bare.residuals + offsets, rtol=0, atol=1e-6)
        assert float(shifted.loss) == pytest.approx(float(shifted.residuals.square().mean()), rel=1e-5)
    compare(field, source, Batch(indices, None, offsets))


def test_a_second_step_sees_new_weights_and_forgets_the_old_gradients():
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation="sine:omega=2", network="mlp:depth=1,width=8")
    plan = choose(field, Regression(source), "cpu:threads=2")[1]
    tensors = dict(field.named_parameters())
    plan.loss_and_grad(tensors, Batch(torch.arange(100)))
    with torch.no_grad():
        for tensor in tensors.values():
            tensor += 0.1
    batch = Batch(torch.arange(100, 150))
    ours = plan.loss_and_grad(tensors, batch)
    theirs = choose(field, Regression(source), "eager")[1].loss_and_grad(tensors, batch)
    for name, expected in theirs.grads.items():
        torch.testing.assert_close(dense(ours.grads[name]), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", mostly_long(["sine:omega=5", "gabor"]))
def test_effective_weights_may_be_other_tensors_than_the_parameters(activation):
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation=activation, network="mlp:depth=2,width=8")
    plans = [choose(field, Regression(source), name)[1] for name in ("cpu:threads=2", "eager")]
    # their numbers do not lie in order, as those of a slice or of a transposed product do not
    made = {name: torch.stack([tensor.detach() / 2] * 2, dim=-1)[..., 0] for name, tensor in field.named_parameters()}
    assert not any(tensor.is_contiguous() for tensor in made.values())
    ours, theirs = (plan.loss_and_grad(made, Batch(torch.arange(90))) for plan in plans)
    torch.testing.assert_close(ours.residuals, theirs.residuals, rtol=0, atol=1e-5)
    for name, gradient in theirs.grads.items():
        assert distance(dense(ours.grads[name]), gradient) < 1e-4, name


@pytest.mark.parametrize("name", ["encoding.table", "network.layers.0.bias", "network.layers.1.weight"])
def test_weights_of_another_shape_are_refused(name):
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation="relu", network="mlp:depth=2,width=8")
    plan = choose(field, Regression(source), "cpu")[1]
    tensors = dict(field.named_parameters())
    for wrong in (tensors | {name: tensors[name][:-1]}, {key: t for key, t in tensors.items() if key != name}):
        with pytest.raises(inr.InrError, match=name):
            plan.loss_and_grad(wrong, Batch(torch.arange(9)))
        with pytest.raises(inr.InrError, match=name):
            plan.forward(wrong, torch.zeros(9, 2))


@pytest.mark.parametrize("shape", [(8,), (1, 3), (9, 2), (9, 3, 1)])
def test_weights_of_samples_that_do_not_fit_are_refused(shape):
    source = signal(2)
    plan = choose(build(source, activation="relu"), Regression(source), "cpu")[1]
    with pytest.raises(inr.InrError, match="weights of 9 samples"):
        plan.loss_and_grad(
            dict(build(source, activation="relu").named_parameters()), Batch(torch.arange(9), torch.ones(shape))
        )


def test_batches_of_strided_and_narrow_indices_and_of_none():
    source = signal(2)
    field = build(source, activation="sine", network="mlp:depth=1,width=8")
    plan = choose(field, Regression(source), "cpu")[1]
    tensors = dict(field.named_parameters())
    right = plan.loss_and_grad(tensors, Batch(torch.arange(0, 200, 3))).residuals
    for indices in (torch.arange(200)[::3], torch.arange(0, 200, 3, dtype=torch.int32)):
        assert torch.equal(plan.loss_and_grad(tensors, Batch(indices)).residuals, right)
    with pytest.raises(inr.InrError, match="at least one sample"):
        plan.loss_and_grad(tensors, Batch(torch.arange(0)))


def test_other_losses_go_to_eager():
    class Absolute(Regression):
        squared = False

        def loss(self, residuals, batch):
            return residuals.abs().mean()

    source = signal(2)
    field = build(source, activation="relu")
    assert choose(field, Absolute(source))[0] == "eager"
    with pytest.raises(inr.InrError, match="no kernels for objective Absolute"):
        choose(field, Absolute(source), "cpu")


def test_values_of_more_points_than_a_program_takes():
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation="sine", network="mlp:depth=1,width=8")
    plan = choose(field, None, "cpu:threads=2,tile=8")[1]
    coords = torch.rand(2 * plan.block + 13, 2) * 2 - 1
    values = plan.forward(dict(field.named_parameters()), coords)
    torch.testing.assert_close(values, field(coords).detach(), rtol=0, atol=1e-5)


def test_threads_may_share_a_plan():
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation="sine", network="mlp:depth=2,width=16")
    plan = choose(field, Regression(source), "cpu:threads=2,tile=8")[1]
    tensors = dict(field.named_parameters())
    batches = [Batch(torch.arange(size)) for size in (7, source.size, 100, 33)]
    right = [plan.loss_and_grad(tensors, batch).residuals for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda index: plan.loss_and_grad(tensors, batches[index % 4]).residuals, range(80))
        assert all(torch.equal(residuals, right[index % 4]) for index, residuals in enumerate(found))


@pytest.mark.parametrize("activation", mostly_long(["sine", "gabor"]))
def test_the_same_bits_every_time(activation):
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation=activation, network="mlp:depth=2,width=24")
    results = []
    for _ in range(4):
        plan = choose(field, Regression(source), "cpu:threads=2,tile=12")[1]
        found = plan.loss_and_grad(dict(field.named_parameters()), Batch(torch.arange(source.size)))
        results.append({name: dense(grad).clone() for name, grad in found.grads.items()})
        results[-1]["residuals"] = found.residuals
    for other in results[1:]:
        assert all(torch.equal(results[0][name], other[name]) for name in other)


def test_a_loss_that_overflows_is_not_finite():
    source = signal(2)
    field = build(source, activation="sine", network="mlp:depth=1,width=8")
    with torch.no_grad():
        field.network.layers[1].weight.fill_(torch.nan)
    plan = choose(field, Regression(source), "cpu")[1]
    assert not plan.loss_and_grad(dict(field.named_parameters()), Batch(torch.arange(9))).loss.isfinite()


def test_what_it_cannot_run_is_said_in_words():
    source = signal(2)
    field = build(source, activation="sine", network="mlp:depth=1,width=8").double()
    with pytest.raises(inr.InrError, match="not float32"):
        choose(field, Regression(source), "cpu")
    name, plan = choose(field, Regression(source), "auto")
    assert name == "eager"
    assert "not float32" in plan.notes[0]


def test_sape_runs_its_features_on_eager_and_says_so():
    source = signal(2)
    field = build(source, encoding=ENCODINGS["sape"], activation="relu")
    assert "sape" in choose(field, Regression(source), "cpu")[1].notes[0]


def test_where_the_time_goes(monkeypatch):
    measure = roofline.fastest
    monkeypatch.setattr(roofline, "fastest", lambda work, seconds: measure(work, 0.01))  # any peak will do here
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation="sine")
    plan = choose(field, Regression(source), "cpu:threads=2")[1]
    assert plan.profile() == {}
    for _ in range(3):
        plan.loss_and_grad(dict(field.named_parameters()), Batch(torch.arange(source.size)))
    phases = plan.profile()
    assert {"encoding", "products", "activations"} <= phases.keys()
    assert all(seconds > 0 for seconds in phases.values())
    shares = plan.roofline()
    assert shares
    assert all(reached > 0 and peak > 0 for reached, peak in shares.values())


def test_a_profile_is_of_steps_alone():
    source = signal(2)
    field = build(source, encoding=ENCODINGS["hash"], activation="sine", network="mlp:depth=2,width=32")
    plan = choose(field, Regression(source), "cpu:threads=2")[1]
    tensors = dict(field.named_parameters())
    for _ in range(20):
        plan.forward(tensors, torch.zeros(20_000, 2))
    plan.loss_and_grad(tensors, Batch(torch.arange(9)))
    assert sum(call.clock[0] for call in (plan._forward, plan._weights._pack)) == 0
    shares = plan.profile()
    assert "evaluation" not in shares


@pytest.mark.parametrize("batch", [5, 300])
def test_a_short_last_axis(batch):
    source = signal(3)
    encoding = "hash:levels=3,coarsest=2,finest=9,log2_size=6,last_finest=4,interpolation=smoothstep"
    field = build(source, encoding=encoding, activation="sine")
    tensors, samples = dict(field.named_parameters()), Batch(torch.arange(batch))
    engines = "cpu:threads=2,tile=24,backward=float32", "eager"
    plans = [choose(field, Regression(source), engine)[1] for engine in engines]
    found, right = (plan.loss_and_grad(tensors, samples) for plan in plans)
    torch.testing.assert_close(found.coords, right.coords)  # of the signal, not of the grid
    assert distance(found.residuals, right.residuals) < 1e-4
    for name, gradient in right.grads.items():
        assert distance(dense(found.grads[name]), dense(gradient)) < 1e-4, name
