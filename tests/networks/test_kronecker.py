"""The complex positional encoding: the same function as a linear layer on all products of features, without them."""

import functools
import math
import re

import numpy as np
import pytest
import torch

import inr
from inr import InrError
from inr.activations import Linear, ReLU
from inr.encodings import basis
from inr.networks import Kronecker, networks
from inr.networks import _kronecker as module
from inr.networks._blend import Blended

SIZES = {1: "7", 2: "5x4", 3: "4x3x5", 4: "3x2x4x3"}


def kronecker(in_dim=2, out_dim=2, **parameters):
    torch.manual_seed(0)
    return Kronecker(in_dim, out_dim, Linear(), **{"size": SIZES[in_dim], **parameters}).double()


def points(count, in_dim):
    return torch.rand(count, in_dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def products(network, coords):
    """The Kronecker product of every point's features, formed: (n, K_x K_y …)."""
    features = [each((coords[:, axis] + 1) / 2) for axis, each in enumerate(network.bases)]
    return torch.stack([functools.reduce(torch.kron, rows) for rows in zip(*features, strict=True)])


@pytest.fixture(params=["grid", "all but one", "by the point", "in slices"])
def way(request, monkeypatch):
    """Every way of contracting, forced."""
    if request.param != "grid":
        monkeypatch.setattr(module, "_GRID_SPEED", 0)
    if request.param in ("by the point", "in slices"):
        monkeypatch.setattr(Kronecker, "_gridded", lambda *_: [])
    if request.param == "in slices":
        monkeypatch.setattr(module, "_MAX_INTERMEDIATE", 64)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("in_dim", SIZES)
@pytest.mark.parametrize("kind", ["gaussian", "triangle", "rff", "linf", "logf"])
def test_is_a_linear_layer_on_the_kronecker_product(in_dim, kind):
    network = kronecker(in_dim, basis=kind, size=SIZES[in_dim] if kind in ("gaussian", "triangle") else 4)
    coords = points(23, in_dim)
    coords[3:9, 0] = coords[2, 0]  # some share a coordinate
    expected = products(network, coords) @ network.weight.flatten(0, -2)
    torch.testing.assert_close(network(coords), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("in_dim", SIZES)
def test_gradients_are_those_of_the_linear_layer(in_dim):
    network, coords = kronecker(in_dim), points(23, in_dim).requires_grad_()
    towards = torch.randn(23, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = torch.autograd.grad(network(coords), [coords, network.weight], towards)
    layer = (products(network, coords) @ network.weight.flatten(0, -2), [coords, network.weight])
    for one, other in zip(found, torch.autograd.grad(*layer, towards), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_which_way_is_taken_follows_what_points_share():
    network = kronecker(3, 1, size=64).float()
    assert network._gridded(16_384, [64, 64, 4]) == [2, 0, 1]  # a block of a volume that is rendered
    assert network._gridded(16_384, [256, 128, 256]) == [1, 0]  # any of a large volume's samples
    assert network._gridded(16_384, [16_384] * 3) == []  # scattered
    assert network._gridded(0, [0, 0, 0]) == [0, 1, 2]
    assert kronecker(2, 1)._gridded(4_000, [4_000, 4_000]) == [0]


@pytest.mark.parametrize("hidden", [None, 6])
@pytest.mark.parametrize("in_dim", SIZES)
def test_a_grid_is_its_points(in_dim, hidden):
    network = kronecker(in_dim, hidden=hidden)
    axes = [torch.linspace(-1, 1, 3 + axis, dtype=torch.float64) for axis in range(in_dim)]
    grid = network.on_grid(axes)
    assert grid.shape == (*[3 + axis for axis in range(in_dim)], 2)
    coords = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)
    torch.testing.assert_close(grid.flatten(0, -2), network(coords), rtol=1e-12, atol=1e-12)


def test_weights_begin_within_one_over_the_root_of_k():
    torch.manual_seed(0)
    weight = Kronecker(2, 3, Linear(), size=100).weight
    assert weight.abs().max() <= 0.1
    assert weight.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)


def test_published_parameters_at_256_functions():
    """σ 0.004, half a triangle 2/256, rff 42 cycles, linf 4.5 and logf 6.5 octaves; centres from 1/512 on."""
    bases = {kind: Kronecker(2, 1, Linear(), basis=kind, size=256).bases[0] for kind in module._PARAMETER_READ}
    assert bases["gaussian"].width == pytest.approx(0.004, rel=0.03)
    assert bases["triangle"].width == pytest.approx(2 / 256)
    assert bases["rff"].frequencies.std().item() == pytest.approx(42, rel=0.2)
    assert bases["linf"].frequencies.max().item() == pytest.approx(2**4.5)
    assert bases["logf"].frequencies.max().item() == pytest.approx(2**6.5)


def test_sizes():
    assert Kronecker(2, 3, Linear()).counts == (256, 256)
    assert Kronecker(3, 1, Linear()).counts == (64, 64, 64)
    assert Kronecker(2, 3, Linear(), size="6x4").counts == (6, 4)
    network = networks.build("kronecker:size=6x4", 2, 3, Linear())
    assert network.weight.shape == (6, 4, 3)
    assert networks.build(network.config(), 2, 3, Linear()).counts == (6, 4)


def test_the_hidden_layer_reads_several_outputs():
    network = kronecker(2, 3, hidden=256)
    assert network.weight.shape == (5, 4, 8)
    assert [tuple(p.shape) for p in network.after.parameters()] == [(256, 8), (256,), (3, 256), (3,)]
    assert network.smoothness == 0
    coords = points(9, 2)
    first, _, last = network.after
    maps = products(network, coords) @ network.weight.flatten(0, -2)
    expected = (maps @ first.weight.T + first.bias).clamp(min=0) @ last.weight.T + last.bias
    torch.testing.assert_close(network(coords), expected, rtol=1e-12, atol=1e-12)


def test_a_fit_by_steps_takes_sizes_in_the_picture_s_proportions():
    from inr.fitting import default_setup

    picture = inr.Signal.from_array(np.zeros((512, 768), np.uint8) + np.eye(512, 768, dtype=np.uint8), kind="image")
    setup = default_setup(picture).with_parts(picture, network="kronecker")
    assert setup.encoding["name"] == "identity"
    assert setup.activation["name"] == "linear"
    assert setup.network["size"] == "312x208"
    small = inr.Signal.from_array(np.eye(9, 6, dtype=np.uint8), kind="image")
    assert default_setup(small).with_parts(small, network="kronecker").network["size"] == "6x8"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"size": "6x4x5"}, "size is one number, or one an axis as in 64x64, got '6x4x5'"),
        ({"size": "6by4"}, "size is one number"),
        ({"size": 0}, "size must be"),
        ({"size": "9000x4"}, "at most 8192 functions an axis, got 9000"),
        ({"basis": "rff", "size": 5}, "use an even number of functions, not 5"),
        ({"basis": "rff", "spread": 1.0}, "basis=rff does not read spread; it reads sigma"),
        ({"sigma": 4.0}, "basis=gaussian does not read sigma; it reads spread"),
        ({"maps": 4}, "give hidden too"),
        ({"blend": 1}, "blend must be"),
    ],
)
def test_refused(parameters, message):
    with pytest.raises(InrError, match=re.escape(message)) as caught:
        Kronecker(2, 1, Linear(), **parameters)
    assert "\n" not in str(caught.value)


def test_refused_parts():
    with pytest.raises(InrError, match="use encoding identity"):
        Kronecker(40, 1, Linear(), 2)
    with pytest.raises(InrError, match="use activation linear, not relu"):
        Kronecker(2, 1, ReLU())
    with pytest.raises(InrError, match="too large: at most 268,435,456 weights"):
        Kronecker(3, 1, Linear(), size=8192)


# blending

NODES = 6


@pytest.fixture
def blended():
    return Blended(basis("gaussian", 9, width=0.1), NODES)


def test_weights_sum_to_one_and_are_one_at_the_nodes(blended):
    positions = torch.rand(50, dtype=torch.float64)
    weights = blended.weights(positions)
    torch.testing.assert_close(weights.sum(1), torch.ones(50, dtype=torch.float64), rtol=0, atol=1e-15)
    assert weights.min() >= 0
    nodes = (torch.arange(NODES - 1, dtype=torch.float64) + 0.5) / NODES
    torch.testing.assert_close(blended.weights(nodes), torch.tensor([[1.0, 0.0]] * (NODES - 1), dtype=torch.float64))
    torch.testing.assert_close(blended(nodes), blended.over(nodes))


def test_inner_products_with_both_neighbours_are_right(blended):
    """[D00 D01; D01 D11] [a; b] = [D(v0, v); D(v1, v)], then over a + b."""
    position = torch.tensor([0.31], dtype=torch.float64)  # between nodes 1 and 2, at 0.25 and 0.4167
    nodes = blended.over(torch.tensor([1.5, 2.5], dtype=torch.float64) / NODES)
    solved = torch.linalg.solve(nodes @ nodes.T, nodes @ blended.over(position)[0])
    torch.testing.assert_close(blended.weights(position)[0], solved / solved.sum(), rtol=1e-10, atol=1e-12)


def test_the_network_blends_axis_by_axis():
    network = kronecker(2, 1, blend=NODES)
    plain = kronecker(2, 1)
    coords = torch.tensor([[0.1, -0.45]], dtype=torch.float64)
    x, y = (network.bases[axis].weights((coords[:, axis] + 1) / 2)[0] for axis in range(2))
    around = [[(2 * (node + 0.5) / NODES) - 1 for node in nodes] for nodes in ((2, 3), (1, 2))]
    corners = plain.on_grid([torch.tensor(each, dtype=torch.float64) for each in around])[..., 0]
    torch.testing.assert_close(network(coords)[0, 0], x @ corners @ y, rtol=1e-12, atol=1e-12)
    assert network.smoothness == 0


def test_blending_is_continuous_and_constant_beyond_the_outermost_nodes(blended):
    node = 2.5 / NODES
    left, right = blended(torch.tensor([node - 1e-9, node + 1e-9], dtype=torch.float64))
    torch.testing.assert_close(left, right, rtol=0, atol=1e-6)
    first, end = blended(torch.tensor([0.5 / NODES, 0.0], dtype=torch.float64))
    assert torch.equal(first, end)


def test_a_point_unlike_both_neighbours_is_blended_by_distance():
    narrow = Blended(basis("triangle", NODES, width=0.3 / NODES), NODES)
    position = torch.tensor([2.0 / NODES, 2.15 / NODES], dtype=torch.float64)
    torch.testing.assert_close(narrow.weights(position)[0], torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert narrow(position).isfinite().all()
