"""The engine tcnn beside eager, on a stand-in for its library: values, residuals, losses and gradients."""

import threading

import numpy as np
import pytest
import torch

import inr
from inr import InrError
from inr.engines import Batch, Plan
from inr.engines import plan as choose
from inr.engines._tcnn._plan import TcnnPlan
from inr.objectives import Regression
from tests.engines.derivatives import check_handed_over
from tests.engines.tcnn.fields import build, distance, exact_step, signal

# Relative to eager in float64: four times the worst measured over all fields below. With float32 the reference rounds
# weights, values and gradients alone (6e-7, 5e-7); with 16 bits every layer (1.0e-3, 1.4e-3).
VALUES = {"float32": 3e-6, "float16": 4e-3}
GRADS = {"float32": 2e-6, "float16": 6e-3}
# more for gradients where units of relu lie within rounding of their kink, and count on either side (3e-6, 1.5e-2)
ON_KINKS = {"float32": 1e-5, "float16": 6e-2}

ENCODINGS = {
    "identity": "identity", "fourier": "fourier:frequencies=9,sigma=1", "dense": "dense:levels=2,coarsest=2,finest=5",
    "hash": "hash:levels=3,coarsest=2,finest=40,log2_size=5",
    "sape": "sape:over=(fourier:kind=radial,sigma=1,frequencies=6)",
}  # fmt: skip


def compare(field, source, batch, precision, engine="tcnn"):
    """Assert that a step is eager's, within what the precision allows."""
    exact = exact_step(field, source, batch)
    plan = choose(field, Regression(source), engine)[1]
    assert isinstance(plan, Plan)
    tensors = dict(field.named_parameters())
    found = plan.loss_and_grad(tensors, batch)
    assert distance(plan.forward(tensors, found.coords), field(found.coords).detach()) <= VALUES[precision]
    assert distance(found.residuals, exact.residuals) <= VALUES[precision]
    assert distance(found.loss, exact.loss) <= 2 * VALUES[precision]
    assert found.grads.keys() == tensors.keys()
    assert found.residuals.dtype == found.loss.dtype == torch.float32
    kinks = ON_KINKS[precision] if field.smoothness < 1 else 0.0
    for name, gradient in exact.grads.items():
        assert found.grads[name].dtype == torch.float32
        assert found.grads[name].shape == gradient.shape
        assert distance(found.grads[name], gradient) <= GRADS[precision] + kinks, name
    return found


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("activation", ["relu", "sine:omega=5,first_omega=3"])
def test_every_pair_agrees_with_eager(library, precision, encoding, activation):
    library(precision)
    source = signal()
    field = build(
        source, encoding=ENCODINGS[encoding], activation=activation, network="mlp:depth=2,width=32,bias=false"
    )
    compare(field, source, Batch(torch.arange(0, source.size, 3)), precision)


@pytest.mark.parametrize("width", [1, 5, 16, 21, 48, 64, 100])
@pytest.mark.parametrize("activation", ["relu", "sine:omega=5"])
@pytest.mark.parametrize("kind", ["auto", "cutlass"])
def test_any_width(library, width, activation, kind):
    library()
    source = signal()
    field = build(source, activation=activation, network=f"mlp:depth=2,width={width},bias=false")
    compare(field, source, Batch(torch.arange(33)), "float32", f"tcnn:network={kind}")


@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 16, 19])
def test_any_number_of_axes_and_channels(library, in_dim, channels):
    library()
    source = signal(in_dim, channels)
    field = build(source, activation="sine:omega=4", network="mlp:depth=1,width=16,bias=false")
    compare(field, source, Batch(torch.arange(50)), "float32")


@pytest.mark.parametrize("frequencies", [8, 9, 300])
def test_features_that_fill_the_alignment_and_more_than_the_fused_kernel_holds(library, frequencies):
    made = library()
    source = signal()
    encoding = f"fourier:frequencies={frequencies},sigma=1"
    field = build(source, encoding=encoding, activation="relu", network="mlp:depth=2,width=64,bias=false")
    compare(field, source, Batch(torch.arange(20)), "float32")
    assert made[-1].network.otype == ("CutlassMLP" if frequencies == 300 else "FullyFusedMLP")


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("omegas", [(30, 30), (1, 1), (2, 7)])
def test_the_frequencies_are_in_the_weights(library, depth, omegas):
    library()
    source = signal()
    activation = f"sine:first_omega={omegas[0]},omega={omegas[1]}"
    field = build(source, activation=activation, network=f"mlp:depth={depth},width=16,bias=false")
    compare(field, source, Batch(torch.arange(40)), "float32")


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257])
@pytest.mark.parametrize("encoding", ["identity", "hash"])
def test_any_batch(library, precision, size, encoding):
    library(precision)
    source = signal()
    parts = {
        "encoding": ENCODINGS[encoding],
        "activation": "sine:omega=4",
        "network": "mlp:depth=2,width=16,bias=false",
    }
    found = compare(build(source, **parts), source, Batch(torch.arange(size)), precision)
    assert found.residuals.shape == (size, 3)


@pytest.mark.parametrize("encoding", ["identity", "fourier", "hash"])
def test_an_empty_batch_moves_nothing(library, encoding):
    library()
    source = signal()
    field = build(source, encoding=ENCODINGS[encoding], activation="relu", network="mlp:width=16,bias=false")
    plan = choose(field, Regression(source), "tcnn")[1]
    found = plan.loss_and_grad(dict(field.named_parameters()), Batch(torch.arange(0)))
    assert found.residuals.shape == (0, 3)
    assert found.loss.isnan()  # the mean of nothing, as eager has it
    for name, parameter in field.named_parameters():
        assert torch.equal(found.grads[name], torch.zeros_like(parameter))
    assert plan.forward(dict(field.named_parameters()), torch.zeros(0, 2)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(40,), (40, 3)])
def test_weighted_batches(library, shape):
    library()
    source = signal()
    field = build(source, activation="sine:omega=4", network="mlp:depth=1,width=16,bias=false")
    weights = torch.rand(shape)
    found = choose(field, Regression(source), "tcnn")[1].loss_and_grad(
        dict(field.named_parameters()), Batch(torch.arange(40), weights)
    )
    eager = choose(field, Regression(source), "eager")[1].loss_and_grad(
        dict(field.named_parameters()), Batch(torch.arange(40), weights)
    )
    assert distance(found.loss, eager.loss) < 1e-5
    assert all(distance(found.grads[name], grad) < 1e-5 for name, grad in eager.grads.items())


def test_gradients_are_of_the_tensors_given_not_of_the_field(library):
    library()
    source = signal()
    field = build(source, encoding=ENCODINGS["hash"], activation="relu", network="mlp:width=16,bias=false")
    halved = {name: tensor.detach() / 2 for name, tensor in field.named_parameters()}
    before = {name: tensor.clone() for name, tensor in field.named_parameters()}
    found = choose(field, Regression(source), "tcnn")[1].loss_and_grad(halved, Batch(torch.arange(9)))
    assert all(torch.equal(tensor, before[name]) for name, tensor in field.named_parameters())
    with torch.no_grad():
        for tensor in field.parameters():
            tensor /= 2
    exact = exact_step(field, source, Batch(torch.arange(9)))
    assert all(distance(found.grads[name], grad) < 1e-5 for name, grad in exact.grads.items())


class Tiny(Regression):
    """An objective so small that 16 bits know its gradients only as 0."""

    share = 1e-9

    def loss(self, residuals, batch):
        return super().loss(residuals, batch) * self.share


@pytest.mark.parametrize("share", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("encoding", ["identity", "hash"])
def test_gradients_survive_16_bits_whatever_their_size(library, share, encoding):
    library("float16")
    source = signal()
    parts = {
        "encoding": ENCODINGS[encoding],
        "activation": "sine:omega=4",
        "network": "mlp:depth=2,width=16,bias=false",
    }
    field = build(source, **parts)
    objective = Tiny(source)
    objective.share = share
    batch = Batch(torch.arange(source.size))
    found = choose(field, objective, "tcnn")[1].loss_and_grad(dict(field.named_parameters()), batch)
    exact = exact_step(field, source, batch)
    for name, gradient in exact.grads.items():
        assert distance(found.grads[name].double() / share, gradient) < GRADS["float16"]


@pytest.mark.long
def test_sums_over_many_points_do_not_overflow(library):
    library("float16")
    source = inr.Signal.from_array(np.full((300, 300, 1), 255, np.uint8), kind="image")
    field = build(source, activation="relu", network="mlp:depth=1,width=16,bias=false")
    with torch.no_grad():  # the largest residuals, all of one sign, on units that are 1 everywhere
        field.network.layers[0].weight.zero_()
        field.network.layers[0].weight[:, 0] = 1
        field.network.layers[1].weight.fill_(-0.01)
    found = choose(field, Regression(source), "tcnn")[1].loss_and_grad(
        dict(field.named_parameters()), Batch(torch.arange(source.size))
    )
    exact = exact_step(field, source, Batch(torch.arange(source.size)))
    for name, gradient in exact.grads.items():
        assert distance(found.grads[name], gradient) < GRADS["float16"]


def test_numbers_that_overflow_are_returned_as_they_are(library):
    library("float16")
    source = signal()
    field = build(source, activation="relu", network="mlp:depth=2,width=16,bias=false")
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.fill_(1e4)
    with np.errstate(all="ignore"):
        found = choose(field, Regression(source), "tcnn")[1].loss_and_grad(
            dict(field.named_parameters()), Batch(torch.arange(60))
        )
    assert not found.loss.isfinite()


def test_what_runs_elsewhere_is_noted(library):
    library()
    source = signal()
    for encoding, spec in ENCODINGS.items():
        field = build(source, encoding=spec, activation="relu", network="mlp:width=16,bias=false")
        notes = choose(field, Regression(source), "tcnn")[1].notes
        assert len(notes) == (encoding != "identity")
        assert all(f"encoding '{encoding}' in PyTorch" in note and "\n" not in note for note in notes)


def test_progressive_encodings_are_read_as_they_are_now(library):
    library()
    source = signal()
    spec = "sape:over=(fourier:kind=radial,sigma=1,frequencies=6)"
    field = build(source, encoding=spec, activation="relu", network="mlp:depth=1,width=16,bias=false")
    plan = choose(field, Regression(source), "tcnn")[1]
    tensors, coords = dict(field.named_parameters()), source.coords(torch.arange(source.size))
    before = plan.forward(tensors, coords)
    field.encoding.progress(0.5, coords, torch.ones(source.size, 3))
    after = plan.forward(tensors, coords)
    assert not torch.equal(before, after)
    assert distance(after, field(coords).detach()) < VALUES["float32"]


def test_a_plan_without_an_objective_only_evaluates(library):
    library()
    source = signal()
    field = build(source, activation="relu", network="mlp:width=16,bias=false")
    plan = choose(field, None, "tcnn")[1]
    tensors, coords = dict(field.named_parameters()), source.coords(torch.arange(7))
    assert distance(plan.forward(tensors, coords), field(coords).detach()) < VALUES["float32"]
    assert not plan.forward(tensors, coords).requires_grad
    with pytest.raises(InrError, match="without an objective"):
        plan.loss_and_grad(tensors, Batch(torch.arange(7)))
    assert plan.prepare() > 0
    assert (plan.profile(), plan.roofline()) == ({}, {})


def test_many_points_are_evaluated_in_blocks(library):
    made = library()
    source = signal()
    field = build(source, activation="relu", network="mlp:width=16,bias=false")
    plan = choose(field, None, "tcnn")[1]
    plan.block = 100
    coords = torch.rand(250, 2) * 2 - 1
    made[-1].calls.clear()
    assert distance(plan.forward(dict(field.named_parameters()), coords), field(coords).detach()) < VALUES["float32"]
    assert made[-1].calls == [100, 100, 50]


def test_rendering_and_fitting(library):
    library("float16")
    source = signal()
    field = build(source, activation="sine:omega=4", network="mlp:depth=1,width=16,bias=false")
    # grey levels of 255, to the rounding of 16 bits
    np.testing.assert_allclose(inr.render(field, engine="tcnn"), field.render(), atol=255 * VALUES["float16"])
    fitted = inr.fit(source, activation="sine", network="mlp:depth=1,width=16,bias=false", steps=3, engine="tcnn")
    assert np.isfinite(fitted.metrics["psnr"])


def test_plans_may_be_shared_between_threads(library):
    library()
    source = signal()
    field = build(source, activation="relu", network="mlp:width=16,bias=false")
    plan = choose(field, Regression(source), "tcnn")[1]
    coords = source.coords(torch.arange(100))
    sets = [{name: tensor.detach() * share for name, tensor in field.named_parameters()} for share in (1, 2)]
    expected = [plan.forward(tensors, coords) for tensors in sets]
    wrong = []

    def work(index):
        for _ in range(20):
            plan.loss_and_grad(sets[index], Batch(torch.arange(20)))
            if not torch.equal(plan.forward(sets[index], coords), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("activation", "options", "supported", "fused"),
    [
        ("relu", "", True, True),
        ("relu", "", False, False),
        ("relu", ":jit=false", True, False),
        ("sine", "", True, False),
    ],
)
def test_kernels_are_compiled_at_run_time_for_relu_only(library, activation, options, supported, fused):
    made = library(jit=supported)
    source = signal()
    field = build(source, activation=activation, network="mlp:width=16,bias=false")
    assert isinstance(choose(field, Regression(source), f"tcnn{options}")[1], TcnnPlan)
    assert made[-1].jit_fusion is fused
    assert made[-1].loss_scale == 1


def test_derivatives_and_losses_of_them_are_eagers(library, precision):
    library(precision)
    field = build(signal(), activation="sine:omega=3", network="mlp:depth=2,width=16,bias=false")
    check_handed_over(field, "tcnn")
