"""Grid encodings as operators of PyTorch, beside the eager encodings."""

import functools
import itertools
import math

import pytest
import torch

from inr import InrError
from inr.encodings import DenseGrid, HashGrid, encodings
from inr.engines import grid_encode
from tests.tables import mostly_long

GRIDS = [
    "dense:levels=2,coarsest=3,finest=6,features=2",
    "hash:levels=3,coarsest=2,finest=40,log2_size=5,features=2,interpolation=smoothstep",
    "hash:levels=2,coarsest=2,finest=20,log2_size=5,features=2,interpolation=quintic",
]
SHORT_AXIS = "hash:levels=3,coarsest=2,finest=40,log2_size=5,last_finest=7"
# every kind of grid has its kernels compiled, and every number of axes
SHORT = [(GRIDS[0], 2), (GRIDS[1], 3), (SHORT_AXIS, 2)]
OTHERS = [each for each in itertools.product(GRIDS, (1, 2, 3, 4)) if each not in SHORT]
every_grid = pytest.mark.parametrize(
    ("spec", "in_dim"), mostly_long([*SHORT, *OTHERS, (SHORT_AXIS, 1), (SHORT_AXIS, 3)], len(SHORT))
)


def problem(spec, in_dim, count=9):
    torch.manual_seed(in_dim)
    encoding = encodings.build(spec, in_dim)
    torch.nn.init.normal_(encoding.table)
    return encoding, (torch.rand(count, in_dim) * 2.2 - 1.1).requires_grad_()


def derivatives(features, coords, table):
    """First, second and third derivatives of a number made of features, all of them of both inputs."""
    weights = torch.linspace(-1, 1, features.numel()).view_as(features)
    found = [(features.sin() * weights).sum()]
    for _ in range(3):
        grads = torch.autograd.grad(found[-1], (coords, table), create_graph=True)
        found += [grads[0], grads[1], sum((grad.square().sum() for grad in grads), torch.zeros(()))]
    return found


@every_grid
def test_derivatives_of_any_order_are_the_eager_ones(spec, in_dim):
    encoding, coords = problem(spec, in_dim)
    found = derivatives(grid_encode(encoding, coords), coords, encoding.table)
    expected = derivatives(encoding(coords), coords, encoding.table)
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())


QUICK_CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor")


# the check that traces takes torch seconds, and the rules are the same for any grid in any dimension
@pytest.mark.parametrize(
    "checks", [QUICK_CHECKS, pytest.param((*QUICK_CHECKS, "test_aot_dispatch_dynamic"), marks=pytest.mark.long)]
)
@pytest.mark.parametrize("spec", mostly_long(GRIDS))
@pytest.mark.parametrize("in_dim", mostly_long([2, 1, 3, 4]))
def test_operators_keep_the_rules(spec, in_dim, checks):
    encoding, coords = problem(spec, in_dim)
    count, coarsest, finest, size, smoothness = encoding.lattice.shape
    shape = count, coarsest, finest, 0 if size == math.inf else size, smoothness
    # as derivatives above: slopes of hundreds are sums of 16 vertices, in another order where the graph is traced
    check = functools.partial(torch.library.opcheck, test_utils=checks, rtol=1e-4, atol=1e-4)
    check(torch.ops.inr.grid_encode.default, (coords, encoding.table, *shape))
    grad = torch.randn(len(coords), encoding.out_dim, requires_grad=True)
    for wanted in ((True, True), (False, True))[: 1 + (in_dim == 2)]:
        arguments = (grad, coords, encoding.table, *shape, *wanted)
        check(torch.ops.inr.grid_encode_backward.default, arguments)


@pytest.mark.parametrize(("of_coords", "of_table"), [(True, False), (False, True), (False, False)])
def test_only_what_is_wanted_is_differentiated(of_coords, of_table):
    encoding, coords = problem(GRIDS[0], 2)
    coords = coords.detach().requires_grad_(of_coords)
    encoding.table.requires_grad_(of_table)
    features = grid_encode(encoding, coords)
    assert features.requires_grad == (of_coords or of_table)
    if of_coords or of_table:
        features.sum().backward()
    assert (coords.grad is not None) == of_coords
    assert (encoding.table.grad is not None) == of_table


def test_inputs_that_are_not_contiguous():
    encoding, coords = problem(GRIDS[0], 2, 30)
    across = coords.detach().T.contiguous().T
    features = grid_encode(encoding, across[::3])
    torch.testing.assert_close(features, encoding(coords[::3]))
    (grad,) = torch.autograd.grad(features, encoding.table, torch.ones(1).expand_as(features))
    (expected,) = torch.autograd.grad(encoding(coords[::3]).sum(), encoding.table)
    torch.testing.assert_close(grad, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_bits_on_any_number_of_threads(threads):
    encoding, coords = HashGrid(2, levels=5, log2_size=8), torch.rand(5000, 2) * 2 - 1
    before = torch.get_num_threads()
    results = []
    try:
        for count in (1, threads):
            torch.set_num_threads(count)
            features = grid_encode(encoding, coords)
            results.append((features, *torch.autograd.grad(features.sin().sum(), encoding.table)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_other_types_go_the_eager_way():
    encoding = DenseGrid(2, levels=2, coarsest=3, finest=5).double()
    coords = torch.rand(10, 2).double().requires_grad_()
    assert torch.equal(grid_encode(encoding, coords), encoding(coords))
    assert torch.autograd.gradcheck(lambda x: grid_encode(encoding, x), (coords,))


def test_wrong_shapes_are_refused():
    encoding = DenseGrid(2, levels=2, coarsest=3, finest=5)
    with pytest.raises(InrError, match=r"shape \(n, 2\), got \(5, 3\)"):
        grid_encode(encoding, torch.rand(5, 3))
    with pytest.raises(InrError, match="has 48 rows, got 47"):
        torch.ops.inr.grid_encode(torch.rand(5, 2), encoding.table[1:], *encoding.lattice.shape[:3], 0, 0)
