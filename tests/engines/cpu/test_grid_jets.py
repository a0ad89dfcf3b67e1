"""Grid encodings with derivatives on the engine `cpu`, beside the eager encodings in float64."""

import math

import numpy as np
import pytest
import torch

from inr.encodings import encodings
from inr.engines import RowSparse
from inr.engines._cpu._corners import CHUNK
from inr.engines._cpu._grid_encoder import GridEncoder
from inr.engines._cpu._planes import Planes
from inr.field import Reads, jet, laplace
from inr.jit import run
from tests.tables import mostly_long

_EDGES = (-1.0, 1.0, 0.0, -1.7, 3.0)
_TABLE = "encoding.table"
_SPARE = 3  # columns of features that belong to nobody
_QUINTIC = [
    "dense:levels=3,coarsest=3,finest=6,interpolation=quintic",
    "hash:levels=4,coarsest=2,finest=40,log2_size=6,interpolation=quintic",
    "hash:levels=2,coarsest=4,finest=9,log2_size=1,features=3,interpolation=quintic",
]
_SMOOTHSTEP = [
    "dense:levels=2,coarsest=1,finest=4,features=3,interpolation=smoothstep",
    "hash:levels=5,coarsest=3,finest=60,log2_size=5,interpolation=smoothstep",
]
_SHORT = "hash:levels=3,coarsest=2,finest=40,log2_size=5,last_finest=7,interpolation=quintic"


def _points(in_dim: int, count: int) -> torch.Tensor:
    """Random points, some of them on and beyond the edges, in no order."""
    mixed = [[_EDGES[int(i)] for i in torch.randint(len(_EDGES), (in_dim,))] for _ in range(20)]
    every = torch.cat((torch.rand(count, in_dim) * 2 - 1, torch.tensor(mixed)))
    return every[torch.randperm(len(every))].contiguous()


def _operator(in_dim: int) -> tuple[tuple[float, ...], ...]:
    """One with every second derivative."""
    full = torch.randn(in_dim, in_dim, generator=torch.Generator().manual_seed(3)).double()
    return tuple(map(tuple, (full + full.T).tolist()))


def _first(in_dim: int) -> Planes:
    return Planes(tuple(range(in_dim)))


def _second(in_dim: int) -> Planes:
    mixed = [[0.0] * in_dim for _ in range(in_dim)]
    mixed[0][-1] = mixed[-1][0] = 0.5
    return Planes(tuple(range(in_dim)), (laplace(in_dim), _operator(in_dim), tuple(map(tuple, mixed))))


class _Grid:
    """An encoding, points, and a gradient of their planes."""

    def __init__(self, spec: str, in_dim: int, planes: Planes, count: int = 101) -> None:
        torch.manual_seed(0)
        self.encoding = encodings.build(spec, in_dim)
        torch.nn.init.normal_(self.encoding.table)
        self.planes = planes
        self.coords = _points(in_dim, count) if count else torch.zeros(0, in_dim)
        self.given = torch.randn(len(self.coords), planes.count, self.encoding.out_dim)
        self.encoder = GridEncoder(self.encoding)

    def run(self, threads: int = 1) -> tuple[torch.Tensor, RowSparse]:
        """Planes (n, planes, features), and the gradient of the table."""
        width = self.encoding.out_dim + _SPARE
        out = np.full((len(self.coords) * self.planes.count, width), 7, np.float32)
        given = torch.nn.functional.pad(self.given, (0, _SPARE), value=math.nan).view(-1, width).numpy()
        coords = self.coords.numpy()
        program = [
            *self.encoder.start({_TABLE: self.encoding.table}, learning=True),
            *self.encoder.encode_jet(coords, out, self.planes),
            *self.encoder.backward_jet(coords, given, self.planes),
        ]
        run(program, threads)
        assert (out[:, -_SPARE:] == 7).all()
        found = torch.from_numpy(out[:, :-_SPARE]).view(self.given.shape)
        return found, self.encoder.finish()[_TABLE]

    def eager(self, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """The same by automatic differentiation."""
        encoding = encodings.build(self.encoding.config(), self.encoding.in_dim).to(dtype)
        encoding.load_state_dict(self.encoding.state_dict())
        found = jet(encoding, self.coords.to(dtype), Reads(self.planes.axes, self.planes.operators))
        planes = torch.cat((found.values[:, None], found.first.transpose(1, 2), found.second.transpose(1, 2)), 1)
        (grad,) = torch.autograd.grad(planes, encoding.table, self.given.to(dtype))
        return planes.detach(), grad

    def check(self) -> None:
        """As near to float64 as eager float32 is, plane by plane.

        A place in a cell has a few roundings of numbers up to the scale, whatever computes it, and its derivatives
        have more of them in another order.
        """
        (exact, exact_grad), (single, single_grad) = self.eager(torch.float64), self.eager(torch.float32)
        planes, grad = self.run()
        for place in range(self.planes.count):
            _assert_near(planes[:, place], single[:, place], exact[:, place])
        _assert_near(grad.to_dense(), single_grad, exact_grad)


def _assert_near(found: torch.Tensor, single: torch.Tensor, exact: torch.Tensor) -> None:
    allowed = 4 * float((single - exact).abs().max()) + 16 * 2**-23 * float(exact.abs().max())
    assert float((found - exact).abs().max()) <= allowed


# every kind of planes is compiled anew, which takes some seconds
@pytest.mark.parametrize(
    ("spec", "in_dim"),
    mostly_long(
        [
            *((_QUINTIC[0], 2), (_QUINTIC[1], 2), (_SHORT, 2)),
            *((_QUINTIC[0], 1), (_QUINTIC[0], 3), (_QUINTIC[1], 1), (_QUINTIC[1], 3), (_QUINTIC[2], 2)),
            *((spec, 4) for spec in (*_QUINTIC[:2], _SHORT)),
        ],
        3,
    ),
)
def test_values_first_and_second_derivatives_and_the_tables_gradient_are_the_eager_ones(spec, in_dim):
    _Grid(spec, in_dim, _second(in_dim)).check()


@pytest.mark.parametrize(
    ("spec", "in_dim"),
    mostly_long(
        [
            *((_SMOOTHSTEP[1], 3), (_SMOOTHSTEP[0], 3), (_SMOOTHSTEP[1], 2)),
            *((spec, 4) for spec in (*_SMOOTHSTEP, _SHORT)),
        ]
    ),
)
def test_values_and_first_derivatives_and_the_tables_gradient_are_the_eager_ones(spec, in_dim):
    _Grid(spec, in_dim, _first(in_dim)).check()


@pytest.mark.long
@pytest.mark.parametrize("axes", [(1, 2), (0,)])
def test_derivatives_by_some_of_the_axes(axes):
    _Grid(_SMOOTHSTEP[1], 3, Planes(axes)).check()


@pytest.mark.long
def test_operators_that_read_some_of_the_axes():
    by_last = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 2.0))
    by_both = ((0.0, 0.3, 0.0), (0.3, 0.0, 0.0), (0.0, 0.0, 0.0))
    nothing = ((0.0,) * 3,) * 3
    _Grid(_QUINTIC[0], 3, Planes((0, 1, 2), (by_last, by_both, nothing))).check()


@pytest.mark.parametrize("count", [1, 63, 64, 65, CHUNK + 1])
def test_any_number_of_points(count):
    grid = _Grid(_QUINTIC[1], 2, _second(2), count)
    grid.coords, grid.given = grid.coords[:count], grid.given[:count].contiguous()
    grid.check()


def test_no_points():
    planes, grad = _Grid(_QUINTIC[1], 2, _second(2), 0).run()
    assert planes.shape == (0, 6, 8)
    assert not grad.to_dense().any()


@pytest.mark.parametrize(
    ("spec", "planes"),
    mostly_long([(_SMOOTHSTEP[1], _first(3)), (_QUINTIC[0], _second(3)), (_QUINTIC[1], _second(3))]),
)
def test_values_are_the_same_bits_with_and_without_derivatives(spec, planes):
    grid = _Grid(spec, 3, planes)
    planes, _ = grid.run()
    alone = np.zeros((len(grid.coords), grid.encoding.out_dim), np.float32)
    run(grid.encoder.encode(grid.coords.numpy(), alone), 1)
    assert torch.equal(planes[:, 0], torch.from_numpy(alone))


@pytest.mark.parametrize("threads", [2, 3, 9])
def test_the_same_bits_for_any_number_of_workers(threads):
    planes, grad = _Grid(_QUINTIC[1], 2, _second(2), 700).run()
    again, grad_again = _Grid(_QUINTIC[1], 2, _second(2), 700).run(threads)
    assert torch.equal(again, planes)
    assert torch.equal(grad_again.to_dense(), grad.to_dense())
    assert torch.equal(grad_again.touched, grad.touched)


def test_the_gradient_stays_row_sparse_and_adds_up_with_that_of_values():
    grid = _Grid("hash:levels=2,coarsest=20,finest=900,log2_size=16,interpolation=smoothstep", 3, _first(3), 5)
    _, once = grid.run()
    once = once.to_dense().clone()
    coords = grid.coords.numpy()
    given = grid.given.view(-1, grid.encoding.out_dim).numpy()
    calls = [
        *grid.encoder.start({_TABLE: grid.encoding.table}, learning=True),
        *grid.encoder.backward_jet(coords, given, grid.planes),
        *grid.encoder.backward(coords, np.ones((len(coords), grid.encoding.out_dim), np.float32)),
    ]
    run(calls, 1)
    both = grid.encoder.finish()[_TABLE]
    (weights,) = torch.autograd.grad(grid.encoding(grid.coords).sum(), grid.encoding.table)
    torch.testing.assert_close(both.to_dense(), once + weights, rtol=1e-5, atol=1e-4)
    assert int(both.touched.sum()) < len(both.touched) // 10
    shown = both.touched.bool().repeat_interleave(RowSparse.BLOCK)[: len(both.grad)]
    assert shown[both.to_dense().any(1)].all()


def test_a_coordinate_that_is_not_a_number_spoils_only_its_own_point():
    grid = _Grid(_QUINTIC[1], 2, _second(2))
    expected, _ = grid.run()
    grid.coords[5, 1] = math.nan
    planes, _ = grid.run()
    kept = torch.arange(len(planes)) != 5
    assert planes[5, 0].isnan().all()
    assert torch.equal(planes[kept], expected[kept])


@pytest.mark.parametrize(
    ("interpolation", "planes", "told"),
    [
        ("linear", Planes((0,)), "encoding 'hash' has kinks; interpolation=smoothstep has gradients, and quintic"),
        ("smoothstep", Planes((0,)), ""),
        ("smoothstep", Planes((0, 1), (laplace(2),)), "jump; interpolation=quintic has Laplacians"),
        ("quintic", Planes((0, 1), (laplace(2),)), ""),
    ],
)
def test_what_the_interpolation_does_not_have_is_said(interpolation, planes, told):
    found = GridEncoder(encodings.build(f"hash:levels=2,log2_size=4,interpolation={interpolation}", 2)).lacks(planes)
    assert told in found
    assert bool(found) == bool(told)
