"""Planes and lines: interpolation beside torch's own, sums and products, and what they hold exactly."""

import functools
import itertools
import math

import pytest
import torch

from inr.encodings import CPGrid, KPlanes, TriPlane, VMGrid, encodings
from inr.encodings._vertices import around, read


def points(count: int, in_dim: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, in_dim, dtype=torch.float64, generator=generator) * 2 - 1


def sampled(table: torch.Tensor, coords: torch.Tensor, vertices: tuple[int, ...]) -> torch.Tensor:
    """A plane, read by torch's grid sampling with aligned corners; border values outside."""
    picture = table.T.reshape(1, -1, vertices[1], vertices[0])
    found = torch.nn.functional.grid_sample(
        picture, coords[None, None], mode="bilinear", padding_mode="border", align_corners=True
    )
    return found[0, :, 0].T


def random_(encoding):
    torch.manual_seed(0)
    for parameter in encoding.parameters():
        torch.nn.init.normal_(parameter)
    return encoding.double()


@pytest.mark.parametrize("in_dim", [2, 3, 4])
def test_triplane_is_the_sum_of_its_planes(in_dim):
    encoding, coords = random_(TriPlane(in_dim, features=3, resolution=5, last_resolution=7)), points(40, in_dim) * 1.2
    counts = [5] * (in_dim - 1) + [7]
    pairs = list(itertools.combinations(range(in_dim), 2))
    assert len(encoding.planes) == len(pairs) == math.comb(in_dim, 2)
    expected = sum(
        sampled(plane, coords[:, pair], (counts[pair[0]], counts[pair[1]]))
        for plane, pair in zip(encoding.planes, pairs, strict=True)
    )
    torch.testing.assert_close(encoding(coords), expected)


@pytest.mark.parametrize("in_dim", [2, 3, 4])
def test_kplanes_are_products_at_every_scale(in_dim):
    encoding = random_(KPlanes(in_dim, features=2, resolution=3, scales=3, last_resolution=4))
    coords = points(40, in_dim)
    pairs = list(itertools.combinations(range(in_dim), 2))
    planes, expected = iter(encoding.planes), []
    for scale in (1, 2, 4):
        counts = [3 * scale] * (in_dim - 1) + [4 if in_dim == 4 else 4 * scale]  # time has one scale
        factors = [sampled(next(planes), coords[:, pair], tuple(counts[axis] for axis in pair)) for pair in pairs]
        expected.append(functools.reduce(torch.mul, factors))
    torch.testing.assert_close(encoding(coords), torch.cat(expected, dim=1))


def test_kplanes_of_ones_are_one_and_begin_without_time():
    torch.manual_seed(0)
    encoding = KPlanes(4, features=2, resolution=3)
    coords = points(20, 4).float()
    elsewhen = coords.clone()
    elsewhen[:, 3] = -elsewhen[:, 3]
    torch.testing.assert_close(encoding(coords), encoding(elsewhen))
    for index, plane in enumerate(encoding.planes):
        if index % 6 in (2, 4, 5):  # xt, yt, zt
            assert torch.equal(plane, torch.ones_like(plane))
        else:
            assert 0.1 <= plane.min() < 0.2 < 0.4 < plane.max() <= 0.5
            torch.nn.init.ones_(plane)
    torch.testing.assert_close(encoding(coords), torch.ones(20, 6))


def test_time_is_the_last_axis_of_four_unless_said():
    assert KPlanes(4, features=1, resolution=2).config()["time"] is True
    assert KPlanes(3, features=1, resolution=2).config()["time"] is False
    video = KPlanes(3, features=1, resolution=2, scales=2, last_resolution=9, time=True)
    assert video.scales == [(2, 2, 9), (4, 4, 9)]


def test_vm_holds_a_separable_volume_to_rounding():
    """A rank-1 volume of N³ samples, with R = 1: every factor by its own 1-D interpolation problem (recipe i)."""
    count = 8
    torch.manual_seed(0)
    factors = [torch.randn(count, dtype=torch.float64) for _ in range(3)]
    volume = torch.einsum("i,j,k->ijk", *factors)  # x, y, z
    samples = (2 * torch.arange(count, dtype=torch.float64) + 1) / count - 1
    lines = [torch.linalg.solve(interpolation(samples, count), factor) for factor in factors]
    encoding = VMGrid(3, rank=1, resolution=count).double()
    with torch.no_grad():
        for parameter in encoding.parameters():
            parameter.zero_()
        encoding.planes[2].copy_(torch.einsum("j,k->kj", lines[1], lines[2]).reshape(-1, 1))  # yz, y fastest
        encoding.lines[2].copy_(lines[0][:, None])
    coords = torch.cartesian_prod(samples, samples, samples)
    torch.testing.assert_close(encoding(coords).sum(1), volume.flatten(), rtol=1e-10, atol=1e-10)
    assert torch.equal(encoding(coords)[:, :2], torch.zeros(count**3, 2).double())


def interpolation(samples: torch.Tensor, count: int) -> torch.Tensor:
    """The matrix from vertices to samples."""
    return read(torch.eye(count, dtype=torch.float64), [around(samples, count, 0)], [count])


def test_cp_is_the_product_of_its_lines():
    encoding, coords = random_(CPGrid(3, rank=4, resolution=6, last_resolution=5)), points(30, 3)
    factors = [
        interpolation(coords[:, axis], count) @ line
        for axis, (count, line) in enumerate(zip((6, 6, 5), encoding.lines, strict=True))
    ]
    torch.testing.assert_close(encoding(coords), factors[0] * factors[1] * factors[2])


@pytest.mark.parametrize("in_dim", [2, 3, 4])
def test_vm_is_planes_times_the_other_lines(in_dim):
    encoding, coords = random_(VMGrid(in_dim, rank=2, resolution=4)), points(30, in_dim)
    lines, expected = iter(encoding.lines), []
    for plane, pair in zip(encoding.planes, itertools.combinations(range(in_dim), 2), strict=True):
        mode = sampled(plane, coords[:, pair], (4, 4))
        for axis in range(in_dim):
            if axis not in pair:
                mode = mode * (interpolation(coords[:, axis], 4) @ next(lines))
        expected.append(mode)
    torch.testing.assert_close(encoding(coords), torch.cat(expected, dim=1))


def test_sizes_and_starts_are_the_publications():
    torch.manual_seed(0)
    vm, cp = VMGrid(3, rank=5, resolution=20), CPGrid(3, rank=7, resolution=200)
    assert sum(p.numel() for p in vm.parameters()) == 3 * 5 * (20**2 + 20)
    assert sum(p.numel() for p in cp.parameters()) == 3 * 7 * 200
    assert torch.cat([p.detach().flatten() for p in vm.parameters()]).std() == pytest.approx(0.1, rel=0.05)
    assert torch.cat([p.detach().flatten() for p in cp.parameters()]).std() == pytest.approx(0.2, rel=0.05)
    assert vm.learning_rate == cp.learning_rate == 0.02
    assert KPlanes(2, resolution=2).learning_rate == 0.01


@pytest.mark.parametrize("smoothness", [0, 1, 2])
def test_interpolation_is_a_partition_of_unity(smoothness):
    coords = points(50, 2)
    axes = [around(coords[:, axis], count, smoothness) for axis, count in enumerate((5, 4))]
    ones = read(torch.ones(20, 1, dtype=torch.float64), axes, (5, 4))
    torch.testing.assert_close(ones, torch.ones(50, 1).double())


def test_a_linear_table_is_a_linear_function():
    x, y = torch.linspace(-1, 1, 5), torch.linspace(-1, 1, 4)
    table = (3 * x[None, :] - 2 * y[:, None] + 1).reshape(-1, 1).double()
    coords = points(50, 2)
    axes = [around(coords[:, axis], count, 0) for axis, count in enumerate((5, 4))]
    torch.testing.assert_close(read(table, axes, (5, 4))[:, 0], 3 * coords[:, 0] - 2 * coords[:, 1] + 1)


@pytest.mark.parametrize("name", ["triplane", "kplanes", "cp", "vm"])
def test_smoothstep_is_flat_at_vertices(name):
    encoding = random_(
        encodings.build(f"{name}:resolution=5,interpolation=smoothstep" + ",scales=1" * (name == "kplanes"), 3)
    )
    vertices = torch.linspace(-1, 1, 5, dtype=torch.float64)[1:-1]
    coords = torch.cartesian_prod(vertices, vertices, vertices).requires_grad_()
    (slope,) = torch.autograd.grad(encoding(coords).sum(), coords)
    assert slope.abs().max() < 1e-12


@pytest.mark.parametrize("name", ["triplane", "kplanes", "cp", "vm"])
def test_points_outside_take_the_nearest_value_and_nan_does_no_harm(name):
    encoding = random_(encodings.build(f"{name}:resolution=4", 2))
    inside = torch.tensor([[-1.0, 1.0], [1.0, 0.3]], dtype=torch.float64)
    outside = torch.tensor([[-7.0, 1.1], [1.5, 0.3]], dtype=torch.float64)
    torch.testing.assert_close(encoding(outside), encoding(inside))
    encoding(torch.tensor([[math.nan, math.inf], [0.0, -math.inf]], dtype=torch.float64))
