"""Dense and hashed grids, beside a slow reference that follows the publication's formulas point by point."""

import itertools
import math
import struct

import numpy as np
import pytest
import torch

import inr
from inr.encodings import DenseGrid, HashGrid, encodings
from tests.tables import mostly_long

EDGES = (-1.0, 1.0, -1.0 + 2**-23, 1.0 - 2**-24, 0.0, -1.7, 3.0)

GRIDS = [
    "dense:levels=3,coarsest=3,finest=6",
    "dense:levels=1,coarsest=2,finest=5,features=1",
    "dense:levels=2,coarsest=1,finest=4,features=3,interpolation=smoothstep",
    "hash:levels=4,coarsest=2,finest=40,log2_size=6",
    "hash:levels=5,coarsest=3,finest=1000,log2_size=10,features=4",
    "hash:levels=3,coarsest=16,finest=1048576,log2_size=12,features=1",
    "hash:levels=2,coarsest=1,finest=30,log2_size=0",
    "hash:levels=3,coarsest=4,finest=9,log2_size=1,interpolation=smoothstep",
    "hash:levels=3,coarsest=4,finest=9,log2_size=3,interpolation=quintic",
]


def reference_hash(vertex: tuple[int, ...]) -> int:
    """32-bit hash of a vertex."""
    result = 0
    for position, prime in zip(vertex, (1, 2654435761, 805459861, 3674653429), strict=False):
        result ^= (position * prime) % 2**32
    return result


def reference_levels(config: dict, in_dim: int) -> list[tuple[float, int, int, bool]]:
    """(scale, vertices an axis, entries, hashed) of every level."""
    levels, count, coarsest = [], config["levels"], config["coarsest"]
    growth = math.exp(math.log(config["finest"] / coarsest) / (count - 1)) if count > 1 else 1.0
    size = 2 ** config["log2_size"] if "log2_size" in config else math.inf
    for level in range(count):
        vertices = coarsest * growth**level if count > 1 else config["finest"]
        (scale,) = struct.unpack("f", struct.pack("f", vertices - 1))
        resolution = math.ceil(scale) + 1
        entries = min(size, 8 * math.ceil(resolution**in_dim / 8))
        levels.append((scale, resolution, int(entries), resolution**in_dim > size))
    return levels


def reference(config: dict, table: list[list[float]], point: list[float]) -> list[float]:
    """Features of one point, by the formulas."""
    features, start = [], 0
    for scale, resolution, entries, hashed in reference_levels(config, len(point)):
        inside = [scale * (min(max(x, -1.0), 1.0) + 1) / 2 + 0.5 for x in point]
        cell = [math.floor(u) for u in inside]
        blended = [0.0] * config["features"]
        for steps in itertools.product((0, 1), repeat=len(point)):
            weight = 1.0
            for u, low, step in zip(inside, cell, steps, strict=True):
                part = u - low
                if config["interpolation"] == "smoothstep":
                    part = 3 * part**2 - 2 * part**3
                if config["interpolation"] == "quintic":
                    part = 6 * part**5 - 15 * part**4 + 10 * part**3
                weight *= part if step else 1 - part
            vertex = tuple(min(low + step, resolution - 1) for low, step in zip(cell, steps, strict=True))
            if hashed:
                row = reference_hash(vertex) % entries
            else:
                row = sum(position * resolution**axis for axis, position in enumerate(vertex))
                assert row < entries
            for feature, value in enumerate(table[start + row]):
                blended[feature] += weight * value
        features += blended
        start += entries
    assert start == len(table)
    return features


def points_with_edges(in_dim: int, count: int) -> torch.Tensor:
    """Random points, then points on and beyond the domain's edges."""
    torch.manual_seed(in_dim)
    corners = [torch.tensor(corner) for corner in itertools.product((-1.0, 1.0), repeat=in_dim)]
    mixed = [torch.tensor(EDGES)[torch.randint(len(EDGES), (in_dim,))] for _ in range(20)]
    return torch.cat((torch.rand(count, in_dim) * 2 - 1, torch.stack(corners + mixed))).double()


@pytest.mark.parametrize("in_dim", mostly_long([2, 3, 1, 4], 2))
@pytest.mark.parametrize("spec", GRIDS)
def test_agrees_with_the_slow_reference(spec, in_dim):
    encoding = encodings.build(spec, in_dim).double()
    torch.nn.init.normal_(encoding.table)
    coords, table = points_with_edges(in_dim, 60), encoding.table.tolist()
    expected = [reference(encoding.config(), table, point) for point in coords.tolist()]
    torch.testing.assert_close(encoding(coords), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)
    # in single precision a coordinate is known to 2^-25 and a slope is at most twice a row's size a cell
    if encoding.config()["finest"] <= 1000:
        single = encodings.build(spec, in_dim)
        single.load_state_dict(encoding.state_dict())
        torch.testing.assert_close(
            single(coords.float()).double(), encoding(coords.float().double()), rtol=0, atol=2e-3
        )


@pytest.mark.parametrize("in_dim", mostly_long([2, 3, 1, 4], 2))
@pytest.mark.parametrize("spec", GRIDS)
def test_the_tables_gradient_is_the_sum_of_the_weights(spec, in_dim):
    encoding = encodings.build(spec, in_dim).double()
    coords = points_with_edges(in_dim, 10)
    weights = torch.randn(len(coords), encoding.out_dim, dtype=torch.float64)
    (encoding(coords) * weights).sum().backward()
    probe = torch.randn_like(encoding.table)  # <gradient, probe> is the loss with the probe as the table
    features = [reference(encoding.config(), probe.tolist(), point) for point in coords.tolist()]
    expected = torch.tensor(features, dtype=torch.float64)
    assert (encoding.table.grad * probe).sum().item() == pytest.approx((expected * weights).sum().item(), abs=1e-9)


def test_levels_of_the_publications_largest_grid():
    levels = HashGrid(3, levels=16, coarsest=16, finest=2048, log2_size=14).levels
    assert (levels[1].scale + 1) / 16 == pytest.approx(1.3819, abs=1e-4)
    assert levels[0].resolution == 16
    assert (levels[-1].scale, levels[-1].resolution) == (2047.0, 2048)
    assert levels[0].entries == 4096
    assert [level.hashed for level in levels] == [level.resolution**3 > 2**14 for level in levels]


def test_dense_levels_have_their_vertices_rounded_up_to_eight_rows():
    levels = DenseGrid(3, levels=2, coarsest=3, finest=5).levels
    assert [level.entries for level in levels] == [32, 128]
    assert [level.offset for level in levels] == [0, 32]


def test_hash_of_a_known_vertex():
    assert reference_hash((1, 2, 3)) == 2892625372
    assert reference_hash((1, 2, 3)) % 2**19 == 128476
    encoding = HashGrid(3, levels=1, finest=101, log2_size=19, features=1).double()
    with torch.no_grad():
        encoding.table.zero_()[128476] = 1
    vertex = (torch.tensor([[1.0, 2, 3]]).double() - 0.5) / 100 * 2 - 1
    assert encoding(vertex).item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
def test_a_dense_grid_is_a_hash_grid_whose_table_is_large_enough(in_dim):
    dense = DenseGrid(in_dim, levels=3, coarsest=3, finest=7)
    hashed = HashGrid(in_dim, levels=3, coarsest=3, finest=7, log2_size=12)
    hashed.load_state_dict(dense.state_dict())
    coords = points_with_edges(in_dim, 50).float()
    assert torch.equal(hashed(coords), dense(coords))


@pytest.mark.parametrize("in_dim", [1, 2, 3])
def test_dense_vertices_have_rows_of_their_own(in_dim):
    encoding = DenseGrid(in_dim, levels=1, finest=4, features=1).double()
    axis = torch.linspace(-1, 1, 23).double()
    encoding(torch.cartesian_prod(*[axis] * in_dim).view(-1, in_dim)).sum().backward()
    touched = encoding.table.grad[:, 0] != 0
    assert touched[: 4**in_dim].all()
    assert not touched[4**in_dim :].any()


def test_a_constant_table_gives_a_constant():
    encoding = HashGrid(2, levels=4, coarsest=3, finest=50, log2_size=6).double()
    torch.nn.init.constant_(encoding.table, 2.5)
    torch.testing.assert_close(encoding(points_with_edges(2, 50)), torch.full((74, 8), 2.5).double())


def test_a_linear_table_gives_a_linear_function():
    encoding = DenseGrid(2, levels=1, finest=9, features=1).double()
    vertices = torch.cartesian_prod(torch.arange(9), torch.arange(9)).flip(1).double()  # the first axis is fastest
    slope = torch.tensor([0.7, -1.3]).double()
    with torch.no_grad():
        encoding.table[:81, 0] = vertices @ slope
    coords = torch.rand(100, 2).double() * 1.8 - 1  # the last half cell is flat
    torch.testing.assert_close(encoding(coords)[:, 0], (8 * (coords + 1) / 2 + 0.5) @ slope)


def test_smoothstep_is_flat_at_vertices_and_linear_is_not():
    vertices = (torch.arange(1, 9)[:, None].double() - 0.5) / 8 * 2 - 1
    slopes = {}
    for interpolation in ("linear", "smoothstep"):
        encoding = DenseGrid(1, levels=1, finest=9, features=1, interpolation=interpolation).double()
        torch.nn.init.normal_(encoding.table)
        coords = (vertices + 1e-12).requires_grad_()
        (slope,) = torch.autograd.grad(encoding(coords).sum(), coords)
        slopes[interpolation] = slope[:-1].abs()
    assert slopes["smoothstep"].max() < 1e-8
    assert slopes["linear"].min() > 1e-3


def test_rows_that_no_point_came_near_have_no_gradient():
    encoding = HashGrid(2, levels=4, coarsest=8, finest=200, log2_size=10)
    encoding(torch.rand(5, 2)).sum().backward()
    touched = (encoding.table.grad != 0).any(1).sum().item()
    assert 0 < touched <= 5 * 4 * 4


def test_a_coordinate_that_is_not_a_number_spoils_only_its_own_point():
    encoding = HashGrid(2, levels=4, coarsest=8, finest=200, log2_size=10)
    coords = torch.rand(6, 2)
    expected = encoding(coords)
    coords[2, 1] = math.nan
    features = encoding(coords)
    assert features[2].isnan().all()
    kept = [0, 1, 3, 4, 5]
    assert torch.equal(features[kept], expected[kept])


def test_the_same_bits_every_time():
    encoding, coords = HashGrid(2, levels=6, log2_size=8), torch.rand(20000, 2) * 2 - 1
    runs = []
    for _ in range(2):
        encoding.table.grad = None
        features = encoding(coords)
        features.sin().sum().backward()
        runs.append((features, encoding.table.grad))
    assert torch.equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])


def test_tables_start_small():
    table = HashGrid(2).table
    assert table.abs().max() <= 1e-4
    assert table.std().item() == pytest.approx(1e-4 / math.sqrt(3), rel=0.02)


def test_a_last_axis_has_fewer_vertices():
    encoding = encodings.build("hash:levels=1,finest=33,last_finest=5,log2_size=20", 2)
    torch.nn.init.normal_(encoding.table)
    ends = torch.linspace(-1, 1, 5)  # vertices lie half a cell off
    corners = torch.cartesian_prod(torch.tensor([0.0]), torch.linspace(-1, 1, 201))
    slopes = encoding(corners).diff(dim=0).diff(dim=0).abs().amax(1) > 1e-4
    assert 4 <= int(slopes.sum()) <= 2 * len(ends)  # kinks at the cells' borders, one or two differences each
    beyond = torch.tensor([[0.3, 1.0], [0.3, 4.0]])
    assert torch.equal(*encoding(beyond))
    same, plain = (encodings.build(f"hash:coarsest=2,finest=9{given}", 3) for given in (",last_finest=9", ""))
    assert same.last_share == plain.last_share == 1


def test_a_last_axis_is_not_the_longest():
    with pytest.raises(inr.InrError, match="last_finest must be <= its finest, got 20 > 9"):
        encodings.build("hash:coarsest=2,finest=9,last_finest=20", 3)


def test_frames_have_few_vertices():
    video = inr.Signal.from_array(np.zeros((6, 40, 60, 3), np.uint8), kind="video")
    assert HashGrid.suited(video)["last_finest"] == 12
    long = inr.Signal.from_array(np.zeros((40, 16, 20, 3), np.uint8), kind="video")
    volume = inr.Signal.from_array(np.zeros((6, 40, 60), np.uint8), kind="volume")
    assert not any("last_finest" in HashGrid.suited(each) for each in (long, volume))
