"""The perceptron with normalised sums: against torch's own norms, and folded into a plain one."""

import numpy as np
import pytest
import torch

import inr
from inr import Field, InrError
from inr.activations import Gabor, ReLU, Tanh
from inr.engines import Batch
from inr.networks import MLP, NormalisedMLP


def inputs(count: int = 40, features: int = 3) -> torch.Tensor:
    return torch.rand(count, features, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def stirred(norm: str, depth: int = 2, width: int = 6) -> NormalisedMLP:
    """One whose gains, shifts and running means are no longer what they begin with."""
    torch.manual_seed(0)
    network = NormalisedMLP(3, 2, Tanh(), norm=norm, depth=depth, width=width).double()
    with torch.no_grad():
        for each in network.norms:
            each.gain.uniform_(0.5, 2)
            each.shift.uniform_(-1, 1)
    network.train()
    for _ in range(30):
        network(inputs())
    return network.eval()


def test_batch_is_torchs():
    network = stirred("batch", depth=1)
    theirs = torch.nn.BatchNorm1d(6).double()
    (ours,) = network.norms
    theirs.load_state_dict(
        {"weight": ours.gain, "bias": ours.shift, "running_mean": ours.mean, "running_var": ours.variance,
         "num_batches_tracked": torch.tensor(0)}
    )  # fmt: skip
    first, last = network.layers
    for mode in (False, True):  # in this order: they keep another estimate of the variance
        network.train(mode)
        theirs.train(mode)
        expected = last(torch.tanh(theirs(first(inputs())[0])))[0]
        torch.testing.assert_close(network(inputs()), expected, rtol=1e-12, atol=1e-12)


def test_layer_is_torchs():
    network = stirred("layer", depth=1)
    (norm,), (first, last) = network.norms, network.layers
    sums = first(inputs())[0]
    normal = (sums - sums.mean(1, keepdim=True)) / (sums.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    expected = last(torch.tanh(normal * norm.gain + norm.shift))[0]
    torch.testing.assert_close(network(inputs()), expected, rtol=1e-12, atol=1e-12)


def test_cross_divides_by_the_variances_of_both():
    network = stirred("cross", depth=1).train()
    (norm,), (first, last) = network.norms, network.layers
    sums = first(inputs())[0]
    rows, columns = sums.shape
    centre = torch.stack([
        torch.stack([(sums[i].sum() + sums[:, j].sum() - sums[i, j]) / (rows + columns) for j in range(columns)])
        for i in range(rows)
    ])  # fmt: skip
    normal = (sums - centre) / (sums.var(0) + sums.var(1, keepdim=True) + 1e-5).sqrt()
    expected = last(torch.tanh(normal * norm.gain + norm.shift))[0]
    torch.testing.assert_close(network(inputs()), expected, rtol=1e-12, atol=1e-12)
    # what runs on has the batch's means in the end, and then gives the same without the batch
    for _ in range(400):
        network(inputs())
    torch.testing.assert_close(network.eval()(inputs()), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_batch_folds_into_plain_weights(dtype):
    network = stirred("batch", depth=4, width=16).to(dtype)
    plain = network.plain()
    assert type(plain) is MLP
    assert plain.config() == MLP(3, 2, Tanh(), depth=4, width=16).config()
    found, expected = plain(inputs().to(dtype)), network(inputs().to(dtype))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 if dtype is torch.float32 else 1e-13)


@pytest.mark.parametrize("norm", ["layer", "cross"])
def test_what_divides_by_each_points_own_does_not_fold(norm):
    network = stirred(norm)
    assert network.plain() is network


@pytest.mark.parametrize("norm", ["batch", "layer", "cross"])
def test_gradients_in_learning_go_through_the_means(norm):
    network = stirred(norm).train()
    names, tensors = zip(*network.named_parameters(), strict=True)

    def values(*given):
        return torch.func.functional_call(network, dict(zip(names, given, strict=True)), (inputs(7),))

    assert torch.autograd.gradcheck(values, tensors, eps=1e-6, atol=1e-6, fast_mode=True)


def domain() -> inr.signals.Domain:
    return inr.Signal.from_array(np.zeros((8, 8, 1), np.float32), kind="image").domain


def test_only_steps_compute_with_the_batchs_means():
    torch.manual_seed(0)
    field = Field.build(domain(), activation="relu", network="normalised:depth=2,width=8")
    signal = inr.Signal.from_array(np.random.default_rng(0).random((8, 8, 1), np.float32), kind="image")
    _, plan = inr.engines.plan(field, inr.objectives.objectives.build("squared", signal), engine="eager")
    before = field.network.norms[0].mean.clone()
    batch = Batch(torch.arange(64))
    coords = torch.rand(5, 2)
    values = field(coords)
    assert torch.equal(field(coords), values)
    assert torch.equal(field.network.norms[0].mean, before)
    plan.loss_and_grad(dict(field.named_parameters()), batch)
    assert not field.network.training
    assert not torch.equal(field.network.norms[0].mean, before)


def test_a_fit_is_saved_as_a_plain_perceptron(tmp_path):
    values = np.random.default_rng(0).random((12, 12, 1)).astype(np.float32)
    field = inr.fit(inr.Signal.from_array(values, kind="image"), activation="relu", encoding="fourier:frequencies=8",
                    network="normalised:depth=3,width=16", steps=30)  # fmt: skip
    path = tmp_path / "field.inr"
    field.save(path)
    loaded = inr.load(path)
    assert loaded.config()["network"] == {"name": "mlp", "depth": 3, "width": 16, "bias": True}
    assert inr.engines.plan(loaded)[0] == "cpu"
    coords = torch.rand(50, 2) * 2 - 1
    torch.testing.assert_close(loaded(coords), field(coords), rtol=0, atol=1e-6)


def test_it_has_one_real_number_a_unit():
    with pytest.raises(InrError, match="one real number a unit, and activation 'gabor' reads more"):
        NormalisedMLP(2, 1, Gabor())
    assert isinstance(NormalisedMLP(2, 1, ReLU()), NormalisedMLP)
