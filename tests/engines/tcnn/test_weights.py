"""Named weights and tiny-cuda-nn's vector: places, padding, folded frequencies, gradients, learning rates."""

import numpy as np
import pytest
import torch

from inr import InrError
from inr.engines._tcnn._support import tcnn_network
from inr.engines._tcnn._weights import learning_rate_factors
from tests.engines.tcnn import reference
from tests.engines.tcnn.fields import build, distance, signal

SINE = "sine:omega=30,first_omega=6"


def supported(width=21, depth=2, activation=SINE, in_dim=2, channels=3):
    field = build(
        signal(in_dim, channels), activation=activation, network=f"mlp:depth={depth},width={width},bias=false"
    )
    return field, tcnn_network(field)


@pytest.mark.parametrize("width", [1, 16, 21, 64])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("activation", [SINE, "relu"])
def test_every_number_is_where_tiny_cuda_nn_has_it(width, depth, activation):
    field, found = supported(width, depth, activation, channels=18)
    flat = found.layout.pack(dict(field.named_parameters())).numpy()
    network = reference.Mlp(16, 18, found.config)
    assert flat.shape == (network.n_params,)
    omegas = {"relu": [1.0] * depth}.get(activation, [6.0] + [30.0] * (depth - 1))
    counted = 0
    for layer, matrix, omega in zip(field.network.layers, network.matrices(flat), [*omegas, 1.0], strict=True):
        weight = layer.weight.detach().numpy()
        rows, columns = weight.shape
        np.testing.assert_allclose(matrix[:rows, :columns], omega * weight, rtol=1e-7)
        assert not matrix[rows:].any()
        assert not matrix[:, columns:].any()
        counted += matrix.size
    assert counted == flat.size


def test_there_and_back():
    field, found = supported()
    tensors = dict(field.named_parameters())
    back = found.layout.unpack(found.layout.pack(tensors))
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(back[name], tensor.detach(), rtol=2e-7, atol=0)  # times and by ω rounds twice


def test_gradients_come_back_by_the_chain_rule():
    field, found = supported()
    layout = found.layout
    tensors = {name: tensor.detach().clone().requires_grad_(True) for name, tensor in field.named_parameters()}
    slopes = torch.randn(layout.size)
    # the vector as a differentiable function of the tensors, written out
    pieces = torch.zeros(layout.size)
    for place in layout.places:
        index = torch.arange(place.rows)[:, None] * place.padded_columns + torch.arange(place.columns) + place.start
        pieces = pieces.index_put((index,), place.gain * tensors[place.name])
    expected = torch.autograd.grad((pieces * slopes).sum(), list(tensors.values()))
    found_grads = layout.backward(slopes)
    for name, gradient in zip(tensors, expected, strict=True):
        torch.testing.assert_close(found_grads[name], gradient, rtol=1e-6, atol=0)


def test_a_vector_of_another_size_is_refused():
    _, found = supported()
    with pytest.raises(InrError, match=r"vector is \(2048,\), got \(7,\)"):
        found.layout.unpack(torch.zeros(7))


@pytest.mark.parametrize(
    ("layer", "row", "column", "held"),
    [
        (0, 0, 2, False),  # a constant input
        (0, 21, 0, False),  # a unit more
        (1, 0, 31, False),
        (2, 0, 30, False),
        (2, 3, 0, True),  # an output that nobody reads
    ],
)
def test_padding_that_does_something_is_refused(layer, row, column, held):
    field, found = supported()
    tensors = dict(field.named_parameters())
    flat = found.layout.pack(tensors)
    found.layout.places[layer].matrix(flat)[row, column] = 0.5
    if held:
        assert found.layout.unpack(flat).keys() == tensors.keys()
        return
    with pytest.raises(InrError, match=f"padding of layer network.layers.{layer}.weight is not 0"):
        found.layout.unpack(flat)


@pytest.mark.parametrize("adam", [True, False])
def test_a_vector_trained_by_itself_moves_as_named_tensors_do(adam):
    field, found = supported(depth=2)
    layout, rate = found.layout, 1e-3 if adam else 1e-4
    named = {name: tensor.detach().clone().requires_grad_(True) for name, tensor in field.named_parameters()}
    flat = layout.pack(named).double().requires_grad_(True)  # so that differences of it are exact enough
    goal = torch.randn(layout.size)
    optimiser = (lambda p: torch.optim.Adam(p, rate, eps=1e-30)) if adam else (lambda p: torch.optim.SGD(p, rate))
    ours, theirs = optimiser(list(named.values())), optimiser([flat])
    factors = learning_rate_factors(layout, adam=adam)
    for _ in range(5):
        slopes = 2 * (layout.pack(named) - goal)  # of the squared distance to the goal, in the vector's own terms
        for name, gradient in layout.backward(slopes).items():
            named[name].grad = gradient
        flat.grad = 2 * (flat.detach() - goal)
        before = flat.detach().clone()
        ours.step()
        theirs.step()
        with torch.no_grad():
            flat.copy_(before + factors * (flat - before))
    moved = layout.unpack(flat.detach())  # refuses padding that moved
    for name, tensor in named.items():
        # float32 rounds the named tensors at every step
        assert distance(moved[name], tensor.detach()) < 2e-6
        assert distance(moved[name], dict(field.named_parameters())[name].detach()) > 1e-3


def test_factors_are_powers_of_the_frequency():
    _, found = supported()
    assert set(learning_rate_factors(found.layout).tolist()) == {0.0, 1.0, 6.0, 30.0}
    assert set(learning_rate_factors(found.layout, adam=False).tolist()) == {0.0, 1.0, 36.0, 900.0}
