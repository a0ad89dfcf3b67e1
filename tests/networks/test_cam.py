"""Coordinate-aware modulation: its grids, what they do to hidden values, and what they add."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import inr
from inr import Field, InrError
from inr.activations import Gabor, ReLU, Sine
from inr.fitting import default_learning_rates, parameter_groups
from inr.networks import CAM, MLP


def made(in_dim: int = 5, coord_dim: int = 2, **given) -> CAM:
    torch.manual_seed(0)
    network = CAM(in_dim, 3, Sine(omega=3.0), coord_dim, **given).double()
    with torch.no_grad():
        for grid in network.grids.parameters():
            grid.normal_()
    return network


def inputs(count: int = 9, features: int = 5, axes: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(count, each, dtype=torch.float64, generator=generator) * 2 - 1 for each in (features, axes))


def test_unmodulated_it_is_the_normalised_perceptron():
    torch.manual_seed(0)
    network = CAM(5, 3, ReLU(), 2, depth=2, width=7).double()
    features, coords = inputs()
    h = features
    for layer in list(network.layers)[:2]:
        z = h @ layer.weight.T + layer.bias
        z = (z - z.mean(1, keepdim=True)) / (z.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        h = z.clamp(min=0)
    last = network.layers[2]
    torch.testing.assert_close(network(features, coords), h @ last.weight.T + last.bias, rtol=1e-10, atol=1e-10)


def test_neither_modulated_nor_normalised_it_is_the_perceptron():
    torch.manual_seed(0)
    network = CAM(5, 3, Sine(), 2, depth=2, width=7, normalise=False).double()
    torch.manual_seed(0)
    plain = MLP(5, 3, Sine(), depth=2, width=7).double()
    features, coords = inputs()
    torch.testing.assert_close(network(features, coords), plain(features), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("per_unit", [False, True])
def test_it_is_the_formula_with_torchs_own_interpolation(per_unit):
    network = made(depth=2, width=7, resolution=4, per_unit=per_unit)
    features, coords = inputs(40)
    coords *= 1.2  # some beyond the border

    def read(nodes):
        picture = nodes.T.reshape(1, -1, 4, 4)  # rows are y: the first axis is the fastest
        read = F.grid_sample(picture, coords[None, :, None], align_corners=True, padding_mode="border")
        return read[0, :, :, 0].T

    h = features
    for index, layer in enumerate(list(network.layers)[:2]):
        z = F.layer_norm(h @ layer.weight.T + layer.bias, (7,))
        h = torch.sin(3 * (read(network.grids.gamma[index]) * z + read(network.grids.beta[index])))
    last = network.layers[2]
    torch.testing.assert_close(network(features, coords), h @ last.weight.T + last.bias, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_grids_are_exact_for_what_is_linear_on_every_axis(axes):
    network = made(coord_dim=axes, depth=1, width=2, resolution=5)
    line = torch.linspace(-1, 1, 5, dtype=torch.float64)
    nodes = torch.cartesian_prod(*[line] * axes).reshape(-1, axes).flip(1)
    with torch.no_grad():
        network.grids.gamma[0, :, 0] = (2 + nodes * torch.arange(1, axes + 1)).prod(1)
    _, coords = inputs(30, axes=axes)
    gamma, _ = network.grids(network.grids.corners(coords), 0)
    torch.testing.assert_close(gamma[:, 0], (2 + coords * torch.arange(1, axes + 1)).prod(1))
    for point, expected in ((torch.ones(1, axes).double(), nodes[-1]), (-torch.ones(1, axes).double(), nodes[0])):
        gamma, _ = network.grids(network.grids.corners(point), 0)
        torch.testing.assert_close(gamma[0, 0], (2 + expected * torch.arange(1, axes + 1)).prod())


def test_points_beyond_the_grid_and_none_at_all():
    network = made(depth=1, width=4, resolution=3)
    features, _ = inputs(1)
    inside = network(features, torch.tensor([[1.0, -1.0]]).double())
    assert torch.equal(network(features, torch.tensor([[7.0, -3.0]]).double()), inside)
    assert network(features, torch.full((1, 2), torch.nan).double()).isnan().all()


@pytest.mark.parametrize(("axes", "nodes"), [(1, 64), (2, 32**2), (3, 16**3), (4, 8**4)])
def test_what_the_grids_add(axes, nodes):
    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    plain = count(MLP(512, 3, ReLU(), depth=3, width=256))
    assert plain == 263_683  # as in the authors' code, and 269,827 with grids
    assert count(CAM(512, 3, ReLU(), axes)) == plain + 2 * 3 * nodes
    if axes == 2:
        assert count(CAM(512, 3, ReLU(), axes)) == 269_827
        assert count(CAM(512, 3, ReLU(), axes, resolution=5, per_unit=True)) == plain + 2 * 3 * 25 * 256


def test_grids_learn_ten_times_as_fast():
    torch.manual_seed(0)
    domain = inr.Signal.from_array(np.zeros((4, 4, 3), np.uint8), kind="image").domain
    field = Field.build(domain, encoding="fourier", activation="relu", network="cam:width=8,resolution=4")
    rates = default_learning_rates(field)
    assert rates == {"network": 1e-3, "grids": 1e-2}
    groups = parameter_groups(field, rates)
    assert [(group.name, group.learning_rate) for group in groups] == [("network", 1e-3), ("grids", 1e-2)]
    assert set(groups[1].parameters) == {"network.grids.gamma", "network.grids.beta"}


def test_a_field_of_sines_has_kinks_where_the_grids_have():
    domain = inr.Signal.from_array(np.zeros((4, 4), np.uint8), kind="image").domain
    field = Field.build(domain, encoding="identity", activation="sine", network="cam:width=8")
    assert field.smoothness == 0
    with pytest.raises(InrError, match="'cam' has no second derivatives"):
        field.laplacian(torch.zeros(1, 2))


def test_one_grid_for_all_units_or_one_each_do_the_same_where_they_are_the_same():
    one = made(depth=2, width=6, resolution=4)
    each = made(depth=2, width=6, resolution=4, per_unit=True)
    state = one.state_dict()
    for name in ("grids.gamma", "grids.beta"):
        state[name] = state[name].expand(-1, -1, 6).clone()
    each.load_state_dict(state)
    torch.testing.assert_close(each(*inputs()), one(*inputs()), rtol=1e-12, atol=1e-12)


def test_what_it_cannot_modulate_and_what_is_too_large():
    with pytest.raises(InrError, match="'cam' modulates one real number a unit, and 'gabor' has more; relu and sine"):
        CAM(2, 3, Gabor(), 2)
    with pytest.raises(InrError, match=r"grids of 1,610,612,736 numbers exceed 268,435,456; use a smaller resolution"):
        CAM(2, 3, ReLU(), 4, resolution=128)
