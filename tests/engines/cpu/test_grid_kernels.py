"""The stages of grid encodings, beside the eager encodings."""

import itertools
import math

import numpy as np
import pytest
import torch

from inr.encodings import encodings
from inr.engines._cpu import _grid
from inr.engines._cpu._corners import CHUNK, FLAG_ROWS
from inr.jit import Call, run
from tests.tables import mostly_long

EDGES = (-1.0, 1.0, -1.0 + 2**-23, 1.0 - 2**-24, 0.0, -1.7, 3.0, math.inf)
GRIDS = [
    "dense:levels=3,coarsest=3,finest=6",
    "dense:levels=1,coarsest=2,finest=5,features=1",
    "dense:levels=2,coarsest=1,finest=4,features=3,interpolation=smoothstep",
    "hash:levels=4,coarsest=2,finest=40,log2_size=6",
    "hash:levels=5,coarsest=3,finest=1000,log2_size=10,features=4",
    "hash:levels=3,coarsest=16,finest=1048576,log2_size=12,features=1",
    "hash:levels=2,coarsest=1,finest=30,log2_size=0",
    "hash:levels=2,coarsest=4,finest=9,log2_size=1,features=8,interpolation=smoothstep",
    "dense:levels=3,coarsest=3,finest=6,interpolation=quintic",
    "hash:levels=2,coarsest=4,finest=9,log2_size=2,features=3,interpolation=quintic",
    "hash:levels=4,coarsest=2,finest=40,log2_size=6,interpolation=smoothstep",
]
# Weights and rows are the eager ones to the bit, only sums go in another order: 2^4 corners, each rounded thrice
TOLERANCE = 16 * 2**-23


def points(in_dim, count):
    """Random points, some of them on and beyond the edges, in no order."""
    mixed = [[EDGES[int(i)] for i in torch.randint(len(EDGES), (in_dim,))] for _ in range(40)]
    corners = list(itertools.product((-1.0, 1.0), repeat=in_dim))
    every = torch.cat((torch.rand(count, in_dim) * 2 - 1, torch.tensor(mixed + corners)))
    return every[torch.randperm(len(every))].contiguous()


class Grid:
    """An encoding with its stages and buffers."""

    def __init__(self, spec, in_dim, count=101, seed=0):
        torch.manual_seed(seed)
        self.encoding = encodings.build(spec, in_dim)
        torch.nn.init.normal_(self.encoding.table)
        self.table = self.encoding.table.detach().numpy()
        entries, self.features = self.table.shape
        self.kind = in_dim, self.features, int(self.encoding.smoothness)
        self.levels = _grid.level_table(self.encoding.levels)
        self.coords = points(in_dim, count)
        self.given = torch.randn(len(self.coords), self.encoding.out_dim + 3)
        self.grad = np.zeros_like(self.table)
        self.touched = np.zeros(-(-entries // FLAG_ROWS), np.uint8)

    def encode(self, threads=1):
        out = np.full(self.given.shape, 7, np.float32)
        arguments = {"coords": self.coords.numpy(), "table": self.table, "out": out}
        run([Call(_grid.encode(*self.kind), **arguments, **self.levels)], threads)
        assert (out[:, self.encoding.out_dim :] == 7).all()
        return torch.from_numpy(out[:, : self.encoding.out_dim])

    def scatter(self, threads=1):
        arguments = {"coords": self.coords.numpy(), "given": self.given.numpy(), "grad": self.grad}
        run([Call(_grid.scatter(*self.kind), **arguments, touched=self.touched, **self.levels)], threads)
        return torch.from_numpy(self.grad)

    def scatter_coords(self, threads=1):
        grad = np.full(self.coords.shape, 7, np.float32)
        arguments = {"coords": self.coords.numpy(), "table": self.table, "given": self.given.numpy(), "grad": grad}
        run([Call(_grid.scatter_coords(self.kind[0]), **arguments, smoothness=self.kind[2], **self.levels)], threads)
        return torch.from_numpy(grad)

    def eager(self):
        """Features, and the gradients of table and coordinates."""
        coords = self.coords.clone().requires_grad_()
        features = self.encoding(coords)
        wanted = self.given[:, : self.encoding.out_dim]
        return features.detach(), *torch.autograd.grad(features, (self.encoding.table, coords), wanted)


# every kind of grid is compiled anew, in any number of dimensions: by default two kinds
every_grid = pytest.mark.parametrize(
    ("spec", "in_dim"),
    mostly_long(
        [
            (GRIDS[index], in_dim)
            for index, in_dim in (
                *((0, 2), (3, 2), (6, 2), (10, 3)),
                *((3, 3), (1, 1), (4, 2), (5, 3), (9, 4)),
                *((0, 1), (0, 3), (0, 4), (3, 1), (3, 4), (6, 1), (6, 3), (6, 4)),
                *((1, 3), (2, 4), (5, 2), (7, 3), (8, 2), (8, 3), (9, 1)),
            )
        ],
        4,
    ),
)


@every_grid
def test_features_and_gradients_are_the_eager_ones(spec, in_dim):
    grid = Grid(spec, in_dim)
    features, of_table, of_coords = grid.eager()
    torch.testing.assert_close(grid.encode(), features, rtol=0, atol=TOLERANCE * features.abs().max().item())
    # a row may collect every point
    limit = TOLERANCE * len(grid.coords) * grid.given.abs().max().item()
    torch.testing.assert_close(grid.scatter(), of_table, rtol=TOLERANCE, atol=limit)
    limit = TOLERANCE * len(grid.encoding.levels) * of_coords.abs().max().item()
    torch.testing.assert_close(grid.scatter_coords(), of_coords, rtol=TOLERANCE, atol=limit)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, CHUNK - 1, CHUNK + 1, 2 * CHUNK + 70])
def test_any_number_of_points(count):
    grid = Grid("hash:levels=3,coarsest=4,finest=60,log2_size=8", 2)
    grid.coords, grid.given = torch.rand(count, 2) * 2 - 1, torch.randn(count, 9)
    features, of_table, of_coords = grid.eager()
    torch.testing.assert_close(grid.encode(), features, rtol=0, atol=1e-5)
    torch.testing.assert_close(grid.scatter(), of_table, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grid.scatter_coords(), of_coords, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("in_dim", mostly_long([2, 1, 3, 4]))
@pytest.mark.parametrize("spec", [GRIDS[0], GRIDS[3], GRIDS[6]])
def test_the_same_bits_for_any_number_of_workers(spec, in_dim):
    alone = Grid(spec, in_dim, count=700)
    expected = alone.encode(), alone.scatter(), alone.scatter_coords()
    for threads in (2, 3, 9):  # the last are more than there are levels
        grid = Grid(spec, in_dim, count=700)
        assert torch.equal(grid.encode(threads), expected[0])
        assert torch.equal(grid.scatter(threads), expected[1])
        assert torch.equal(grid.scatter_coords(threads), expected[2])
        assert np.array_equal(grid.touched, alone.touched)


@pytest.mark.parametrize("in_dim", mostly_long([2, 1, 3, 4]))
def test_touched_blocks_hold_every_row_that_has_a_gradient_and_clearing_clears_them(in_dim):
    grid = Grid("hash:levels=3,coarsest=4,finest=300,log2_size=10", in_dim)
    grid.coords = grid.coords[:4]
    grid.scatter()
    rows = (grid.grad != 0).any(axis=1)
    assert rows.any()
    inside = np.repeat(grid.touched, FLAG_ROWS)[: len(rows)] != 0
    assert inside[rows].all()
    assert grid.touched.sum() <= 4 * 3 * 2**in_dim
    assert set(grid.touched) <= {0, 1}
    run([Call(_grid.clear, grad=grid.grad, touched=grid.touched)], 2)
    assert not grid.touched.any()
    assert not grid.grad.any()


def test_a_level_of_few_rows_counts_as_touched_and_one_of_many_does_not():
    grid = Grid("hash:levels=2,coarsest=8,finest=4000,log2_size=16", 2)
    grid.coords = grid.coords[:5]
    grid.scatter()
    (few, many) = np.split(grid.touched, [64 // FLAG_ROWS])
    assert few.all()
    assert 0 < many.sum() <= 5 * 4


def test_clearing_leaves_alone_what_was_not_touched():
    grad, touched = np.ones((21, 2), np.float32), np.array([0, 1, 1], np.uint8)
    run([Call(_grid.clear, grad=grad, touched=touched)], 1)
    assert (grad[:8] == 1).all()
    assert (grad[8:] == 0).all()


@pytest.mark.parametrize("spec", [GRIDS[0], GRIDS[3], GRIDS[6]])
@pytest.mark.parametrize("in_dim", mostly_long([2, 1, 3]))
def test_a_coordinate_that_is_not_a_number_spoils_only_its_own_point(spec, in_dim):
    grid = Grid(spec, in_dim)
    kept = torch.arange(len(grid.coords)) != 5
    expected = grid.encode(), grid.scatter_coords()
    grid.coords[5, in_dim - 1] = math.nan
    features, of_coords = grid.encode(), grid.scatter_coords()
    assert features[5].isnan().all()
    assert torch.equal(features[kept], expected[0][kept])
    assert torch.equal(of_coords[kept], expected[1][kept])
    grid.scatter()  # somewhere in the table, not beside it
    assert np.isnan(grid.grad).any()


def test_a_gradient_is_added_to_what_is_there():
    grid = Grid(GRIDS[3], 2)
    once = grid.scatter().clone()
    torch.testing.assert_close(grid.scatter(), 2 * once, rtol=1e-5, atol=1e-4)
