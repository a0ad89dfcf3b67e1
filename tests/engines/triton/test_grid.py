"""Grid encodings as Triton kernels, beside the eager encodings."""

import itertools
import math
import os
import subprocess
import sys

import pytest
import torch

from inr import InrError
from inr.encodings import encodings
from inr.engines import grid_encode
from inr.engines._triton import _grid, _grid_ops
from tests.tables import mostly_long

EDGES = (-1.0, 1.0, -1.0 + 2**-23, 1.0 - 2**-24, 0.0, -1.7, 3.0, math.inf)
ROUNDING = 2**-24

# grid, axes, points: every number of axes and of features with every kind of level and of weights
CASES = [
    ("dense:levels=2,coarsest=3,finest=6,features=1", 1, 257),
    ("dense:levels=2,coarsest=5,finest=9,features=3,interpolation=smoothstep", 2, 37),
    ("hash:levels=2,coarsest=3,finest=12,log2_size=5", 2, 257),
    ("hash:levels=2,coarsest=3,finest=6,log2_size=6,features=4,interpolation=smoothstep", 3, 37),
    ("hash:levels=2,coarsest=2,finest=9,log2_size=4,features=2,interpolation=quintic", 2, 37),
    ("dense:levels=1,finest=3,features=2", 4, 37),
    ("hash:levels=1,finest=4,log2_size=7,features=3", 4, 1),
]
LONG = [
    (f"{kind},levels=2,features={features},interpolation={weights}", in_dim, points)
    for kind in ("dense:coarsest=3,finest=6", "hash:coarsest=2,finest=12,log2_size=4")
    for weights in ("linear", "smoothstep", "quintic")
    for features, points in ((1, 257), (2, 1), (3, 37), (4, 257), (16, 37))
    for in_dim in (1, 2, 3, 4)
]
SINGLE = [
    ("hash:levels=2,coarsest=1,finest=30,log2_size=0", 2, 37),  # one row for all vertices
    ("dense:levels=2,coarsest=1,finest=1", 1, 1),  # one vertex
]
# in the interpreter every corner of a cell takes a while
SHORT = [
    *(CASES[0], CASES[4]),
    ("hash:levels=1,finest=4,log2_size=5,features=4,interpolation=smoothstep", 3, 37),
    *SINGLE,
]
every_grid = pytest.mark.parametrize(
    ("spec", "in_dim", "count"),
    mostly_long([*SHORT, *(case for case in CASES + LONG if case not in SHORT)], len(SHORT)),
)


def points(in_dim, count):
    """Points on vertices, on and beyond the edges, in corners and anywhere, in no order."""
    mixed = [[EDGES[int(i)] for i in torch.randint(len(EDGES), (in_dim,))] for _ in range(20)]
    corners = list(itertools.product((-1.0, 1.0), repeat=in_dim))
    on_vertices = (torch.randint(9, (20, in_dim)) - 0.5) / 4 - 1  # of a level of 9 vertices an axis: exact
    some = torch.cat((torch.tensor(mixed + corners), on_vertices, torch.rand(count, in_dim) * 2 - 1))
    return some[torch.randperm(len(some))][:count].contiguous()


class Grid:
    """An encoding, points, a gradient of their features, and what the kernels make of them, on the processor."""

    def __init__(self, spec, in_dim, count, device, seed=0):
        torch.manual_seed(seed)
        self.device = device
        self.encoding = encodings.build(spec, in_dim)
        torch.nn.init.normal_(self.encoding.table)
        self.smoothness = int(self.encoding.smoothness)
        self.levels = _grid.levels_on(self.encoding.levels, torch.device(device))
        self.table = self.encoding.table.detach().to(device)
        self.coords = points(in_dim, count)
        self.given = torch.randn(count, self.encoding.out_dim)

    def encode(self):
        # rows of another array: they lie further apart than they are long
        wide = torch.full((len(self.coords), self.encoding.out_dim + 3), 7.0, device=self.device)
        _grid.encode(self.coords.to(self.device), self.table, self.levels, self.smoothness, wide[:, :-3])
        assert (wide[:, -3:] == 7).all()
        return wide[:, :-3].cpu()

    def scatter(self, deterministic=False):
        grad = torch.zeros_like(self.table)
        wide = torch.nn.functional.pad(self.given, (0, 5)).to(self.device)[:, :-5]
        _grid.scatter(self.coords.to(self.device), wide, self.levels, self.smoothness, grad, deterministic)
        return grad.cpu()

    def scatter_coords(self):
        grad = torch.full(self.coords.shape, 7.0, device=self.device)
        given = self.given.to(self.device)
        _grid.scatter_coords(self.coords.to(self.device), self.table, given, self.levels, self.smoothness, grad)
        return grad.cpu()

    def eager(self, dtype):
        """Features, and the gradients of table and coordinates."""
        encoding, coords = self.encoding.to(dtype), self.coords.to(dtype, copy=True).requires_grad_()
        features = encoding(coords)
        return features.detach(), *torch.autograd.grad(features, (encoding.table, coords), self.given.to(dtype))

    def tolerance(self):
        """Of a feature, in parts of the table's largest number.

        A place in a cell has three roundings of numbers up to the scale, and on each axis moves a value by up to 1.875
        (quintic's slope) x 2 of the largest. Then 2^d products of d + 1 numbers are summed, all rounded.
        """
        in_dim, scale = self.encoding.in_dim, max(level.scale for level in self.encoding.levels)
        return (12 * in_dim * (scale + 1) + 2**in_dim * (in_dim + 2)) * ROUNDING

    def check(self, expected, of_features, of_rows, of_coords):
        """Everything the kernels compute, with tolerances in parts of the largest number that is summed."""
        found = self.encode(), self.scatter(), self.scatter(deterministic=True), self.scatter_coords()
        features, of_table, coords_grad = (tensor.float() for tensor in expected)
        largest, given = self.table.abs().max().item(), self.given.abs().max().item()
        torch.testing.assert_close(found[0], features, rtol=0, atol=of_features * largest)
        torch.testing.assert_close(found[1], of_table, rtol=0, atol=of_rows * given)
        torch.testing.assert_close(found[2], of_table, rtol=0, atol=of_rows * given)
        slope = max(level.scale for level in self.encoding.levels) * self.given.abs().sum(1).max().item()
        torch.testing.assert_close(found[3], coords_grad, rtol=0, atol=of_coords * slope * largest)


@every_grid
def test_features_and_gradients_are_the_eager_ones(spec, in_dim, count, device):
    grid = Grid(spec, in_dim, count, device)
    exact = grid.tolerance()
    # a row may collect every point, with weights as exact as features; slopes change by up to 6 a cell
    grid.check(grid.eager(torch.float64), exact, count * exact, 4 * exact)


@pytest.mark.parametrize(
    ("in_dim", "spec"),
    [
        (2, "hash:levels=2,coarsest=16,finest=1048576,log2_size=12"),
        pytest.param(
            1, "dense:levels=2,coarsest=16,finest=1048576,features=3,interpolation=smoothstep", marks=pytest.mark.long
        ),
        pytest.param(3, "hash:levels=16,coarsest=16,finest=1048576,log2_size=19,features=4", marks=pytest.mark.long),
        pytest.param(2, "dense:levels=8,coarsest=16,finest=2048,features=2", marks=pytest.mark.long),
        pytest.param(4, "hash:levels=16,log2_size=16,interpolation=smoothstep", marks=pytest.mark.long),
    ],
)
def test_points_lie_in_the_same_cells_in_the_finest_levels(spec, in_dim, device):
    # where a rounding moves a point by much of a cell: weights and rows are those of float32 to the bit, and only sums
    # run in another order, over corners with two roundings each or over points that share a row
    grid = Grid(spec, in_dim, 130, device)
    corners = 2**in_dim * 2 * ROUNDING
    grid.check(grid.eager(torch.float32), corners, 130 * ROUNDING, 4 * corners)


@pytest.mark.parametrize("spec", mostly_long([CASES[2][0], CASES[1][0]]))
def test_deterministic_sums_are_the_same_bits_in_any_order(spec, device):
    grid = Grid(spec, 2, 300, device)
    grid.given *= torch.randn(300, 1).exp() ** 4  # from tiny to large: float32 sums depend on the order
    first = grid.scatter(deterministic=True)
    order = torch.randperm(300)
    grid.coords, grid.given = grid.coords[order], grid.given[order]
    assert torch.equal(grid.scatter(deterministic=True), first)
    if device == "cpu":  # where additions run in the order of the points
        before = grid.scatter()
        grid.coords, grid.given = grid.coords.flip(0), grid.given.flip(0)
        assert not torch.equal(grid.scatter(), before)


def test_deterministic_sums_keep_every_level_its_bits(device):
    grid = Grid("dense:levels=4,coarsest=3,finest=6,features=2", 1, 64, device)
    sizes = torch.tensor([1e-17, 1e20, 0.0, 1.0])
    grid.given *= sizes.repeat_interleave(2)
    of_table = grid.eager(torch.float64)[1].float()
    found = grid.scatter(deterministic=True)
    for level, size in zip(grid.encoding.levels, sizes.tolist(), strict=True):
        rows = slice(level.offset, level.offset + level.entries)
        torch.testing.assert_close(found[rows], of_table[rows], rtol=0, atol=64 * grid.tolerance() * 4 * size)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_deterministic_sums_show_a_gradient_that_is_not_finite(bad, device):
    grid = Grid("dense:levels=2,coarsest=3,finest=6,features=2", 1, 20, device)
    expected = grid.scatter(deterministic=True)
    grid.given[3, 1] = bad
    found, fine = grid.scatter(deterministic=True), grid.encoding.levels[1].offset
    assert found[:fine].isnan().all()
    assert torch.equal(found[fine:], expected[fine:])


@pytest.mark.parametrize(
    "spec", mostly_long(["hash:levels=2,coarsest=2,finest=30,log2_size=5", "dense:levels=2,coarsest=3,finest=6"])
)
def test_coordinates_that_are_not_numbers_stay_by_themselves(spec, device):
    grid = Grid(spec, 2, 20, device)
    expected = grid.encode(), grid.scatter_coords()
    bad = torch.zeros(20, dtype=torch.bool)
    bad[[2, 11]] = True
    grid.coords[2, 0], grid.coords[11] = math.nan, math.nan
    features, of_coords = grid.encode(), grid.scatter_coords()
    assert features[bad].isnan().all()
    assert torch.equal(features[~bad], expected[0][~bad])
    assert torch.equal(of_coords[~bad], expected[1][~bad])
    assert torch.equal(grid.scatter().isnan(), grid.eager(torch.float32)[1].isnan())
    whole = grid.scatter(deterministic=True)
    grid.given[bad] = 0
    grid.coords[bad] = 0
    torch.testing.assert_close(whole, grid.scatter(), rtol=0, atol=20 * ROUNDING * grid.given.abs().max().item())


def test_gradients_are_added_to_what_is_there(device):
    grid = Grid("dense:levels=2,coarsest=3,finest=6", 1, 20, device)
    for deterministic in (False, True):
        grad = torch.ones_like(grid.table)
        given = grid.given.to(device)
        _grid.scatter(grid.coords.to(device), given, grid.levels, grid.smoothness, grad, deterministic)
        expected = grid.scatter(deterministic) + 1
        torch.testing.assert_close(grad.cpu(), expected, rtol=0, atol=20 * ROUNDING * expected.abs().max().item())


def test_no_points(device):
    grid = Grid("dense:levels=2,coarsest=3,finest=6", 2, 0, device)
    assert grid.encode().shape == (0, 4)
    assert grid.scatter_coords().shape == (0, 2)
    assert not grid.scatter().any()
    assert not grid.scatter(deterministic=True).any()


def shape_of(encoding):
    count, coarsest, finest, size, smoothness = encoding.lattice.shape
    return count, coarsest, finest, 0 if size == math.inf else size, smoothness


@pytest.mark.parametrize("deterministic", mostly_long([True, False]))
def test_operators_run_the_kernels(deterministic, device):
    spec, in_dim, count = CASES[1]
    grid = Grid(spec, in_dim, count, device)
    coords = grid.coords.T.contiguous().T.to(device)  # rows that are not contiguous
    given = torch.ones(1, device=device).expand(count, grid.encoding.out_dim)
    grid.given = given.cpu().contiguous()
    shape = shape_of(grid.encoding)
    assert torch.equal(_grid_ops.encode(coords, grid.table, *shape).cpu(), grid.encode())
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(deterministic)
    try:
        of_coords, of_table = _grid_ops.backward(given, coords, grid.table, *shape, True, True)
        nothing = _grid_ops.backward(given, coords, grid.table, *shape, False, False)
    finally:
        torch.use_deterministic_algorithms(before)
    assert torch.equal(of_coords.cpu(), grid.scatter_coords())
    if deterministic or device == "cpu":
        assert torch.equal(of_table.cpu(), grid.scatter(deterministic))
    assert [len(grad) for grad in nothing] == [0, 0]


def test_operators_refuse_wrong_shapes(device):
    grid = Grid("dense:levels=2,coarsest=3,finest=5", 2, 5, device)
    coords, shape = grid.coords.to(device), shape_of(grid.encoding)
    with pytest.raises(InrError, match="has 48 rows, got 47"):
        _grid_ops.encode(coords, grid.table[1:], *shape)
    with pytest.raises(InrError, match=r"must have shape \(5, 4\), got \(5, 3\)"):
        _grid_ops.backward(grid.given[:, 1:].to(device), coords, grid.table, *shape, True, True)


def test_operators_have_kernels_for_gpus():
    for name in ("inr::grid_encode", "inr::grid_encode_backward"):
        assert torch._C._dispatch_has_kernel_for_dispatch_key(name, "CUDA")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("spec", "in_dim", "count"), CASES)
def test_operators_keep_the_rules_on_a_gpu(spec, in_dim, count, device):
    grid = Grid(spec, in_dim, count, device)
    encoding, coords = grid.encoding.to(device), grid.coords.to(device).requires_grad_()
    shape = shape_of(encoding)
    with torch.no_grad():
        assert torch.equal(grid_encode(encoding, coords).cpu(), grid.encode())
    torch.library.opcheck(torch.ops.inr.grid_encode.default, (coords, encoding.table, *shape))
    arguments = grid.given.to(device).requires_grad_(), coords, encoding.table, *shape, True, True
    torch.use_deterministic_algorithms(True)  # the check compares runs
    try:
        torch.library.opcheck(torch.ops.inr.grid_encode_backward.default, arguments)
    finally:
        torch.use_deterministic_algorithms(False)


# Interpreted kernels are plain Python: what the compiler makes of them shows on a GPU, or here.
COMPILE = """
import sys
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from inr.engines._triton import _grid

def compiled(kernel, in_dim, features, **options):
    width = 1 << (features - 1).bit_length()
    constants = {"DIM": in_dim, "FEATURES": features, "WIDTH": width, "BLOCK": 512 // width, "SMOOTHNESS": 2}
    constants |= options
    types = {"n": "i32", "stride": "i32", "levels": "i32", "places": "*i32"}
    types["sums"] = "*i64" if options.get("WHOLE") else "*fp32"
    names = kernel.arg_names
    signature = {name: "constexpr" if name in constants else types.get(name, "*fp32") for name in names}
    code = compile(ASTSource(kernel, signature, constants), GPUTarget("cuda", 80, 32), dict(_grid._AS_WRITTEN))
    assert "fma" not in code.asm["ptx"], kernel

for in_dim, features in ((2, 2), (3, 3), (4, 16))[:int(sys.argv[1])]:
    compiled(_grid._encode, in_dim, features)
    compiled(_grid._scatter, in_dim, features, WHOLE=False)
    compiled(_grid._scatter, in_dim, features, WHOLE=True)
    compiled(_grid._scatter_coords, in_dim, features)
"""


@pytest.mark.long
@pytest.mark.parametrize("kinds", [1, 3])
def test_kernels_compile_without_a_gpu(kinds, root, tmp_path):
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(root)}
    # a file: the compiler reads the kernels' source, and this one imports them
    (tmp_path / "compile_kernels.py").write_text(COMPILE)
    command = [sys.executable, tmp_path / "compile_kernels.py", str(kinds)]
    subprocess.run(command, env=environment, check=True)
