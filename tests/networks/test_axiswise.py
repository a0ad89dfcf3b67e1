"""One network an axis: what the joins are, exactness on sums of products, and grids axis by axis."""

import numpy as np
import pytest
import torch

import inr
from inr.networks import networks

JOINS = ("cp", "tt", "tucker")
every_join = pytest.mark.parametrize("join", JOINS)


def axiswise(
    join: str, in_dim: int = 3, out_dim: int = 2, activation: str = "sine", **options: object
) -> torch.nn.Module:
    torch.manual_seed(0)
    config = {"name": "axiswise", "join": join, "rank": 4, "depth": 1, "width": 8, **options}
    return networks.build(config, in_dim, out_dim, inr.activations.activations.build(activation), in_dim).double()


def points(count: int, in_dim: int) -> torch.Tensor:
    return torch.rand(count, in_dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
@every_join
def test_is_the_decomposition_that_it_is_named_by(join: str, in_dim: int) -> None:
    network, coords = axiswise(join, in_dim), points(17, in_dim)
    factors = [network.factor(axis, coords[:, axis]) for axis in range(in_dim)]
    wanted = torch.zeros(17, 2, dtype=torch.float64)
    for n in range(17):
        rows = [factor[n].detach() for factor in factors]
        if join == "cp":
            wanted[n] = sum(network.core[r] * np.prod([float(row[r]) for row in rows]) for r in range(4))
        elif join == "tucker":
            letters = "rstu"[:in_dim]
            wanted[n] = torch.einsum(f"{letters}c,{','.join(letters)}->c", network.core, *rows)
        else:
            product = rows[0].reshape(1, -1)
            for row in rows[1:]:
                product = product @ row.reshape(4, -1)
            wanted[n] = product[0]
    assert torch.allclose(network(coords), wanted, atol=1e-10)


@every_join
def test_a_grid_is_its_points(join: str) -> None:
    network = axiswise(join)
    axes = [torch.linspace(-1, 1, count, dtype=torch.float64) for count in (5, 4, 3)]
    grid = network.on_grid(axes)
    coords = torch.cartesian_prod(*axes)
    assert grid.shape == (5, 4, 3, 2)
    single = torch.cat([network(point[None]) for point in coords])  # no two share a position
    assert torch.allclose(grid.reshape(-1, 2), single, atol=1e-10)
    mixed = torch.randperm(len(coords), generator=torch.Generator().manual_seed(2))
    assert torch.allclose(network(coords[mixed]), single[mixed], atol=1e-10)


def test_a_grid_asks_each_network_for_its_own_axis_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = axiswise("cp", 2)
    asked = []
    original = type(network).factor

    def counted(self: torch.nn.Module, axis: int, coords: torch.Tensor) -> torch.Tensor:
        asked.append((axis, len(coords)))
        return original(self, axis, coords)

    monkeypatch.setattr(type(network), "factor", counted)
    network(torch.cartesian_prod(torch.linspace(-1, 1, 30), torch.linspace(-1, 1, 20)).double())
    assert asked == [(0, 30), (1, 20)]


@every_join
def test_a_product_of_functions_of_the_axes_is_of_rank_one(join: str) -> None:
    """With the axes' sines set to those of a product of two waves, values are the closed form."""
    network = axiswise(join, 2, 1, "sine:omega=1", rank=1, width=1)
    with torch.no_grad():
        for axis, turns in enumerate((3.0, 5.0)):
            first, last = network.layers[axis]
            first.weight.fill_(turns), first.bias.fill_(0.5 * axis)
            last.weight.fill_(2.0), last.bias.fill_(0.0)
        if network.core is not None:
            network.core.fill_(0.25)
    coords = points(50, 2)
    wanted = torch.sin(3 * coords[:, 0]) * torch.sin(5 * coords[:, 1] + 0.5) * (4 if join == "tt" else 1)
    assert torch.allclose(network(coords)[:, 0], wanted, atol=1e-10)


@every_join
def test_rank_along_the_axes_is_bounded_by_the_rank_of_the_join(join: str) -> None:
    """What makes a rotated edge its weak case: a grid of values is a matrix of no higher rank."""
    network = axiswise(join, 2, 1)
    axis = torch.linspace(-1, 1, 40, dtype=torch.float64)
    singular = torch.linalg.svdvals(network.on_grid([axis, axis])[..., 0])
    assert (singular[4:] < 1e-9 * singular[0]).all()
    assert singular[3] > 1e-6 * singular[0]
    upright, askew = ((a * axis[:, None] + b * axis[None] > 0.01).double() for a, b in ((1.0, 0.0), (1.0, 0.7)))
    assert torch.linalg.matrix_rank(upright) == 1
    assert torch.linalg.matrix_rank(askew) > 20


@every_join
@pytest.mark.parametrize("activation", ["sine", "relu", "gabor"])
def test_factors_begin_at_one_size(join: str, activation: str) -> None:
    encoding = "fourier:frequencies=16,sigma=2" if activation == "relu" else "identity"
    network = axiswise(join, 2, 3, activation, rank=64, depth=2, width=32, encoding=encoding)
    spread = network(points(2_000, 2)).square().mean().sqrt()
    assert 0.2 < spread < 5.0


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"encoding": "fourier"}, "reads encoding=identity only"),
        ({"network": "axiswise:encoding=hash"}, "learns at a rate of its own"),
        ({"network": "axiswise:join=tucker,rank=4096"}, "too large"),
    ],
)
def test_what_does_not_go_together_is_refused(parts: dict[str, str], words: str) -> None:
    domain = inr.from_array(np.zeros((4, 4, 3), np.uint8)).domain
    with pytest.raises(inr.InrError, match=words):
        inr.Field.build(domain, **{"encoding": "identity", "activation": "sine", "network": "axiswise", **parts})
